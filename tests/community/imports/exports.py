"""Small exports, written by hand as each forum writes them."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

# A table of a dump: its columns, then its rows.
Table = tuple[str, list[list[Any]]]
USERS: Table = (
    "id, username, name, created_at",
    [
        [1, "ada", "Ada Lovelace", "2019-02-03 04:05:06"],
        [2, "grace", None, "2019-03-04 05:06:07"],
    ],
)
EMAILS: Table = (
    'user_id, email, "primary"',
    [[1, "Ada@Old.test", "t"], [2, "grace@old.test", "t"]],
)
CATEGORIES: Table = (
    "id, name, slug, read_restricted, parent_category_id",
    [
        [1, "Help", "help", "f", None],
        [2, "Setup", "setup", "f", 1],
        [3, "Team", "team", "t", None],
    ],
)
TOPICS = "id, title, user_id, created_at, archetype, category_id, closed, views"
POSTS = "id, topic_id, post_number, user_id, raw, created_at, post_type, like_count"


def dump(tables: dict[str, Table]) -> bytes:
    """Return a plain dump of these tables, between what else a dump holds."""
    parts = ["SET statement_timeout = 0;\n", "CREATE TABLE public.x (id integer);\n"]
    for name, (columns, rows) in tables.items():
        parts.append(f"COPY public.{name} ({columns}) FROM stdin;\n")
        parts += ["\t".join(map(_field, row)) + "\n" for row in rows]
        parts.append("\\.\n\n")
    return "".join(parts).encode()


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n")


def discourse(folder: Path, **tables: Table) -> Path:
    """Write a backup as administrators download it: one topic, if nothing is said."""
    every: dict[str, Table] = {
        "users": USERS,
        "user_emails": EMAILS,
        "categories": CATEGORIES,
        "topics": (TOPICS, [topic_row(1)]),
        "posts": (POSTS, [post_row(10, 1, 1)]),
        **tables,
    }
    packed = gzip.compress(dump(every))
    path = folder / "backup.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (
            ("./uploads/default/original/1X/a.png", b"png"),
            ("./dump.sql.gz", packed),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def topic_row(key: int, **fields: Any) -> list[Any]:
    row = {
        "id": key,
        "title": f"How do I rotate key {key}?",
        "user_id": 1,
        "created_at": "2020-01-02 03:04:05.678",
        "archetype": "regular",
        "category_id": 1,
        "closed": "f",
        "views": 70,
        **fields,
    }
    return list(row.values())


def post_row(key: int, topic: int, number: int, **fields: Any) -> list[Any]:
    row = {
        "id": key,
        "topic_id": topic,
        "post_number": number,
        "user_id": 1 if number == 1 else 2,
        "raw": f"Text {key}.\n\tSecond line with a \\ in it.",
        "created_at": f"2020-01-02 03:{number:02}:05.678",
        "post_type": 1,
        "like_count": 3,
        **fields,
    }
    return list(row.values())


def xml(folder: Path, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write a file of a Stack Exchange dump."""
    said = [
        "  <row "
        + " ".join(
            f"{key}={quoteattr(str(value), {chr(10): '&#xA;'})}"
            for key, value in row.items()
        )
        + " />"
        for row in rows
    ]
    text = '<?xml version="1.0" encoding="utf-8"?>\n<{0}>\n{1}\n</{0}>\n'
    root = name.lower().removesuffix(".xml")
    (folder / name).write_text(text.format(root, "\n".join(said)), encoding="utf-8")


def question(key: int, **fields: Any) -> dict[str, Any]:
    return {
        "Id": key,
        "PostTypeId": 1,
        "CreationDate": "2012-05-06T07:08:09.123",
        "Score": 12,
        "ViewCount": 345,
        "Body": "<p>What is <code>max_tokens</code>?</p>",
        "OwnerUserId": 1,
        "Title": f"What is this? ({key})",
        "Tags": "<c++><c#>",
        **fields,
    }


def answer(key: int, to: int, **fields: Any) -> dict[str, Any]:
    return {
        "Id": key,
        "PostTypeId": 2,
        "ParentId": to,
        "CreationDate": f"2012-05-06T08:08:{key % 60:02}.000",
        "Score": 4,
        "Body": "<p>A limit.</p>",
        "OwnerUserId": 2,
        **fields,
    }


def stackexchange(folder: Path, posts: list[dict[str, Any]], **files: Any) -> Path:
    """Write a dump into ``folder``: its posts, its two people, and other files."""
    xml(folder, "Posts.xml", posts)
    people = [
        {"Id": 1, "DisplayName": "Ada", "CreationDate": "2011-01-01T00:00:00.000"},
        {"Id": 2, "DisplayName": "Grace", "CreationDate": "2011-01-02T00:00:00.000"},
    ]
    xml(folder, "Users.xml", files.pop("Users", people))
    for name, rows in files.items():
        xml(folder, f"{name}.xml", rows)
    return folder


def discussion(number: int, **fields: Any) -> dict[str, Any]:
    return {
        **node(f"D_{number}"),
        "number": number,
        "title": f"How is it done? ({number})",
        "category": {"id": "C1", "name": "Q&A", "isAnswerable": True},
        "labels": {"nodes": [{"name": "c++"}]},
        "answer": None,
        "comments": {"totalCount": 0, "nodes": []},
        **fields,
    }


def node(key: str, login: str | None = "ada", **fields: Any) -> dict[str, Any]:
    author = {"login": login, "databaseId": 17, "name": "Ada"} if login else None
    return {
        "id": key,
        "body": f"Text of {key}, @ada.",
        "createdAt": "2021-06-07T08:09:10Z",
        "upvoteCount": 5,
        "author": author,
        **fields,
    }


def github(path: Path, *pages: list[dict[str, Any]]) -> Path:
    """Write answers of the API, one after the other, as the command line tool does."""
    answers = [
        {"data": {"repository": {"discussions": {"nodes": page}}}} for page in pages
    ]
    path.write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    return path

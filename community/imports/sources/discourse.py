"""Discourse: the backup that every administrator can download (Admin → Backups).

It is a ``.tar.gz`` with ``dump.sql.gz``, a plain dump of the database, and the files
that were uploaded. The archive is read as it is; so are a folder it was unpacked into
and the dump alone. No PostgreSQL is needed and nothing of the dump is executed.
"""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from community.imports.exceptions import BadExport
from community.imports.sources.copying import Row, rows_of_dump
from community.imports.staging import Staging

# The columns without which nothing of a table can be told; others are taken if there.
_WANTED = {
    "users": frozenset({"id", "username", "created_at"}),
    "user_emails": frozenset({"user_id", "email"}),
    "categories": frozenset({"id", "name"}),
    "category_custom_fields": frozenset({"category_id", "name", "value"}),
    "topics": frozenset({"id", "title", "user_id", "created_at", "archetype"}),
    "posts": frozenset(
        {"id", "topic_id", "post_number", "user_id", "raw", "created_at", "post_type"}
    ),
    "post_revisions": frozenset(
        {"post_id", "number", "user_id", "modifications", "created_at"}
    ),
    "tags": frozenset({"id", "name"}),
    "topic_tags": frozenset({"topic_id", "tag_id"}),
    # The plugin for solutions kept them in the first until 2025, then in the second.
    "topic_custom_fields": frozenset({"topic_id", "name", "value"}),
    "discourse_solved_solved_topics": frozenset({"topic_id", "answer_post_id"}),
    # Comments under answers, of the plugin for votes on posts.
    "post_voting_comments": frozenset({"id", "post_id", "user_id", "raw"}),
    "question_answer_comments": frozenset({"id", "post_id", "user_id", "raw"}),
    "uploads": frozenset({"sha1", "url"}),
}
_NEEDED = ("users", "topics", "posts", "categories")
# ``post_type`` in Discourse: an ordinary post; the others are notices and whispers.
_REGULAR, _WHISPER = "1", "4"


def read(path: Path, staging: Staging) -> None:
    """Put a backup into ``staging``. Raises ``BadExport``."""
    seen = set()
    with _dump(path) as file:
        for table, row in rows_of_dump(file, _WANTED):
            seen.add(table)
            _READERS[table](staging, row)
    for table in _NEEDED:
        if table not in seen:
            raise BadExport(f"There is no table {table}, or it is empty.")
    staging.finish()
    # What was solved or asks for an answer is a question.
    staging.run(
        "UPDATE topics SET kind = 'question' WHERE key IN (SELECT topic FROM solutions)"
        " OR category IN (SELECT category FROM asking)"
    )
    staging.run(
        "UPDATE people SET email = (SELECT email FROM emails WHERE person = key)"
    )
    staging.run(
        "UPDATE posts SET edited ="
        " (SELECT max(created) FROM revisions WHERE post = posts.key)"
    )


@contextmanager
def _dump(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open the dump of a backup, wherever it is."""
    if path.is_dir():
        found = [path / name for name in ("dump.sql.gz", "dump.sql")]
        path = next((each for each in found if each.is_file()), path / "dump.sql.gz")
    if not path.is_file():
        raise BadExport(f"There is no backup of Discourse at {path}.")
    try:
        if path.name.endswith((".tar.gz", ".tgz", ".tar")):
            with tarfile.open(path, "r|*") as archive:
                member = next(
                    (each for each in archive if Path(each.name).name == "dump.sql.gz"),
                    None,
                )
                packed = archive.extractfile(member) if member else None
                if packed is None:
                    raise BadExport("There is no dump.sql.gz in the archive.")
                with gzip.open(packed) as file:
                    yield file
        elif path.suffix == ".gz":
            with gzip.open(path) as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadExport(f"The backup cannot be read: {error}") from error


def _user(staging: Staging, row: Row) -> None:
    staging.add(
        "people",
        key=row["id"],
        username=row["username"],
        name=row.get("name") or row["username"],
        created=row["created_at"],
    )


def _email(staging: Staging, row: Row) -> None:
    if row.get("primary", "t") == "t":
        staging.add("emails", person=row["user_id"], email=row["email"])


def _category(staging: Staging, row: Row) -> None:
    staging.add(
        "categories",
        key=row["id"],
        name=row["name"],
        slug=row.get("slug"),
        about=row.get("description_text") or row.get("description") or "",
        parent=row.get("parent_category_id"),
        is_closed=row.get("read_restricted") == "t",
    )


def _category_field(staging: Staging, row: Row) -> None:
    if row["name"] == "enable_accepted_answers" and row["value"] == "true":
        staging.add("asking", category=row["category_id"])


def _topic(staging: Staging, row: Row) -> None:
    why = ""
    if row["archetype"] != "regular":
        why = "private messages"
    elif row.get("deleted_at"):
        why = "deleted there"
    elif row.get("visible", "t") != "t":
        why = "not listed there"
    staging.add(
        "topics",
        key=row["id"],
        title=row["title"],
        kind="discussion",
        category=row.get("category_id"),
        author=row["user_id"],
        created=row["created_at"],
        views=row.get("views") or 0,
        is_locked=row.get("closed") == "t" or row.get("archived") == "t",
        why=why,
    )


def _post(staging: Staging, row: Row) -> None:
    why = ""
    if row["post_type"] == _WHISPER:
        why = "whispers, which only the team read"
    elif row["post_type"] != _REGULAR:
        why = "notices of what moderators did"
    elif row.get("deleted_at") or row.get("user_deleted") == "t":
        why = "deleted there"
    elif row.get("hidden") == "t":
        why = "hidden there"
    staging.add(
        "posts",
        key=row["id"],
        topic=row["topic_id"],
        number=row["post_number"],
        author=row["user_id"],
        created=row["created_at"],
        text=row["raw"],
        score=row.get("like_count") or 0,
        is_opening=row["post_number"] == "1",
        why=why,
    )


class _Loader(yaml.SafeLoader):
    """Reads what Ruby wrote: its own kinds of hash are hashes."""


def _as_plain(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!ruby/", _as_plain)


def _revision(staging: Staging, row: Row) -> None:
    if row.get("hidden") == "t":
        staging.note("revisions that were hidden there")
        return
    try:
        changed = yaml.load(row["modifications"] or "", Loader=_Loader)  # noqa: S506 - safe
    except (yaml.YAMLError, ValueError, RecursionError):
        changed = None
    if not isinstance(changed, dict):
        staging.note("revisions that cannot be read")
        return
    staging.add(
        "revisions",
        post=row["post_id"],
        place=row["number"],
        author=row["user_id"],
        created=row["created_at"],
        text=_before(changed, "raw"),
        title=_before(changed, "title"),
        reason=_after(changed, "edit_reason"),
    )


def _before(changed: dict[Any, Any], name: str) -> str | None:
    pair = changed.get(name)
    is_pair = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
    return pair[0] if is_pair else None  # type: ignore[index]


def _after(changed: dict[Any, Any], name: str) -> str:
    pair = changed.get(name)
    is_pair = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str)
    return pair[1] if is_pair else ""  # type: ignore[index]


def _tag(staging: Staging, row: Row) -> None:
    staging.add(
        "tags", key=row["id"], name=row["name"], synonym_of=row.get("target_tag_id")
    )


def _topic_tag(staging: Staging, row: Row) -> None:
    staging.add("tagged", topic=row["topic_id"], tag=row["tag_id"])


def _topic_field(staging: Staging, row: Row) -> None:
    if row["name"] == "accepted_answer_post_id":
        staging.add(
            "solutions",
            topic=row["topic_id"],
            post=row["value"],
            created=row.get("created_at"),
        )


def _solved(staging: Staging, row: Row) -> None:
    staging.add(
        "solutions",
        topic=row["topic_id"],
        post=row["answer_post_id"],
        created=row.get("created_at"),
    )


def _comment(staging: Staging, row: Row) -> None:
    staging.add(
        "comments",
        key=row["id"],
        post=row["post_id"],
        author=row["user_id"],
        created=row.get("created_at"),
        text=row["raw"],
        score=row.get("qa_vote_count") or 0,
        why="deleted there" if row.get("deleted_at") else "",
    )


def _upload(staging: Staging, row: Row) -> None:
    staging.add("files", name=row["sha1"], url=row["url"])


_READERS: dict[str, Callable[[Staging, Row], None]] = {
    "users": _user,
    "user_emails": _email,
    "categories": _category,
    "category_custom_fields": _category_field,
    "topics": _topic,
    "posts": _post,
    "post_revisions": _revision,
    "tags": _tag,
    "topic_tags": _topic_tag,
    "topic_custom_fields": _topic_field,
    "discourse_solved_solved_topics": _solved,
    "post_voting_comments": _comment,
    "question_answer_comments": _comment,
    "uploads": _upload,
}

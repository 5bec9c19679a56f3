"""Stack Exchange: the data dump that each of its sites gives out.

A folder of XML files, one ``<row/>`` to an entry, as unpacked from the ``.7z`` of a
site. Posts and users are needed; comments, the history of posts, votes and tags are
taken where they are there. They are read row by row and never held whole.

The history has the Markdown that people typed; where it is missing, the HTML of the
posts is turned back into Markdown. Addresses of people are in no dump since 2014.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from community.imports.exceptions import BadExport
from community.imports.staging import Staging

Row = dict[str, str]

_QUESTION, _ANSWER = "1", "2"
# Of ``PostHistoryTypeId``: what was typed first, at an edit and at a roll-back.
_FIELDS = {
    **dict.fromkeys(("1", "4", "7"), "title"),
    **dict.fromkeys(("2", "5", "8"), "body"),
}
# Of ``VoteTypeId``: the vote that accepted an answer says when that was.
_ACCEPTED = "1"
# ``<c++><python-3.x>`` for many years, ``|c++|python-3.x|`` since 2024.
_TAG = re.compile(r"[^<>|]+")


def read(path: Path, staging: Staging) -> None:
    """Put a dump into ``staging``. Raises ``BadExport``."""
    if not path.is_dir():
        raise BadExport(f"{path} is no folder. Unpack the dump of the site into one.")
    for row in _rows(path / "Users.xml"):
        _user(staging, row)
    for row in _rows(path / "Posts.xml"):
        _post(staging, row)
    for row in _rows(path / "Comments.xml", needed=False):
        _comment(staging, row)
    for row in _rows(path / "PostHistory.xml", needed=False):
        _history(staging, row)
    for row in _rows(path / "Votes.xml", needed=False):
        if row.get("VoteTypeId") == _ACCEPTED:
            staging.add(
                "accepted", post=row.get("PostId"), created=row.get("CreationDate")
            )
    staging.finish()
    staging.run(
        "UPDATE solutions SET created ="
        " (SELECT max(created) FROM accepted WHERE accepted.post = solutions.post)"
    )
    _retell(staging)


def _rows(path: Path, *, needed: bool = True) -> Iterator[Row]:
    """Yield the attributes of each row of a file. Raises ``BadExport``."""
    if not path.is_file():
        if needed:
            raise BadExport(f"There is no {path.name} in {path.parent}.")
        return
    try:
        with path.open("rb") as file:
            events = iterparse(file, events=("start", "end"), forbid_dtd=True)
            _event, root = next(events)
            for event, element in events:
                if event == "end" and element.tag == "row":
                    if "Id" not in element.attrib:
                        raise BadExport(f"A row of {path.name} has no Id.")
                    yield dict(element.attrib)
                    # What was read may go; the root would keep all of it.
                    root.clear()
    except (ParseError, StopIteration, DefusedXmlException, LookupError) as error:
        raise BadExport(f"{path.name} cannot be read: {error!r}") from error
    except ValueError as error:
        raise BadExport(f"{path.name} is in no encoding that is known.") from error


def _user(staging: Staging, row: Row) -> None:
    name = row.get("DisplayName", "")
    staging.add(
        "people",
        key=row["Id"],
        username=name,
        name=name,
        created=row.get("CreationDate"),
    )


def _author(staging: Staging, key: str | None, name: str | None) -> str:
    """Return the key of who wrote a row; who left is known by a name at most."""
    if key or not name:
        return key or ""
    staging.add("people", key=f"name:{name}", username=name, name=name)
    return f"name:{name}"


def _post(staging: Staging, row: Row) -> None:
    kind, key = row.get("PostTypeId"), row["Id"]
    if kind not in {_QUESTION, _ANSWER}:
        staging.note("descriptions of tags and other pages beside questions")
        return
    author = _author(staging, row.get("OwnerUserId"), row.get("OwnerDisplayName"))
    created = row.get("CreationDate")
    if kind == _QUESTION:
        staging.add(
            "topics",
            key=key,
            title=row.get("Title", ""),
            kind="question",
            category="",
            author=author,
            created=created,
            views=row.get("ViewCount") or 0,
            is_locked="ClosedDate" in row,
        )
        for name in _TAG.findall(row.get("Tags", "")):
            staging.add("tags", key=name, name=name)
            staging.add("tagged", topic=key, tag=name)
        if row.get("AcceptedAnswerId"):
            staging.add("solutions", topic=key, post=row["AcceptedAnswerId"])
    staging.add(
        "posts",
        key=key,
        topic=key if kind == _QUESTION else row.get("ParentId", ""),
        author=author,
        created=created,
        edited=row.get("LastEditDate"),
        text=row.get("Body", ""),
        is_html=1,
        score=row.get("Score") or 0,
        is_opening=kind == _QUESTION,
        why="deleted there" if "DeletionDate" in row else "",
    )


def _comment(staging: Staging, row: Row) -> None:
    staging.add(
        "comments",
        key=row["Id"],
        post=row.get("PostId"),
        author=_author(staging, row.get("UserId"), row.get("UserDisplayName")),
        created=row.get("CreationDate"),
        text=row.get("Text", ""),
        score=row.get("Score") or 0,
    )


def _history(staging: Staging, row: Row) -> None:
    field = _FIELDS.get(row.get("PostHistoryTypeId", ""))
    if field is None:
        return
    staging.add(
        "history",
        post=row.get("PostId"),
        place=row["Id"],
        step=row.get("RevisionGUID") or row["Id"],
        field=field,
        author=_author(staging, row.get("UserId"), row.get("UserDisplayName")),
        created=row.get("CreationDate"),
        text=row.get("Text", ""),
        reason=row.get("Comment", ""),
    )


def _retell(staging: Staging) -> None:
    """Make of the history what posts said before each edit, and say now."""
    now: dict[str, str] = {}
    post, step = "", ""
    before: Any = None

    def close() -> None:
        if post and "body" in now:
            staging.run(
                "UPDATE posts SET text = :text, is_html = 0 WHERE key = :key",
                {"text": now["body"], "key": post},
            )

    for row in staging.rows("SELECT * FROM history ORDER BY post, place"):
        if row["post"] != post:
            close()
            now, post, step = {}, row["post"], ""
        if row["step"] != step:
            step, before = row["step"], dict(now)
            if "body" in before:
                staging.add(
                    "revisions",
                    post=post,
                    place=row["place"],
                    author=row["author"],
                    created=row["created"],
                    text=before["body"],
                    title=before.get("title"),
                    reason=row["reason"],
                )
        now[row["field"]] = row["text"]
    close()
    staging.flush()

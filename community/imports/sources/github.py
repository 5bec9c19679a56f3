"""GitHub Discussions: what GitHub's GraphQL API answers, in one or many JSON files.

``QUERY`` is what is to be asked; ``gh api graphql --paginate -f query=…`` writes one
answer after the other, which is read as it is. A folder of such files and a list of
discussions (``--slurp``, or by a script) do as well. Only one answer is in memory.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from community.imports.exceptions import BadExport
from community.imports.staging import Staging

QUERY = """
query($owner: String!, $name: String!, $endCursor: String) {
  repository(owner: $owner, name: $name) {
    discussions(first: 20, after: $endCursor) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id number title body createdAt lastEditedAt locked upvoteCount
        author { login ... on User { databaseId name } }
        category { id name description isAnswerable }
        labels(first: 10) { nodes { name } }
        answer { id } answerChosenAt
        comments(first: 50) {
          totalCount
          nodes {
            id body createdAt lastEditedAt upvoteCount isMinimized
            author { login ... on User { databaseId name } }
            replies(first: 50) {
              totalCount
              nodes {
                id body createdAt upvoteCount isMinimized
                author { login ... on User { databaseId name } }
              }
            }
          }
        }
      }
    }
  }
}
"""
# An answer to the query is some hundred kilobytes; GitHub gives out no larger ones.
MAX_ANSWER = 64 * 1024 * 1024
# Some answers at once.
_PIECE = 1024 * 1024
Node = dict[str, Any]


def read(path: Path, staging: Staging) -> None:
    """Put discussions into ``staging``. Raises ``BadExport``."""
    files = sorted(path.glob("*.json*")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise BadExport(f"There is no JSON of GitHub at {path}.")
    count = 0
    for file in files:
        for document in _documents(file):
            for node in _discussions(document, file):
                _discussion(staging, node)
                count += 1
    if not count:
        raise BadExport("There is no discussion in it.")
    staging.finish()


def _documents(path: Path) -> Iterator[Any]:
    """Yield the documents of a file, written one after the other."""
    decoder, text = json.JSONDecoder(), ""
    try:
        with path.open(encoding="utf-8", errors="strict") as file:
            while True:
                text = text.lstrip()
                piece = ""
                try:
                    document, end = decoder.raw_decode(text) if text else (None, 0)
                except json.JSONDecodeError:
                    # Twice as much each time, so that a long one is begun seldom.
                    piece = file.read(max(_PIECE, len(text)))
                    if not piece or len(text) > MAX_ANSWER:
                        raise
                    text += piece
                    continue
                if end:
                    yield document
                    text = text[end:].lstrip()
                    continue
                text = file.read(_PIECE)
                if not text:
                    return
    except (ValueError, RecursionError, OSError) as error:
        raise BadExport(f"{path.name} is not the JSON of GitHub: {error}") from error


def _discussions(document: Any, path: Path) -> Iterator[Node]:
    """Yield the discussions of an answer, of a list of answers or of them."""
    if isinstance(document, list):
        for each in document:
            yield from _discussions(each, path)
        return
    if isinstance(document, dict):
        if document.get("errors"):
            raise BadExport(f"GitHub answered {path.name} with an error.")
        data = document.get("data", document)
        if isinstance(data, dict) and isinstance(data.get("repository"), dict):
            data = data["repository"]
        if isinstance(data, dict) and "discussions" in data:
            yield from _nodes(data["discussions"])
            return
        if "number" in document and "title" in document:
            yield document
            return
    raise BadExport(f"{path.name} holds something that is no discussion.")


def _nodes(connection: Any) -> list[Node]:
    """Return the nodes of a connection of GraphQL; none of what is not one."""
    nodes = connection.get("nodes") if isinstance(connection, dict) else None
    return [node for node in nodes or [] if isinstance(node, dict)]


def _discussion(staging: Staging, node: Node) -> None:
    key = _text(node.get("number"))
    found = node.get("category")
    category: Node = found if isinstance(found, dict) else {}
    author = _author(staging, node)
    staging.add(
        "categories",
        key=_text(category.get("id")),
        name=_text(category.get("name")),
        about=_text(category.get("description")),
    )
    staging.add(
        "topics",
        key=key,
        title=_text(node.get("title")),
        kind="question" if category.get("isAnswerable") else "discussion",
        category=_text(category.get("id")),
        author=author,
        created=_text(node.get("createdAt")),
        is_locked=bool(node.get("locked")),
    )
    # The text of a discussion has no id of its own.
    _add_post(staging, node, key=f"discussion:{key}", topic=key, is_opening=True)
    for label in _nodes(node.get("labels")):
        name = _text(label.get("name"))
        staging.add("tags", key=name, name=name)
        staging.add("tagged", topic=key, tag=name)
    answer = node.get("answer")
    if isinstance(answer, dict) and category.get("isAnswerable"):
        staging.add(
            "solutions",
            topic=key,
            post=_text(answer.get("id")),
            created=_text(node.get("answerChosenAt")),
        )
    for comment in _all(staging, node.get("comments"), "comments"):
        post = _text(comment.get("id"))
        _add_post(staging, comment, key=post, topic=key)
        for reply in _all(staging, comment.get("replies"), "replies to comments"):
            staging.add(
                "comments",
                key=_text(reply.get("id")),
                post=post,
                author=_author(staging, reply),
                created=_text(reply.get("createdAt")),
                text=_text(reply.get("body")),
                score=_whole(reply.get("upvoteCount")),
                why="hidden there" if reply.get("isMinimized") else "",
            )


def _add_post(
    staging: Staging, node: Node, *, key: str, topic: str, is_opening: bool = False
) -> None:
    staging.add(
        "posts",
        key=key,
        topic=topic,
        author=_author(staging, node),
        created=_text(node.get("createdAt")),
        edited=_text(node.get("lastEditedAt")) or None,
        text=_text(node.get("body")),
        score=_whole(node.get("upvoteCount")),
        is_opening=is_opening,
        why="hidden there" if node.get("isMinimized") else "",
    )


def _all(staging: Staging, connection: Any, what: str) -> list[Node]:
    """Return the nodes of a connection; those it says it has and lacks are counted."""
    nodes = _nodes(connection)
    total = connection.get("totalCount") if isinstance(connection, dict) else None
    if isinstance(total, int) and total > len(nodes):
        staging.note(f"!{what} that were not asked for", total - len(nodes))
    return nodes


def _author(staging: Staging, node: Node) -> str:
    """Return the key of who wrote a node; none where they have left GitHub."""
    author = node.get("author")
    login = _text(author.get("login")) if isinstance(author, dict) else ""
    if not isinstance(author, dict) or not login:
        return ""
    staging.add(
        "people",
        key=login.lower(),
        username=login,
        name=_text(author.get("name")) or login,
        github=_text(author.get("databaseId")),
    )
    return login.lower()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0

"""What changed between two versions of a post, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from itertools import pairwise

from accounts.models import User
from community.forum.models import Post

# Comparing is quadratic; beyond this the whole text is shown as replaced.
MAX_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: who made it, when, why, and the lines it touched."""

    number: int
    editor: User
    at: datetime
    reason: str
    lines: list[tuple[str, str]]


def revisions_of(post: Post) -> list[Change]:
    """Return a post's edits, the newest first."""
    revisions = list(post.revisions.select_related("editor").order_by("number"))
    texts = [*(revision.source_md for revision in revisions), post.source_md]
    return [
        Change(
            revision.number,
            revision.editor,
            revision.created_at,
            revision.reason,
            list(lines_between(before, after)),
        )
        for revision, (before, after) in reversed(
            list(zip(revisions, pairwise(texts), strict=True))
        )
    ]


def lines_between(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield what changed, line by line, each with its kind."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MAX_LINES:
        yield from (("removed", line) for line in old[:MAX_LINES])
        yield from (("added", line) for line in new[:MAX_LINES])
        return
    kinds = {"+": "added", "-": "removed", " ": "same"}
    for line in unified_diff(old, new, n=2, lineterm=""):
        if line.startswith(("---", "+++")):
            continue
        if line.startswith("@@"):
            yield "gap", ""
        else:
            yield kinds[line[0]], line[1:]

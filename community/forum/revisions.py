"""What changed between two versions of a post, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff

from accounts.models import User
from community.forum.models import Person, Post
from community.forum.permissions import can_moderate

# Comparing is quadratic; beyond this the whole text is shown as replaced.
MAX_LINES = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: who made it, when, why, and the lines it touched."""

    pk: int
    number: int
    editor: User
    at: datetime
    reason: str
    # The title before and after, where that changed.
    titles: tuple[str, str] | None
    lines: list[tuple[str, str]]
    # Whether what was said before is hidden; the team sees both still.
    is_hidden: bool
    is_withheld: bool


def revisions_of(post: Post, *, reader: Person) -> list[Change]:
    """Return a post's edits, the newest first.

    A version that was hidden is withheld from readers in both edits it took part in:
    in that which made it, and in that which changed it again.
    """
    revisions = list(post.revisions.select_related("editor").order_by("number"))
    texts = [*(revision.source_md for revision in revisions), post.source_md]
    titles = [*(revision.title for revision in revisions), post.topic.title]
    hidden = [*(revision.hidden_at is not None for revision in revisions), False]
    is_team = can_moderate(reader)
    changes = []
    for at, revision in enumerate(revisions):
        is_withheld = (hidden[at] or hidden[at + 1]) and not is_team
        before, after = titles[at], titles[at + 1]
        has_titles = post.is_opening and before != after and not is_withheld
        lines = [] if is_withheld else list(lines_between(texts[at], texts[at + 1]))
        changes.append(
            Change(
                revision.pk,
                revision.number,
                revision.editor,
                revision.created_at,
                "" if is_withheld else revision.reason,
                (before, after) if has_titles else None,
                lines,
                hidden[at],
                is_withheld,
            )
        )
    return changes[::-1]


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

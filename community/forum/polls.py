"""Polls as pages and the REST API show them: what a reader sees of the votes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.models import User
from community.forum.models import BallotChoice, Person, Poll, PollOption
from community.forum.permissions import can_edit, can_moderate


@dataclass(frozen=True, slots=True)
class OptionRow:
    """An option; ``count`` and ``share``, percent of voters, where they are shown."""

    option: PollOption
    is_mine: bool
    count: int | None
    share: int | None


@dataclass(slots=True)
class PollRow:
    """A poll as one reader sees it."""

    poll: Poll
    options: list[OptionRow]
    has_voted: bool
    shows_results: bool
    may_vote: bool
    may_edit: bool = False
    may_end: bool = False
    may_remove: bool = False
    # Of a vote that was refused: why, and what was chosen.
    error: str = ""
    chosen: frozenset[int] = field(default_factory=frozenset)


def poll_rows(polls: Iterable[Poll], *, user: Person) -> dict[int, PollRow]:
    """Return polls, by the keys of their posts: two queries for any number of them.

    Each poll knows its post, and that its topic.
    """
    found = {poll.pk: poll for poll in polls}
    if not found:
        return {}
    options: dict[int, list[PollOption]] = defaultdict(list)
    for option in PollOption.objects.filter(poll__in=found).order_by("position"):
        options[option.poll_id].append(option)
    mine: set[int] = set()
    if isinstance(user, User):
        own = BallotChoice.objects.filter(ballot__user=user, ballot__poll__in=found)
        mine = set(own.values_list("option_id", flat=True))
    return {
        poll.post_id: _row(poll, options[poll.pk], mine, user)
        for poll in found.values()
    }


def _row(
    poll: Poll, options: list[PollOption], mine: set[int], user: Person
) -> PollRow:
    has_voted = any(option.pk in mine for option in options)
    shows = (
        poll.has_ended
        or {
            Poll.Results.ALWAYS: True,
            Poll.Results.VOTED: has_voted,
            Poll.Results.ENDED: False,
        }[Poll.Results(poll.results)]
    )
    is_shown = not poll.post.hidden_at
    may_change = can_edit(user, poll.post) and is_shown
    return PollRow(
        poll=poll,
        options=[
            OptionRow(
                option=option,
                is_mine=option.pk in mine,
                count=option.vote_count if shows else None,
                share=_share(option.vote_count, poll.ballot_count) if shows else None,
            )
            for option in options
        ],
        has_voted=has_voted,
        shows_results=shows,
        may_vote=user.is_authenticated and not poll.has_ended and is_shown,
        may_edit=may_change and not poll.ballot_count and poll.post.is_opening,
        may_end=may_change and not poll.has_ended,
        may_remove=may_change and (not poll.ballot_count or can_moderate(user)),
    )


def _share(count: int, of: int) -> int:
    """Return a share in whole percent, half rounded up; of nobody it is 0."""
    return (200 * count + of) // (2 * of) if of else 0

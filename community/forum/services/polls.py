"""Polls: asking, voting, ending. The row of the post guards all of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_title, count_visible
from community.forum.exceptions import (
    PollBegun,
    PollEnded,
    PollMisplaced,
    PostHidden,
    WrongOptions,
)
from community.forum.indexing import index_under
from community.forum.models import (
    MAX_OPTION,
    MOST_OPTIONS,
    Ballot,
    BallotChoice,
    Poll,
    PollOption,
    Post,
)
from community.forum.services.locking import lock_post
from community.standing.guards import require_may_take_part, require_may_write
from community.standing.queries import privileges_of
from core.reading import LAST_DAY
from stores import limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class PollValues:
    """What a poll asks and how; times in UTC, without an end it stays open."""

    question: str
    options: tuple[str, ...]
    most_choices: int = 1
    is_anonymous: bool = True
    results: str = Poll.Results.ALWAYS
    ends_at: datetime | None = None

    @property
    def told(self) -> list[str | int]:
        """All of it, as what tells one poll from another."""
        end = self.ends_at.isoformat() if self.ends_at else ""
        how: list[str | int] = [self.most_choices, self.is_anonymous, self.results, end]
        return [self.question, *self.options, *how]


def cleaned_poll(values: PollValues) -> PollValues:
    """Return a poll without what nobody sees, such as lines left empty."""
    texts = (clean_title(text) for text in values.options)
    return PollValues(
        question=clean_title(values.question),
        options=tuple(text for text in texts if count_visible(text)),
        most_choices=values.most_choices,
        is_anonymous=values.is_anonymous,
        results=values.results,
        ends_at=values.ends_at,
    )


def faults_in(values: PollValues) -> dict[str, str]:
    """Return what is wrong with a cleaned poll: a sentence by the name of the field."""
    faults = {}
    count = len(values.options)
    if not count_visible(values.question):
        faults["question"] = _("Say what the poll asks.")
    if not 2 <= count <= MOST_OPTIONS:
        faults["options"] = _(
            "A poll has two to %(most)d options; these are %(count)d."
        ) % {"most": MOST_OPTIONS, "count": count}
    elif len({text.casefold() for text in values.options}) < count:
        faults["options"] = _("Two options say the same.")
    for text in values.options:
        if len(text) > MAX_OPTION:
            faults["options"] = _(
                "“%(option)s” has %(count)d characters; an option has at most %(most)d."
            ) % {"option": text[:40], "count": len(text), "most": MAX_OPTION}
    if not 1 <= values.most_choices <= max(1, count):
        faults["most_choices"] = _("Between one and as many as there are options.")
    is_bound = values.ends_at is not None or values.results != Poll.Results.ENDED
    if not is_bound:
        faults["ends_at"] = _("Results that come at the end need an end.")
    if values.ends_at is not None and (
        values.ends_at <= timezone.now() or values.ends_at.date() > LAST_DAY
    ):
        faults["ends_at"] = _("Choose a time that is still to come.")
    return faults


@transaction.atomic
def set_poll(post: Post, values: PollValues, *, by: User) -> Poll:
    """Ask ``values`` under a first post, instead of any poll there was.

    Nothing is changed once there are votes: they were for what they read. Raises
    ``Sanctioned``, ``PollMisplaced``, ``PollBegun``, or ``ValueError`` for values that
    ``faults_in`` finds something in.
    """
    require_may_write(by)
    topic, locked = lock_post(post)
    if not locked.is_opening:
        raise PollMisplaced
    if locked.hidden_at:
        raise PostHidden
    present = Poll.objects.filter(post=locked).first()
    if present is not None:
        if present.ballot_count:
            raise PollBegun
        present.delete()
    poll = add_poll(locked, values)
    locked.topic = topic
    index_under(locked)
    audit.record(
        "poll.set",
        actor=by,
        target=f"post:{locked.pk}",
        after={"question": poll.question, "options": list(values.options)},
    )
    return poll


def add_poll(post: Post, values: PollValues) -> Poll:
    """Write a poll, in its caller's transaction. Raises ``ValueError`` on faults."""
    values = cleaned_poll(values)
    if faults := faults_in(values):
        raise ValueError(faults)
    poll = Poll.objects.create(
        post=post,
        question=values.question,
        most_choices=values.most_choices,
        is_anonymous=values.is_anonymous,
        results=values.results,
        ends_at=values.ends_at,
    )
    PollOption.objects.bulk_create(
        PollOption(poll=poll, position=position, text=text)
        for position, text in enumerate(values.options)
    )
    return poll


@transaction.atomic
def remove_poll(poll: Poll, *, by: User, is_forced: bool = False) -> None:
    """Take a poll off its post; with votes in it only where that ``is_forced``.

    Raises ``Sanctioned`` or ``PollBegun``.
    """
    require_may_write(by)
    topic, post = lock_post(poll.post)
    locked = _locked(poll)
    if locked.ballot_count and not is_forced:
        raise PollBegun
    audit.record(
        "poll.removed",
        actor=by,
        target=f"post:{locked.post_id}",
        before={"question": locked.question, "votes": locked.ballot_count},
    )
    locked.delete()
    post.topic = topic
    index_under(post)


@transaction.atomic
def mark_ended(poll: Poll, *, by: User) -> Poll:
    """Let nobody vote from now on. Raises ``Sanctioned`` or ``PollEnded``."""
    require_may_write(by)
    locked = _locked(poll)
    if locked.has_ended:
        raise PollEnded
    locked.ends_at = timezone.now()
    locked.save(update_fields=["ends_at"])
    audit.record("poll.ended", actor=by, target=f"post:{locked.post_id}")
    return locked


@transaction.atomic
def set_ballot(
    poll: Poll, *, by: User, options: Collection[int], limited: bool = True
) -> Poll:
    """Have ``by`` vote for these options and no others; none takes the vote back.

    The post's row is locked, so that what comes at once is counted one by one; that
    it is one vote for each person, the database holds. The same again changes nothing.
    Raises ``Sanctioned``, ``PostHidden``, ``PollEnded``, ``WrongOptions`` or
    ``RateLimited``.
    """
    require_may_take_part(by)
    if limited:
        # As many as votes on posts: it is one click, too.
        most = privileges_of(by).votes_a_day
        limiter.check("ballot", by.pk, limit=most, period=86_400)
    locked = _locked(poll)
    if locked.post.hidden_at:
        raise PostHidden
    if locked.has_ended:
        raise PollEnded
    wished = set(options)
    known = set(locked.options.values_list("pk", flat=True))
    if not wished <= known or len(wished) > locked.most_choices:
        raise WrongOptions(locked.most_choices)
    ballot = Ballot.objects.filter(poll=locked, user=by).first()
    present = (
        set(ballot.choices.values_list("option_id", flat=True)) if ballot else set()
    )
    if wished == present:
        return locked
    if ballot is None:
        ballot = Ballot.objects.create(poll=locked, user=by)
        Poll.objects.filter(pk=locked.pk).update(ballot_count=F("ballot_count") + 1)
    if wished:
        _choose(ballot, gone=present - wished, new=wished - present)
    else:
        _choose(ballot, gone=present, new=set())
        ballot.delete()
        Poll.objects.filter(pk=locked.pk).update(ballot_count=F("ballot_count") - 1)
    locked.refresh_from_db()
    return locked


def _choose(ballot: Ballot, *, gone: set[int], new: set[int]) -> None:
    ballot.choices.filter(option__in=gone).delete()
    BallotChoice.objects.bulk_create(
        BallotChoice(ballot=ballot, option_id=option) for option in sorted(new)
    )
    PollOption.objects.filter(pk__in=gone).update(vote_count=F("vote_count") - 1)
    PollOption.objects.filter(pk__in=new).update(vote_count=F("vote_count") + 1)
    Ballot.objects.filter(pk=ballot.pk).update(voted_at=timezone.now())


def _locked(poll: Poll) -> Poll:
    """Return a poll as it is now, the row of its post locked."""
    post = Post.objects.select_for_update(no_key=True).get(pk=poll.post_id)
    # It may have been asked anew meanwhile: then its options are others.
    found = Poll.objects.filter(pk=poll.pk).first()
    if found is None:
        raise WrongOptions(poll.most_choices)
    found.post = post
    return found

"""Finding people who vote for one another, and taking those votes back.

Nothing is taken back by itself: what is found is a case, a moderator decides, and the
decision can be undone. Each point that goes has an entry that points at the one it
reverses.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from community.forum.models import Vote
from community.forum.services import restore_vote, void_vote
from community.moderation.deciding import Consequence, register
from community.moderation.models import Case
from community.trust.models import RingMember, VoidedVote
from notifications.fan_out import notify_all
from notifications.models import Kind

# Days; a ring that votes slower moves no list.
WINDOW = timedelta(days=30)
# Of one person's votes for one other, and which share of all they gave: who votes for
# an expert of a tag also votes for others there.
FEWEST = 4
SHARE = 0.3  # as above
# A case about the same people is not opened again so soon, whatever was decided.
SPARED = timedelta(days=90)

_PAIRS = """
WITH given AS (
  SELECT vote.user_id AS voter, post.author_id AS author, count(*) AS votes
    FROM forum_vote AS vote JOIN forum_post AS post ON post.id = vote.post_id
   WHERE vote.value = 1 AND vote.voted_at > %(since)s
   GROUP BY 1, 2
), shared AS (
  SELECT voter, author, votes, sum(votes) OVER (PARTITION BY voter) AS of_all
    FROM given
)
SELECT voter, author, votes FROM shared
 WHERE votes >= %(fewest)s AND votes >= %(share)s * of_all
 ORDER BY voter, author
"""


@dataclass(frozen=True, slots=True)
class Ring:
    """People whose votes go around among them, and how many each gave to each."""

    members: tuple[int, ...]
    votes: tuple[tuple[int, int, int], ...]

    @property
    def key(self) -> str:
        """What tells these people and this day from any others."""
        named = ",".join(map(str, (timezone.now().date(), *self.members)))
        return hashlib.sha256(named.encode()).hexdigest()[:40]


def found_rings() -> list[Ring]:
    """Return the rings of the last month.

    An edge leads from who votes to whom, where it is much of what they give; a ring is
    a part of that graph in which everybody is reached from everybody. An author whom
    many admire votes for none of them so, and is in no ring.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _PAIRS,
            {"since": timezone.now() - WINDOW, "fewest": FEWEST, "share": SHARE},
        )
        pairs: list[tuple[int, int, int]] = cursor.fetchall()
    people = sorted(
        {person for voter, author, _n in pairs for person in (voter, author)}
    )
    if not people:
        return []
    # Heavy, and only the nightly job needs it.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {person: number for number, person in enumerate(people)}
    rows = [place[voter] for voter, _author, _n in pairs]
    columns = [place[author] for _voter, author, _n in pairs]
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(people),) * 2)
    _count, labels = connected_components(graph, directed=True, connection="strong")
    parts: dict[int, list[int]] = defaultdict(list)
    for person, label in zip(people, labels, strict=True):
        parts[int(label)].append(person)
    return [
        Ring(
            tuple(members),
            tuple(each for each in pairs if {each[0], each[1]} <= set(members)),
        )
        for members in parts.values()
        if len(members) > 1
    ]


def open_cases() -> int:
    """Open a case for every ring that has none; return how many were opened."""
    return sum(_open_case(ring) for ring in found_rings())


@transaction.atomic
def _open_case(ring: Ring) -> bool:
    spared = Case.objects.filter(
        kind=Case.Kind.RING,
        members__user__in=ring.members,
        opened_at__gt=timezone.now() - SPARED,
    )
    known = {
        frozenset(case.members.values_list("user_id", flat=True))
        for case in spared.distinct()
    }
    # Who joins a ring makes it another one; a smaller part of it is the same.
    if any(set(ring.members) <= members for members in known):
        return False
    got: dict[int, int] = defaultdict(int)
    for _voter, author, votes in ring.votes:
        got[author] += votes
    names = dict(User.objects.filter(pk__in=ring.members).values_list("pk", "username"))
    case, is_new = Case.objects.get_or_create(
        ring=ring.key,
        defaults={
            "kind": Case.Kind.RING,
            "subject_id": max(got, key=lambda person: (got[person], -person)),
            "score": sum(got.values()),
            "text": "\n".join(
                f"@{names[voter]} → @{names[author]}: {votes}"
                for voter, author, votes in ring.votes
            ),
        },
    )
    if is_new:
        RingMember.objects.bulk_create(
            [RingMember(case=case, user_id=person) for person in ring.members]
        )
    return is_new


def _lock(case: Case) -> None:
    """Take no lock before the case's own: votes take theirs one by one."""


def _apply(case: Case, by: User) -> bool:
    """Void the votes of the members for one another, since a month before the case."""
    if case.outcome != Case.Outcome.AGREED:
        return False
    members = list(case.members.values_list("user_id", flat=True))
    votes = Vote.objects.filter(
        user__in=members,
        post__author__in=members,
        value=1,
        voted_at__gt=case.opened_at - WINDOW,
    ).select_related("user", "post")
    voided = []
    # In the order of the posts, as everywhere where several are locked.
    for vote in votes.order_by("post__topic_id", "post_id", "user_id"):
        value = void_vote(vote.post, of=vote.user)
        if value:
            voided.append(
                VoidedVote(case=case, user=vote.user, post=vote.post, value=value)
            )
    VoidedVote.objects.bulk_create(voided, ignore_conflicts=True)
    return bool(voided)


def _take_back(case: Case, by: User) -> None:
    voided = VoidedVote.objects.filter(case=case).select_related("user", "post")
    for vote in voided.order_by("post__topic_id", "post_id", "user_id"):
        restore_vote(vote.post, of=vote.user, value=vote.value)
    VoidedVote.objects.filter(case=case).delete()


def _notify(case: Case, by: User) -> None:
    """Tell the members whose votes were taken back; they may write to a moderator."""
    if not case.did_change:
        return
    notify_all(
        User.objects.filter(pk__in=case.members.values("user_id")),
        Kind.MODERATION,
        dedupe_key=f"ring:{case.pk}",
        url="/settings/standing/",
        title=lambda: _("Votes between you and others were taken back"),
        body=lambda: (
            case.note
            or _("A moderator found that they went around among a few people.")
        ),
        actor_id=by.pk,
    )


register(Case.Kind.RING, Consequence(_lock, _apply, _take_back, _notify))

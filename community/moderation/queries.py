"""What the pages of moderation read, at the same queries for one row and for thirty."""

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from audit.models import Record
from community.forum.models import Topic
from community.moderation.models import Case, Flag
from community.moderation.weighing import record_of
from community.standing.models import Sanction
from core.clock import now
from edge.pagination import CursorPage, paginate

# What moderators do, by the beginning of an action's name.
FAMILIES = (
    *("topic", "post", "comment", "revision", "tag", "category"),
    *("person", "case", "act", "ring", "badge"),
)


def list_cases(
    *, view: str, kind: str, by: User, cursor: str | None
) -> CursorPage[Case]:
    """Return a page of the queue: the weightiest first, or the last decided."""
    cases = Case.objects.visible_to(by).select_related(
        "post__topic", "comment__post__topic", "subject", "claimed_by", "sanction"
    )
    cases = cases.annotate(flag_count=Count("flags"))
    if kind:
        cases = cases.filter(kind=kind)
    if view == "decided":
        decided = cases.exclude(outcome="")
        return paginate(decided, order_by=("-decided_at", "-pk"), cursor=cursor)
    cases = cases.undecided()
    if view == "mine":
        cases = cases.filter(claimed_by=by)
    return paginate(cases, order_by=("-score", "-pk"), cursor=cursor)


def evidence_of(case: Case) -> dict[str, object]:
    """Return who reported a text and how right they were before, and its author."""
    flags = case.flags.select_related("person").order_by("created_at", "pk")
    records = _records_of(Flag.objects.filter(case=case))
    sanctions = Sanction.objects.filter(user=case.subject_id)
    return {
        "flags": [(flag, *records.get(flag.person_id, (0, 0))) for flag in flags],
        "sanctions": sanctions.order_by("-created_at")[:5],
        "subject_record": record_of(case.subject),
        "hidden_before": Case.objects.filter(
            subject=case.subject_id, kind=Case.Kind.REPORT, outcome=Case.Outcome.AGREED
        ).count(),
    }


def _records_of(flags: QuerySet[Flag]) -> dict[int, tuple[int, int]]:
    """Return of each person who made ``flags`` how often they were right and wrong."""
    rows = (
        Flag.objects.filter(person__in=flags.values("person"))
        .values("person_id")
        .annotate(
            right=Count("pk", filter=Q(case__outcome=Case.Outcome.AGREED)),
            wrong=Count("pk", filter=Q(case__outcome=Case.Outcome.DISAGREED)),
        )
    )
    return {row["person_id"]: (row["right"], row["wrong"]) for row in rows}


def topics_for(by: User, *, state: str, category: str, author: str) -> QuerySet[Topic]:
    """Return the topics a moderator looks through, of one state and place."""
    topics = Topic.objects.visible_to(by).select_related("category", "author")
    if state == "hidden":
        topics = topics.filter(hidden_at__isnull=False)
    elif state == "locked":
        topics = topics.listed().filter(locked_at__isnull=False)
    else:
        topics = topics.listed()
    if category:
        topics = topics.filter(category__slug=category)
    if author:
        topics = topics.filter(author__username__iexact=author)
    return topics


def people_under_sanction() -> QuerySet[Sanction]:
    """Return what is in force, with the person it is on."""
    in_force = Sanction.objects.filter(
        Q(until=None) | Q(until__gt=now()), lifted_at=None
    )
    return in_force.select_related("user", "by")


def staff_records(*, person: str, action: str, target: str) -> QuerySet[Record]:
    """Return what moderators and staff did in the community, narrowed.

    ``action`` is one of ``FAMILIES`` or a whole action; ``person`` a username.
    """
    families = Q()
    for family in FAMILIES:
        families |= Q(action__startswith=f"{family}.")
    records = Record.objects.filter(families)
    if action in FAMILIES:
        records = records.filter(action__startswith=f"{action}.")
    elif action:
        records = records.filter(action=action)
    if person:
        records = records.filter(actor__username__iexact=person)
    if target:
        records = records.filter(target=target)
    return records

"""How often each moment occurred, and what followed. One aggregate."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from billing.growth.models import Decision
from billing.growth.moments import RULES, Moment, MomentRule

Reason = Decision.Reason
_COUNTS = ("occurred", "offered", "held_out", "nothing", "seen", "accepted", "paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentFigures:
    """One moment in a range: decisions by their reason, and what came after them."""

    moment: Moment
    rule: MomentRule
    occurred: int
    offered: int
    held_out: int
    nothing: int
    seen: int
    accepted: int
    paid: int


def moment_figures(start: datetime, end: datetime) -> list[MomentFigures]:
    """Return every moment in ``[start, end)``, those that never occurred as well."""
    offered = Q(reason=Reason.OFFERED)
    kept = Q(reason__in=set(Decision.COMPARED) - {Reason.OFFERED})
    rows = (
        Decision.objects.filter(decided_at__gte=start, decided_at__lt=end)
        .values("moment")
        .annotate(
            occurred=Count("pk"),
            offered=Count("pk", filter=offered),
            held_out=Count("pk", filter=kept),
            nothing=Count("pk", filter=~offered & ~kept),
            seen=Count("seen_at"),
            accepted=Count("accepted_at"),
            paid=Count("pk", filter=offered & Q(paid_at__isnull=False)),
        )
        .values_list("moment", *_COUNTS)
    )
    found = {
        moment: dict(zip(_COUNTS, counts, strict=True)) for moment, *counts in rows
    }
    none = dict.fromkeys(_COUNTS, 0)
    return [
        MomentFigures(moment=moment, rule=RULES[moment], **found.get(moment, none))
        for moment in Moment
    ]

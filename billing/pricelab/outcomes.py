"""What a candidate comes to, and what if some of those who pay more leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from django.db import models
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext_lazy as _

from billing.pricelab.models import ReplayedBill


class Unbroken(models.TextChoices):
    """Why no share of leavers makes the candidate as good as today."""

    NOT_BETTER = "not_better", _("none: it is not better even if nobody leaves")
    NOBODY = "nobody", _("none: nobody pays so much more")
    ALWAYS = "always", _("none: it is better even if all of them leave")


@dataclass(frozen=True, slots=True)
class LeavingShare:
    """The assumption: of those whose bill rises by more, so many per cent leave."""

    above: int
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOutcome:
    """A replayed month in sums, in billionths of the reporting currency.

    ``risen`` are those whose bill rises by more than the assumption says, and their
    part of what the candidate brings and costs. What of it is lost is rounded down.
    """

    organisations: int
    more: int
    less: int
    revenue_before: int
    revenue_after: int
    cost_before: int
    cost_after: int
    refused_before: int
    refused_after: int
    risen: int
    risen_revenue: int
    risen_cost: int
    leaving: LeavingShare

    @property
    def same(self) -> int:
        return self.organisations - self.more - self.less

    @property
    def margin_before(self) -> int:
        return self.revenue_before - self.cost_before

    @property
    def margin_after(self) -> int:
        return self.revenue_after - self.cost_after

    @property
    def expected_revenue(self) -> int:
        return self.revenue_after - self.risen_revenue * self.leaving.share // 100

    @property
    def expected_cost(self) -> int:
        return self.cost_after - self.risen_cost * self.leaving.share // 100

    @property
    def expected_margin(self) -> int:
        return self.expected_revenue - self.expected_cost

    @property
    def break_even(self) -> Fraction | Unbroken:
        """Return which share of the risen may leave before the margin is today's."""
        gained = self.margin_after - self.margin_before
        theirs = self.risen_revenue - self.risen_cost
        if gained <= 0:
            return Unbroken.NOT_BETTER
        if not self.risen:
            return Unbroken.NOBODY
        if theirs <= gained:
            return Unbroken.ALWAYS
        return Fraction(gained, theirs)


def outcomes_of(replays: Sequence[int], leaving: LeavingShare) -> dict[int, LabOutcome]:
    """Return what each replay comes to. One query."""
    # Who paid nothing and will pay something pays more by any share.
    has_risen = Q(change_nano__gt=0) & Q(
        GreaterThan(F("change_nano") * 100, F("before_nano") * leaving.above)
    )
    rows: QuerySet[ReplayedBill, dict[str, Any]] = (
        ReplayedBill.objects.filter(replay__in=replays)
        .order_by()
        .values("replay")
        .annotate(
            organisations=Count("pk"),
            more=Count("pk", filter=Q(change_nano__gt=0)),
            less=Count("pk", filter=Q(change_nano__lt=0)),
            revenue_before=Sum("before_nano"),
            revenue_after=Sum("after_nano"),
            cost_before=Sum("cost_before_nano"),
            cost_after=Sum("cost_after_nano"),
            refused_before=Sum("refused_before_nano"),
            refused_after=Sum("refused_after_nano"),
            risen=Count("pk", filter=has_risen),
            risen_revenue=Sum("after_nano", filter=has_risen, default=0),
            risen_cost=Sum("cost_after_nano", filter=has_risen, default=0),
        )
    )
    found = {
        row["replay"]: {
            name: int(value) for name, value in row.items() if name != "replay"
        }
        for row in rows
    }
    nothing = dict.fromkeys(
        (
            *("organisations", "more", "less", "revenue_before", "revenue_after"),
            *("cost_before", "cost_after", "refused_before", "refused_after"),
            *("risen", "risen_revenue", "risen_cost"),
        ),
        0,
    )
    return {pk: LabOutcome(**found.get(pk, nothing), leaving=leaving) for pk in replays}

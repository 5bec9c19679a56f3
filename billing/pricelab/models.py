from fractions import Fraction

from django.db import models
from django.db.models import F, Q

from billing.plans.models import MOST_PERCENT, Plan, Price
from billing.subscriptions.models import MONTHS
from core.clock import now
from entitlements.features import FREE


class PlanCandidate(models.Model):
    """Terms that a plan could have; nothing is sold on them.

    Prices in minor units of ``currency``, per seat where there may be more than one;
    the allowance per seat, too. ``rates`` gives the per cent of its list price at which
    a model's usage counts, where that is not 100. ``cap_nano`` is assumed for customers
    who have set no cap of their own.
    """

    name = models.CharField(max_length=80)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    # The number of the version it began with.
    began_with = models.PositiveSmallIntegerField()
    currency = models.CharField(max_length=3)
    month_amount = models.PositiveBigIntegerField(null=True)
    year_amount = models.PositiveBigIntegerField(null=True)
    seat_min = models.PositiveIntegerField()
    seat_max = models.PositiveIntegerField()
    allowance_nano = models.PositiveBigIntegerField()
    overage_percent = models.PositiveSmallIntegerField()
    cap_nano = models.PositiveBigIntegerField(default=0)
    rates = models.JSONField(default=dict)
    owner = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(month_amount__isnull=False) | Q(year_amount__isnull=False),
                name="pricelab_plancandidate_has_a_price",
            ),
            models.CheckConstraint(
                condition=Q(seat_min__gte=1, seat_max__gte=F("seat_min")),
                name="pricelab_plancandidate_seats",
            ),
            models.CheckConstraint(
                condition=Q(overage_percent__lte=MOST_PERCENT),
                name="pricelab_plancandidate_overage",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_per_seat(self) -> bool:
        return self.seat_max > 1

    def seats_for(self, seats: int) -> int:
        """Return ``seats`` moved into what the candidate allows."""
        return min(max(seats, self.seat_min), self.seat_max)

    def allowance_for(self, seats: int) -> int:
        """Return what a month includes; never less than everybody has for nothing."""
        own = self.allowance_nano * (self.seats_for(seats) if self.is_per_seat else 1)
        return max(own, FREE.monthly_allowance_nano)

    def base_for(self, seats: int, *, interval: str, discount: Fraction) -> int:
        """Return what a month costs, in minor units, as subscriptions are counted.

        Who pays by an interval that the candidate has no price for pays by the other.
        """
        amounts = {
            Price.Interval.MONTH.value: self.month_amount,
            Price.Interval.YEAR.value: self.year_amount,
        }
        chosen = interval if amounts.get(interval) is not None else None
        paid_by = chosen or next(
            name for name, amount in amounts.items() if amount is not None
        )
        whole = (amounts[paid_by] or 0) * (
            self.seats_for(seats) if self.is_per_seat else 1
        )
        return round((whole - round(whole * discount)) / MONTHS[paid_by])


class Replay(models.Model):
    """A whole month replayed through a candidate; derived, and replaced as a whole.

    ``month`` is its first day, by UTC as the ledger counts. ``left_out`` counts
    customers of the plan who pay in another currency than figures are in.
    """

    candidate = models.OneToOneField(
        PlanCandidate,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="replay",
    )
    month = models.DateField()
    left_out = models.PositiveIntegerField(default=0)
    replayed_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.candidate_id} in {self.month:%Y-%m}"


class ReplayedBill(models.Model):
    """What one organisation's month comes to today and under the candidate.

    In billionths of the reporting currency: bills without tax, what serving them
    costs, and usage that is refused, at list price.
    """

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="bills")
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.CASCADE, related_name="+"
    )
    before_nano = models.BigIntegerField()
    after_nano = models.BigIntegerField()
    cost_before_nano = models.BigIntegerField()
    cost_after_nano = models.BigIntegerField()
    refused_before_nano = models.BigIntegerField()
    refused_after_nano = models.BigIntegerField()
    change_nano = models.GeneratedField(
        expression=F("after_nano") - F("before_nano"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["replay", "organisation"], name="pricelab_replayedbill_once"
            )
        ]
        indexes = [
            # Who pays more, the largest first, and who pays less.
            models.Index(
                fields=["replay", "-change_nano", "-id"], name="pricelab_bill_change"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.before_nano} → {self.after_nano}"

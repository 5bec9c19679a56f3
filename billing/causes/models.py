from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from billing.causes.causes import Cause, EffectVerdict
from core.clock import now


class CauseEstimateQuerySet(models.QuerySet["CauseEstimate"]):
    def latest_of_each(self) -> Self:
        """The newest estimate of each cause."""
        return self.order_by("cause", "-day").distinct("cause")


class CauseEstimate(models.Model):
    """What one night's computation said of one cause.

    Shares are between 0 and 1. ``effect`` is how much more often those paid whom it
    happened to than they would have without it, with its 95 % interval; ``naive`` is
    the difference between both groups as they are. ``control_…`` is the same
    estimate for something from before, which it cannot have caused. ``balance`` holds
    [fact, before, after] and ``bars`` [treated, untreated] by tenths of the chance.
    """

    cause = models.CharField(max_length=20, choices=Cause.choices)
    day = models.DateField()
    computed_at = models.DateTimeField(default=now)
    verdict = models.CharField(max_length=20, choices=EffectVerdict.choices)
    people = models.PositiveIntegerField()
    treated = models.PositiveIntegerField()
    untreated = models.PositiveIntegerField()
    paid_treated = models.PositiveIntegerField()
    paid_untreated = models.PositiveIntegerField()
    effect = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    without = models.FloatField(null=True)
    naive = models.FloatField(null=True)
    trimmed = models.FloatField(null=True)
    effective = models.FloatField(null=True)
    control_effect = models.FloatField(null=True)
    control_low = models.FloatField(null=True)
    control_high = models.FloatField(null=True)
    e_value = models.FloatField(null=True)
    e_value_limit = models.FloatField(null=True)
    balance = models.JSONField(default=list)
    bars = models.JSONField(default=list)

    objects = CauseEstimateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "day"], name="causes_estimate_once"
            ),
            models.CheckConstraint(
                condition=Q(effect=None, low=None, high=None)
                | Q(
                    effect__isnull=False,
                    low__isnull=False,
                    high__isnull=False,
                    low__lte=F("effect"),
                    high__gte=F("effect"),
                ),
                name="causes_estimate_interval",
            ),
            # A number that may be read is there, and one of too few is not.
            models.CheckConstraint(
                condition=Q(verdict__startswith="few_", effect=None)
                | (~Q(verdict__startswith="few_") & Q(effect__isnull=False)),
                name="causes_estimate_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} on {self.day}: {self.verdict}"

    @property
    def is_readable(self) -> bool:
        """Tell whether like was compared with like, and enough of it."""
        return self.verdict == EffectVerdict.READABLE

    @property
    def with_it(self) -> float | None:
        """The share that paid, of those it happened to."""
        if self.without is None or self.effect is None:
            return None
        return self.without + self.effect

    @property
    def passes_control(self) -> bool | None:
        """Tell whether what cannot have been caused was not found; None: not tried."""
        if self.control_low is None or self.control_high is None:
            return None
        return self.control_low <= 0 <= self.control_high

    @property
    def excludes_zero(self) -> bool:
        return (
            self.low is not None
            and self.high is not None
            and (self.low > 0 or self.high < 0)
        )

    @property
    def bar_rows(self) -> list[dict[str, Any]]:
        """The histogram by tenths: from, to in per cent, and both counts."""
        treated, untreated = self.bars or ([], [])
        width = 100 // len(treated) if treated else 0
        return [
            {"low": at * width, "high": (at + 1) * width, "treated": one, "others": two}
            for at, (one, two) in enumerate(zip(treated, untreated, strict=True))
        ]

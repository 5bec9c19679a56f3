from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.clock import now


class Forecast(models.Model):
    """What was expected when a month was over; kept to be held against what came.

    ``through`` is the first day of the newest month that was known. Minor units a
    month, of ``currency``.
    """

    through = models.DateField(unique=True)
    currency = models.CharField(max_length=3)
    computed_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(through__day=1), name="forecast_forecast_of_a_month"
            )
        ]

    def __str__(self) -> str:
        return f"after {self.through:%Y-%m}"


class Outlook(models.Model):
    """One series of a forecast: by which method it goes on, or why it does not.

    The errors are each method's typical one on past months, of which ``tests`` were
    tried.
    """

    class Series(models.TextChoices):
        END = "end", _("Monthly recurring revenue")
        NEWCOMER = "new", pgettext_lazy("revenue", "New")
        REACTIVATION = "reactivation", pgettext_lazy("revenue", "Come back")
        EXPANSION = "expansion", pgettext_lazy("revenue", "More than before")
        CONTRACTION = "contraction", pgettext_lazy("revenue", "Less than before")
        CHURN = "churn", pgettext_lazy("revenue", "Left")

    class Method(models.TextChoices):
        FLOWS = "flows", _("Movements")
        LINE = "line", _("Straight line")
        LAST = "last", _("As the last month")

    class Reason(models.TextChoices):
        TOO_FEW_MONTHS = "too_few_months", _("no data: too few months are over")
        TOO_FEW_MOVES = "too_few_moves", _("no data: it happened in too few months")

    forecast = models.ForeignKey(
        Forecast, on_delete=models.CASCADE, related_name="outlooks"
    )
    series = models.CharField(max_length=12, choices=Series.choices)
    method = models.CharField(max_length=5, choices=Method.choices, blank=True)
    reason = models.CharField(max_length=14, choices=Reason.choices, blank=True)
    tests = models.PositiveSmallIntegerField(default=0)
    error_flows = models.BigIntegerField(null=True)
    error_line = models.BigIntegerField(null=True)
    error_last = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["forecast", "series"], name="forecast_outlook_once"
            ),
            models.CheckConstraint(
                condition=Q(reason="", error_flows__isnull=False, tests__gt=0)
                & ~Q(method="")
                | ~Q(reason="") & Q(method="", error_flows=None, tests=0),
                name="forecast_outlook_method_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.series} of {self.forecast_id}: {self.method or self.reason}"

    @property
    def errors(self) -> dict[str, int | None]:
        """Return the typical error of each method, in the order of ``Method``."""
        return {name: getattr(self, f"error_{name}") for name in self.Method.values}


class OutlookMonth(models.Model):
    """One month that was ahead: what was expected, and the bands around it."""

    outlook = models.ForeignKey(
        Outlook, on_delete=models.CASCADE, related_name="months"
    )
    month = models.DateField()
    amount = models.BigIntegerField()
    low_80 = models.BigIntegerField()
    high_80 = models.BigIntegerField()
    low_95 = models.BigIntegerField()
    high_95 = models.BigIntegerField()

    class Meta:
        ordering = ["month"]
        constraints = [
            models.UniqueConstraint(
                fields=["outlook", "month"], name="forecast_outlookmonth_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    low_95__gte=0,
                    low_80__gte=F("low_95"),
                    amount__gte=F("low_80"),
                    high_80__gte=F("amount"),
                    high_95__gte=F("high_80"),
                ),
                name="forecast_outlookmonth_bands",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.amount}"

from django.db import models
from django.db.models import F, Q

from billing.growth.models.offers import Offer
from core.clock import now


class OfferStop(models.Model):
    """The guardrail stopped an offer; what was read that night says why.

    ``low``, ``value`` and ``high`` are the lift in π of each organisation with its
    interval, in billionths of ``currency``; ``treated`` and ``kept`` are how many
    organisations it was read from. An offer that is activated again may be stopped
    again.
    """

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="stops")
    stopped_at = models.DateTimeField(default=now)
    low_nano = models.BigIntegerField()
    value_nano = models.BigIntegerField()
    high_nano = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    treated = models.PositiveIntegerField()
    kept = models.PositiveIntegerField()

    class Meta:
        constraints = [
            # What might earn something is not stopped.
            models.CheckConstraint(
                condition=Q(low_nano__lte=F("value_nano"))
                & Q(value_nano__lte=F("high_nano"))
                & Q(high_nano__lt=0),
                name="growth_offerstop_surely_loses",
            )
        ]
        indexes = [models.Index(fields=["stopped_at"], name="growth_offerstop_at")]

    def __str__(self) -> str:
        return f"{self.offer_id} on {self.stopped_at:%Y-%m-%d}"

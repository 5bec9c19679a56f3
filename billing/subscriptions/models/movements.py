"""The steps of recurring revenue."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.clock import now


class MrrMovement(models.Model):
    """One step of an organisation's monthly recurring revenue, in minor units."""

    class Kind(models.TextChoices):
        NEW = "new", _("New")
        REACTIVATION = "reactivation", _("Reactivation")
        EXPANSION = "expansion", _("Expansion")
        CONTRACTION = "contraction", _("Contraction")
        CHURN = "churn", _("Churn")

    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    currency = models.CharField(max_length=3)
    before = models.BigIntegerField()
    after = models.BigIntegerField()
    # When it moved, and when we heard.
    occurred_at = models.DateTimeField()
    noted_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(before=F("after")),
                name="subscriptions_mrrmovement_moves",
            )
        ]
        indexes = [
            models.Index(
                fields=["organisation", "currency", "id"],
                name="subscriptions_mrr_chain",
            ),
            models.Index(
                fields=["currency", "occurred_at"], name="subscriptions_mrr_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.kind}: {self.before} → {self.after}"

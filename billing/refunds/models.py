import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing.ledger.models import Invoice
from core.clock import now


class RefundOrder(models.Model):
    """That staff want money of an invoice given back; ``amount`` in its minor units.

    The refund itself is the provider's, mirrored in the ledger.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits for a second person")
        PENDING = "pending", _("On its way")
        DONE = "done", pgettext_lazy("refund", "Given back")
        REFUSED = "refused", _("Refused")

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices)
    ordered_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    ordered_at = models.DateTimeField(default=now)
    # Since when one worker has it in hand.
    claimed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # What the provider called it, or why it said no.
    answer = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="refunds_refundorder_amount"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "pending"], decided_at=None)
                | (Q(state__in=["done", "refused"]) & Q(decided_at__isnull=False)),
                name="refunds_refundorder_decided",
            ),
        ]
        indexes = [models.Index(fields=["invoice"], name="refunds_order_invoice")]

    def __str__(self) -> str:
        return f"{self.amount} of {self.invoice_id}"

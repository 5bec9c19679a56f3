import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.clock import now


class WebhookInbox(models.Model):
    """One event as it was delivered; what became of it is its job's affair."""

    endpoint = models.CharField(max_length=40)
    event_id = models.CharField(max_length=120)
    type = models.CharField(max_length=120)
    api_version = models.CharField(max_length=40, blank=True)
    livemode = models.BooleanField(default=False)
    object_kind = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=120, blank=True)
    # As it was signed; a JSON column would change it and refuse some of it.
    payload = models.TextField()
    created_at = models.DateTimeField()
    received_at = models.DateTimeField(default=now)
    deliveries = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("webhook")
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event_id"], name="billing_stripe_webhookinbox_once"
            )
        ]
        indexes = [
            models.Index(fields=["object_id"], name="billing_stripe_inbox_object"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class StripeOperation(models.Model):
    """A call that changes something at Stripe, and the key that makes it happen once.

    The key stays the same for every try of one intention; another intention for
    the same business gets another.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    kind = models.CharField(max_length=40)
    business_key = models.CharField(max_length=120)
    params_hash = models.CharField(max_length=64)
    idempotency_key = models.UUIDField(unique=True, default=uuid.uuid4)
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.PENDING
    )
    result_id = models.CharField(max_length=120, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "business_key"], name="billing_stripe_operation_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.business_key}"

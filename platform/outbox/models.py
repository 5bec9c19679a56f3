from django.db import models
from django.db.models import Q


class Event(models.Model):
    """A fact as it was published."""

    name = models.CharField(max_length=80)
    payload = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["published_at"], name="outbox_event_published")]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"


class Delivery(models.Model):
    """One subscriber's share of an event."""

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        DEAD = "dead"

    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="deliveries"
    )
    subscriber = models.CharField(max_length=200)
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "subscriber"], name="outbox_delivery_once"
            )
        ]
        indexes = [
            # The relay looks only at what is still to do.
            models.Index(
                fields=["due_at"],
                condition=Q(state="pending"),
                name="outbox_delivery_pending",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} ← {self.event_id}"

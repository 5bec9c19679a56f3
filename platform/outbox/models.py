from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Event(models.Model):
    """A fact as it was published."""

    name = models.CharField(max_length=80)
    payload = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    # The network its request came from, never the address.
    network = models.CharField(max_length=45, blank=True, db_default="")
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["published_at"], name="outbox_event_published")]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> Self:
        """What is to be delivered now."""
        return self.filter(state=Delivery.State.PENDING, due_at__lte=timezone.now())

    def dead(self) -> Self:
        """What was given up, and waits for somebody to look."""
        return self.filter(state=Delivery.State.DEAD)


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

    objects = DeliveryQuerySet.as_manager()

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
            ),
            # Staff look at what was given up; it is meant to be nothing.
            models.Index(
                fields=["id"], condition=Q(state="dead"), name="outbox_delivery_dead"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} ← {self.event_id}"


class WrittenBatch(models.Model):
    """A batch of a buffer that is in the database, so that it is not written again."""

    id = models.CharField(primary_key=True, max_length=40)
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id

from django.db import models


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


class WrittenBatch(models.Model):
    """A batch of a buffer that is in the database, so that it is not written again."""

    id = models.CharField(primary_key=True, max_length=40)
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id

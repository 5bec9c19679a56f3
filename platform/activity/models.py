from django.db import models


class Visitor(models.Model):
    """A browser, and how it first came here."""

    id = models.CharField(max_length=40, primary_key=True)
    first_seen_at = models.DateTimeField()
    source = models.CharField(max_length=80)
    medium = models.CharField(max_length=80, blank=True)
    campaign = models.CharField(max_length=120, blank=True)
    referrer = models.CharField(max_length=300, blank=True)
    landing_path = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["first_seen_at"], name="activity_visitor_first_seen")
        ]

    def __str__(self) -> str:
        return self.id


class VisitorLink(models.Model):
    """Whose browser it is. The first link stays; a browser never moves."""

    visitor = models.OneToOneField(
        Visitor, on_delete=models.CASCADE, primary_key=True, related_name="link"
    )
    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, related_name="+"
    )
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.visitor_id} is user {self.user_id}"


class FirstTouch(models.Model):
    """How a person first came here: the earliest visit of all their browsers."""

    user = models.OneToOneField(
        "accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    at = models.DateTimeField()
    source = models.CharField(max_length=80)
    medium = models.CharField(max_length=80, blank=True)
    campaign = models.CharField(max_length=120, blank=True)
    referrer = models.CharField(max_length=300, blank=True)
    landing_path = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"user {self.user_id} from {self.source}"


class Event(models.Model):
    """One thing a visitor or a user did. Partitioned by month; only ever added to.

    The table is made by SQL in the migration, rows are written by
    ``activity.services.write_events``.
    """

    pk = models.CompositePrimaryKey("occurred_at", "id")
    id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    name = models.CharField(max_length=80)
    visitor_id = models.CharField(max_length=40, blank=True)
    user_id = models.BigIntegerField(null=True)
    organisation_id = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=20)
    properties = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = "activity_event"

    def __str__(self) -> str:
        return f"{self.name} at {self.occurred_at:%Y-%m-%d %H:%M}"

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from core.clock import now

# The longest name a touch can have: a page's path, or a source and its campaign.
MOST_KEY = 200


class AssetKind(models.TextChoices):
    """What can be on a way."""

    DOC = "doc", _("Pages of the docs")
    TOPIC = "topic", _("Topics")
    ANSWER = "answer", _("Accepted answers")
    CONTRIBUTION = "contribution", _("Contributions")
    CAMPAIGN = "campaign", _("Campaigns")
    SOURCE = "source", _("Sources")


class Way(models.Model):
    """What the people of one organisation met before it first paid.

    Of some organisations that have not paid, too: without them nobody could say which
    assets are on every way, bought or not. ``ended_at`` is the first payment, or when
    the window of who did not pay was over.
    """

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    is_paid = models.BooleanField()
    ended_at = models.DateTimeField()
    derived_at = models.DateTimeField(default=now)

    class Meta:
        indexes = [
            models.Index(fields=["is_paid", "ended_at"], name="attribution_way_ended")
        ]

    def __str__(self) -> str:
        return f"way of organisation {self.pk}"


class Touch(models.Model):
    """One person of a way met one asset on one day, first at ``at``.

    ``on`` is the day in the reporting time zone. Of a page ``key`` is its path without
    the version; of a topic, answer or contribution its number; of a campaign its
    source and name; of a source its name.
    """

    way = models.ForeignKey(Way, on_delete=models.CASCADE, related_name="touches")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=AssetKind.choices)
    key = models.CharField(max_length=MOST_KEY)
    at = models.DateTimeField()
    on = models.DateField()

    class Meta:
        verbose_name_plural = "touches"
        constraints = [
            models.UniqueConstraint(
                fields=["way", "person", "kind", "key", "on"],
                name="attribution_touch_once",
            ),
            models.CheckConstraint(
                condition=~Q(key=""), name="attribution_touch_named"
            ),
        ]
        indexes = [models.Index(fields=["kind", "key"], name="attribution_touch_asset")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} at {self.at:%Y-%m-%d %H:%M}"


class ToldReach(models.Model):
    """How many paying organisations the author of a topic or an answer was told of.

    ``organisations`` is 0 where there were enough once and are too few now.
    """

    kind = models.CharField(max_length=12, choices=AssetKind.choices)
    key = models.CharField(max_length=MOST_KEY)
    organisations = models.PositiveIntegerField()
    told_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "told reaches"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], name="attribution_toldreach_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.organisations}"

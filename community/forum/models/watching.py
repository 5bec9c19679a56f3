"""How closely a person follows a category or a tag."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from community.forum.models.places import (
    COUNTED,
    Category,
    Tag,
    Visibility,
    visibilities_of,
)
from core.clock import now


class WatchLevel(models.TextChoices):
    """How closely: told of all of it, shown as new, as any other, or not at all."""

    WATCHING = "watching", _("Watching")
    TRACKING = "tracking", _("Tracking")
    NORMAL = "normal", _("Normal")
    MUTED = "muted", _("Muted")


class WatchQuerySet(models.QuerySet["PlaceWatch"]):
    def visible_to(self, user: User) -> Self:
        """A person's own, of what they may still see: a name says something, too."""
        widest = visibilities_of(user)[-1]
        counter = COUNTED[Visibility(widest)]
        shown = Q(category__visibility__in=visibilities_of(user)) | Q(
            **{f"tag__{counter}__gt": 0}
        )
        return self.filter(shown, user_id=user.pk)


class PlaceWatch(models.Model):
    """What a person chose for one category or tag; no row is normal."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    tag = models.ForeignKey(
        Tag, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    level = models.CharField(max_length=10, choices=WatchLevel.choices)
    chosen_at = models.DateTimeField(default=now)

    objects = WatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(category__isnull=False, tag=None)
                | Q(category=None, tag__isnull=False),
                name="forum_watch_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(level__in=["watching", "tracking", "muted"]),
                name="forum_watch_level",
            ),
            models.UniqueConstraint(
                fields=["category", "user"], name="forum_watch_category_once"
            ),
            models.UniqueConstraint(
                fields=["tag", "user"], name="forum_watch_tag_once"
            ),
        ]
        indexes = [models.Index(fields=["user", "level"], name="forum_watch_user")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.level}"

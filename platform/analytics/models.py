from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now
from core.ids import new_public_id


def new_report_id() -> str:
    return new_public_id("rep")


class SavedReportQuerySet(models.QuerySet["SavedReport"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Reports are for everybody on the staff, and for nobody else."""
        return self if user.is_staff else self.none()


class SavedReport(models.Model):
    """A question that was given a name: the words of its page's address.

    They are kept as they were typed, so that a report can be opened, changed and
    saved again, also one whose event is not in the dictionary any more.
    """

    class Kind(models.TextChoices):
        FUNNEL = "funnel", _("Funnel")
        TREND = "trend", _("Trend")
        RETENTION = "retention", _("Retention")
        PATHS = "paths", _("Paths")
        SEGMENT = "segment", _("Segment")

    public_id = models.CharField(
        max_length=40, unique=True, default=new_report_id, editable=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=80)
    query = models.TextField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)

    objects = SavedReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "kind", Lower("name"), name="analytics_report_name_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="analytics_report_named"
            ),
        ]
        permissions = [("see_people", "Can see who is behind a number")]

    def __str__(self) -> str:
        return self.name

from typing import Self, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.clock import now
from core.errors import Gone
from core.ids import new_public_id

M = TypeVar("M", bound=models.Model)


class StaffQuerySet(models.QuerySet[M]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """What staff keep here is for everybody on the staff, and for nobody else."""
        return self if user.is_staff else self.none()

    def locked(self, pk: int) -> M:
        """Return a row under its lock. Raises ``Gone`` when a colleague was faster."""
        found = self.select_for_update().filter(pk=pk).first()
        if found is None:
            raise Gone
        return found


def new_report_id() -> str:
    return new_public_id("rep")


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

    objects = StaffQuerySet["SavedReport"].as_manager()

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

    def get_absolute_url(self) -> str:
        return reverse("analytics:report", args=[self.public_id])


def new_dashboard_id() -> str:
    return new_public_id("dsh")


class Dashboard(models.Model):
    """Saved reports on one page."""

    public_id = models.CharField(
        max_length=40, unique=True, default=new_dashboard_id, editable=False
    )
    name = models.CharField(_("name"), max_length=80)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=now)

    objects = StaffQuerySet["Dashboard"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), name="analytics_dashboard_name_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="analytics_dashboard_named"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Tile(models.Model):
    """One report on a dashboard. Tiles stand by ``position``, half or whole wide."""

    dashboard = models.ForeignKey(
        Dashboard, on_delete=models.CASCADE, related_name="tiles"
    )
    report = models.ForeignKey(SavedReport, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    is_wide = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["dashboard", "report"], name="analytics_tile_once"
            ),
            # Checked at the end of a transaction, so that two can change places.
            models.UniqueConstraint(
                fields=["dashboard", "position"],
                name="analytics_tile_place",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} on {self.dashboard_id}"


class DashboardReader(models.Model):
    """A member of the staff whom a dashboard is mailed to, once a week.

    ``sent_for`` is the Monday of the week whose mail was the last.
    """

    dashboard = models.ForeignKey(
        Dashboard, on_delete=models.CASCADE, related_name="readers"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    sent_for = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dashboard", "user"], name="analytics_dashboardreader_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} reads {self.dashboard_id}"


class Annotation(models.Model):
    """What happened on a day that may explain a chart."""

    class Kind(models.TextChoices):
        RELEASE = "release", _("Release")
        CAMPAIGN = "campaign", _("Campaign")
        INCIDENT = "incident", _("Incident")

    on = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    text = models.CharField(_("what happened"), max_length=120)
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    created_at = models.DateTimeField(default=now)

    objects = StaffQuerySet["Annotation"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["-on", "-id"], name="analytics_annotation_on")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(text=""), name="analytics_annotation_said"
            )
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.text}"


class Watch(models.Model):
    """Whether the series of a report is where it usually is, judged once for each day.

    ``outside_since`` is the first day of those it has been outside now.
    """

    report = models.OneToOneField(
        SavedReport, on_delete=models.CASCADE, primary_key=True, related_name="watch"
    )
    judged_on = models.DateField()
    outside_since = models.DateField(null=True)

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        return f"watch of {self.report_id}"


class Watcher(models.Model):
    """A member of the staff who is told when a watched series leaves its band."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="watchers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["watch", "user"], name="analytics_watcher_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} watches {self.watch_id}"

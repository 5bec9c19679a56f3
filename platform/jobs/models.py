from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.clock import now


class JobQuerySet(models.QuerySet["Job"]):
    def waiting(self) -> Self:
        """What is still to be done, now or later, held by a worker or not."""
        return self.filter(state=Job.State.WAITING)

    def unfinished(self) -> Self:
        """What waits for a worker, or for a person to decide."""
        return self.filter(state__in=UNFINISHED)

    def about(self, kind: str, *subjects: object) -> Self:
        """The jobs of one kind about these rows, by their primary keys."""
        return self.filter(kind=kind, subject__in=[str(each) for each in subjects])


class Job(models.Model):
    """One piece of work about one row: what has become of it, and when it is next due.

    The row itself is in the table of the app that registered the kind.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        DEAD = "dead", _("Given up")

    kind = models.CharField(max_length=20)
    # The primary key of what it is about, and whose share of the work it is.
    subject = models.CharField(max_length=120)
    part = models.CharField(max_length=200, blank=True, db_default="")
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.WAITING,
        db_default=State.WAITING,
    )
    # Counted when a worker takes it: what kills its workers comes to an end, too.
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(default=now)
    # Until then a worker has it; afterwards that worker is taken for dead.
    leased_until = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            # One statement of ``enqueue`` may be repeated; and what waits about one
            # subject is found by it.
            models.UniqueConstraint(
                fields=["kind", "subject", "part"], name="jobs_job_once"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", finished_at=None)
                | (~Q(state="waiting") & Q(finished_at__isnull=False)),
                name="jobs_job_finished",
            ),
        ]
        indexes = [
            # The claim looks only at what is still to do, one kind at a time, the
            # oldest first. The lease is not in it: taking a job rewrites no index.
            models.Index(
                fields=["kind", "due_at", "id"],
                condition=Q(state="waiting"),
                name="jobs_job_due",
            ),
            # Staff and the doctor look at what was given up, which is meant to be
            # nothing, and at what was ignored, which is little beside what was done.
            models.Index(
                fields=["kind", "state", "id"],
                condition=Q(state__in=["dead", "ignored"]),
                name="jobs_job_undone",
            ),
            # Pages of one kind, newest first; of pruning, oldest first.
            models.Index(fields=["kind", "id"], name="jobs_job_list"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.subject, self.part)))


UNFINISHED = (Job.State.WAITING, Job.State.DEAD)

"""Having work done later, and what a person may decide about it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from jobs.models import UNFINISHED, Job
from jobs.registry import JobKind, kind_named, kinds
from stores.nudging import nudge_after_commit

# A statement about so many rows takes well under a second.
MOST = 5000
# Of more jobs that are retried at once the sweep takes care.
NUDGED = 20


def enqueue(kind: str, subject: object, *, parts: Sequence[str] = ("",)) -> None:
    """Have the work about a row done after the commit, one job for each part.

    Must run in the transaction of its cause. After the commit a worker is nudged; when
    that fails the sweep finds the jobs some seconds later. What is enqueued already
    stays as it is.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A job belongs inside the transaction of its cause.")
    at = timezone.now()
    Job.objects.bulk_create(
        [
            Job(kind=kind, subject=str(subject), part=part, due_at=at, created_at=at)
            for part in parts
        ],
        ignore_conflicts=True,
    )
    nudge(kind, subject)


def nudge(kind: str, subject: object) -> None:
    """Have a worker look at what waits about a row, once the commit is done."""
    nudge_after_commit(
        "jobs.tasks.work", kind, str(subject), queue=kind_named(kind).queue
    )


def record_ignored(kind: str, subject: object, reason: str) -> None:
    """Note of a row that nothing was to be done about it, and why."""
    at = timezone.now()
    Job.objects.create(
        kind=kind,
        subject=str(subject),
        state=Job.State.IGNORED,
        last_error=reason,
        due_at=at,
        created_at=at,
        finished_at=at,
    )


@transaction.atomic
def retry(jobs: QuerySet[Job]) -> list[Job]:
    """Give jobs another round of attempts, now; return those that have one.

    What is done stays done, unless its kind is repeatable. Of very many only the oldest
    are taken: a person waits for the page.
    """
    repeatable = [kind.name for kind in kinds() if kind.is_repeatable]
    stays = jobs.filter(state=Job.State.DONE).exclude(kind__in=repeatable)
    chosen = list(_locked(jobs.exclude(pk__in=stays.values("pk")))[:MOST])
    Job.objects.filter(pk__in=[job.pk for job in chosen]).update(
        state=Job.State.WAITING,
        attempts=0,
        due_at=timezone.now(),
        finished_at=None,
    )
    for kind, subject in sorted({(job.kind, job.subject) for job in chosen})[:NUDGED]:
        nudge(kind, subject)
    return chosen


@transaction.atomic
def ignore(jobs: QuerySet[Job]) -> list[Job]:
    """Let go of jobs that were not done; return those that were let go of.

    One that a worker holds just now is not among them.
    """
    at = timezone.now()
    free = _locked(jobs.filter(state__in=UNFINISHED).exclude(leased_until__gt=at))
    chosen = list(free)
    Job.objects.filter(pk__in=[job.pk for job in chosen]).update(
        state=Job.State.IGNORED, finished_at=at, leased_until=None
    )
    return chosen


def forget(kind: str, subjects: Iterable[object]) -> int:
    """Drop the jobs about rows that are deleted; return how many there were."""
    return Job.objects.about(kind, *subjects).delete()[0]


def prune(*, batch: int = 1000) -> int:
    """Delete what came to an end long ago, jobs and rows; return how many jobs."""
    pruned = 0
    for kind in kinds():
        if kind.kept is None:
            continue
        before = timezone.now() - kind.kept
        pruned += _prune_jobs(kind, before, batch)
        _prune_rows(kind, before, batch)
    return pruned


def _locked(jobs: QuerySet[Job]) -> QuerySet[Job]:
    return jobs.select_for_update(skip_locked=True).order_by("pk")


def _prune_jobs(kind: JobKind, before: datetime, batch: int) -> int:
    """Go through the jobs from the oldest on; batches keep the locks short."""
    pruned, last = 0, 0
    while True:
        jobs = Job.objects.filter(kind=kind.name, pk__gt=last).order_by("pk")[:batch]
        window = list(jobs.only("pk", "state", "created_at", "finished_at"))
        # What is younger than the border cannot have ended before it.
        if not window or window[0].created_at >= before:
            return pruned
        last = window[-1].pk
        over = [
            job.pk
            for job in window
            if job.state in {Job.State.DONE, Job.State.IGNORED}
            and job.finished_at is not None
            and job.finished_at < before
        ]
        pruned += Job.objects.filter(pk__in=over).delete()[0]


def _prune_rows(kind: JobKind, before: datetime, batch: int) -> None:
    """Delete old rows no job is about any more."""
    named = Cast(OuterRef("pk"), CharField())
    wanted = Job.objects.filter(kind=kind.name, subject=named)
    old = kind.rows().filter(~Exists(wanted), **{f"{kind.dated_by}__lt": before})
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:batch]):
        kind.rows().filter(pk__in=pks).delete()

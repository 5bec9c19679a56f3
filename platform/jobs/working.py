"""Doing what waits: claimed, done, and noted, so that it comes to one end."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.backoff import wait_after
from jobs.exceptions import Hopeless, Ignored, NotNow
from jobs.models import Job
from jobs.registry import JobKind, kind_named

logger = logging.getLogger(__name__)

GONE = "What it was about is not there any more."
DEADLY = "Every worker that tried it died."
# Seconds between two looks at a server that is away are at most these.
AWAY = 300
# A sweep ends after so many seconds, far below the time limit of a task; the next one
# goes on.
SWEEP = 60

# What another worker holds is passed by, and nothing is waited for. ``was_left`` is
# what a worker had and did not finish in its time.
_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT id, leased_until IS NOT NULL AS was_left FROM jobs_job
   WHERE state = 'waiting' AND kind = %(kind)s AND due_at <= %(now)s
     AND (leased_until IS NULL OR leased_until <= %(now)s){about}
   ORDER BY due_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
)
UPDATE jobs_job AS job
   SET attempts = job.attempts + 1, leased_until = %(until)s
  FROM due WHERE job.id = due.id
RETURNING job.*, due.was_left
"""
_ABOUT = " AND subject = %(subject)s"


def work(name: str, subject: str) -> int:
    """Do what is due about one row; return how many jobs were done or ignored."""
    return _work(kind_named(name), subject=subject, seconds=SWEEP)


def sweep(name: str) -> int:
    """Do what is due of one kind, the oldest first; return how many came to an end.

    Finds what a crash, an outage or a lost nudge left behind.
    """
    return _work(kind_named(name), subject=None, seconds=SWEEP)


def sweep_together(name: str, *, batch: int = 1_000) -> int:
    """Do all that is due of a local kind, and what that causes; return how many ended.

    For a program that has much to do and nobody who waits: a batch is claimed with one
    statement, ended with another, and done in one transaction. When a job of it fails
    the batch is taken back and done one by one, as by ``sweep``.
    """
    kind = replace(kind_named(name), batch=batch)
    if not kind.is_local:
        raise ValueError(f"What {name} does outside the database cannot be taken back.")
    ended = 0
    while claimed := claim(kind):
        rows = kind.load({job.subject for job in claimed})
        try:
            ended += _do_together(kind, claimed, rows)
        except Exception:
            logger.exception("jobs.batch_failed", extra={"jobs": len(claimed)})
            ended += sum(_do(kind, job, rows.get(job.subject)) for job in claimed)
    return ended


@transaction.atomic
def _do_together(kind: JobKind, jobs: list[Job], rows: Mapping[str, Any]) -> int:
    for job in jobs:
        _refuse_hopeless(kind, job, rows.get(job.subject))
    ours = Job.objects.waiting().filter(pk__in=[job.pk for job in jobs])
    ended = ours.update(
        state=Job.State.DONE, leased_until=None, finished_at=timezone.now()
    )
    if ended < len(jobs):
        raise RuntimeError("Another worker has finished some of them meanwhile.")
    for job in jobs:
        kind.handle(rows[job.subject], job)
    return ended


def _work(kind: JobKind, *, subject: str | None, seconds: float) -> int:
    ended = 0
    until = time.monotonic() + seconds
    try:
        while claimed := claim(kind, subject=subject):
            rows = kind.load({job.subject for job in claimed})
            for job in claimed:
                ended += _do(kind, job, rows.get(job.subject))
            if time.monotonic() > until:
                break
    except NotNow:
        # It would be the same for all the others.
        return ended
    return ended


def claim(kind: JobKind, *, subject: str | None = None) -> list[Job]:
    """Take jobs that are due, the oldest first, for the length of the kind's lease.

    Of those another worker has left only one is taken, to be done last: should it kill
    this worker as well, nothing else goes down with it. Raises ``NotNow``.
    """
    if kind.admit is not None:
        kind.admit()
    at = timezone.now()
    values = {
        "kind": kind.name,
        "subject": subject,
        "now": at,
        "until": at + kind.lease,
        "batch": kind.batch,
    }
    about = _ABOUT if subject is not None else ""
    claimed = list(Job.objects.raw(_CLAIM.format(about=about), values))
    claimed.sort(key=lambda job: (job.due_at, job.pk))
    left = [job for job in claimed if _was_left(job)]
    _release(left[1:])
    return [job for job in claimed if not _was_left(job)] + left[:1]


def _was_left(job: Job) -> bool:
    return bool(getattr(job, "was_left", False))


def _release(jobs: list[Job]) -> None:
    """Put back what was taken and not tried."""
    for job in jobs:
        _held(job).update(attempts=job.attempts - 1, leased_until=None)


def _do(kind: JobKind, job: Job, row: Any) -> bool:
    """Do one job and note what came of it; tell whether it was done or ignored."""
    try:
        return _handle(kind, job, row)
    except Ignored as reason:
        return _end(job, Job.State.IGNORED, str(reason))
    except NotNow as error:
        # Not the job's fault: it is never given up, and an outage, however long, takes
        # no more than half of the attempts.
        _postpone(
            job, error, ceiling=AWAY, attempts=min(job.attempts, kind.max_attempts // 2)
        )
        raise
    except Hopeless as error:
        _give_up(job, error)
    except Exception as error:
        # A server's refusal is no fault of the program.
        level = logging.WARNING if isinstance(error, OSError) else logging.ERROR
        details = {"kind": kind.name, "job": job.pk, "subject": job.subject}
        logger.log(level, "jobs.failed", exc_info=error, extra=details)
        if job.attempts >= kind.max_attempts:
            _give_up(job, error)
        else:
            _postpone(job, error, ceiling=kind.ceiling)
    return False


def _handle(kind: JobKind, job: Job, row: Any) -> bool:
    _refuse_hopeless(kind, job, row)
    if kind.is_local:
        return _do_locally(kind, job, row)
    kind.handle(row, job)
    return _end(job, Job.State.DONE)


def _refuse_hopeless(kind: JobKind, job: Job, row: Any) -> None:
    """Raise ``Ignored`` or ``Hopeless`` where trying makes no sense."""
    if row is None:
        raise Ignored(GONE)
    if job.attempts > kind.max_attempts and _was_left(job):
        raise Hopeless(DEADLY)


def _do_locally(kind: JobKind, job: Job, row: Any) -> bool:
    """Do a job whose work commits together with its end.

    The end is written first: it takes the row's lock, so that nobody else begins
    however long this takes, and tells whether another worker has finished meanwhile.
    """
    with transaction.atomic():
        if not _end(job, Job.State.DONE):
            return False
        kind.handle(row, job)
    return True


def _end(job: Job, state: str, note: str = "") -> bool:
    """Note the end, unless there is one; the worker that did it may, late or not."""
    waiting = Job.objects.waiting().filter(pk=job.pk)
    return bool(
        waiting.update(
            state=state,
            last_error=_clean(note),
            leased_until=None,
            finished_at=timezone.now(),
        )
    )


def _give_up(job: Job, error: Exception) -> None:
    _held(job).update(
        state=Job.State.DEAD,
        last_error=_words(error),
        leased_until=None,
        finished_at=timezone.now(),
    )
    logger.warning("jobs.given_up", extra={"kind": job.kind, "job": job.pk})


def _postpone(
    job: Job, error: Exception, *, ceiling: int, attempts: int | None = None
) -> None:
    _held(job).update(
        attempts=job.attempts if attempts is None else attempts,
        last_error=_words(error),
        leased_until=None,
        due_at=timezone.now() + wait_after(job.attempts, ceiling=ceiling),
    )


def _held(job: Job) -> Any:
    """The job while it is this worker's: another one would have counted an attempt."""
    return Job.objects.waiting().filter(pk=job.pk, attempts=job.attempts)


def _words(error: BaseException) -> str:
    """Return what a person needs to read of an error."""
    if isinstance(error, Hopeless | NotNow):
        if error.__cause__ is None:
            return _clean(str(error) or type(error).__name__)
        error = error.__cause__
    reason = getattr(error, "details", None)
    told = reason.get("reason") if isinstance(reason, dict) else None
    return _clean(f"{type(error).__name__}: {told or error}")


def _clean(words: str) -> str:
    """Return words a column can hold: neither NUL nor half a character, nor endless."""
    return words.replace("\0", "").encode(errors="replace").decode()[:2000]

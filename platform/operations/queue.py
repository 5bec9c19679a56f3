"""What staff see of the queue, and do about what was given up."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from analytics.engines import engine
from analytics.feed import lag_of
from audit import services as audit
from billing.conversion.models import BridgeCheck
from billing.overage.models import CloseCheck
from core.reading import Values, cursor_of
from edge.pagination import paginate
from jobs import services
from jobs.models import Job
from jobs.queries import backlogs
from jobs.registry import JobKind, kind_named, kinds

ALL = "all"
# A search for what so many rows have in common shows the newest of them.
MOST_FOUND = 500
# In seconds. It is fed twice a minute: ten runs did not come, or did not end.
LATE = 300
# What a page shows of a payload; there are some of megabytes.
MOST_SHOWN = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """A job as the list shows it; ``title`` is empty when its row is gone."""

    job: Job
    kind: JobKind
    title: str
    hint: str
    can_retry: bool
    can_ignore: bool


@dataclass(frozen=True, slots=True)
class ReadSideLag:
    """How far the copy of the event log is behind; ``seconds`` is None before it is."""

    seconds: float | None
    quarantined: int

    @property
    def is_late(self) -> bool:
        return self.seconds is None or self.seconds > LATE


@require_safe
@staff_required
def job_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """How far behind the queue is, and its jobs by kind, state or what they are about.

    What was given up comes first; a search looks into every state. Among all others
    what was ignored is only counted: most of it is events that nothing is to be done
    about, and they would fill every page.
    """
    visible = _visible_kinds(request)
    asked = Values(request.GET)
    kind = asked.choice("kind", [each.name for each in visible])
    text = asked.text("q")
    states = [ALL, *Job.State.values]
    state = asked.choice("state", states, default=ALL if text else Job.State.DEAD)
    shown = [each for each in visible if kind in {"", each.name}]
    jobs = Job.objects.filter(kind__in=[each.name for each in shown])
    ignored = 0
    if state != ALL:
        jobs = jobs.filter(state=state)
    elif not text:
        ignored = jobs.filter(state=Job.State.IGNORED).count()
        jobs = jobs.exclude(state=Job.State.IGNORED)
    if text:
        jobs = jobs.filter(_found(text, shown))
    page = paginate(jobs, cursor=cursor_of(request))
    context = {
        "backlogs": [each for each in backlogs() if each.kind in visible],
        "read_side": _read_side(),
        "page": page,
        "lines": _lines(page.items),
        "kinds": visible,
        "states": [(ALL, _("All")), *Job.State.choices],
        "kind": kind,
        "state": state,
        "q": text,
        "query": _query(kind=kind, state=state, q=text),
        "ignored": ignored,
        "ignored_query": _query(kind=kind, state=Job.State.IGNORED),
        "checked": BridgeCheck.objects.order_by("-at").first(),
        "charges": CloseCheck.objects.order_by("-at").first(),
        "reporting_currency": settings.REPORTING_CURRENCY,
        "can_retry_all": bool(page.items) and state == Job.State.DEAD and not text,
    }
    return render(request, "operations/job_list.html", context)


@require_safe
@staff_required
def job_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One job with what is known of it, and its payload."""
    job = _visible_job(request, pk)
    kind = kind_named(job.kind)
    row = kind.load([job.subject]).get(job.subject)
    details = kind.details(row) if row else ()
    context = {
        "line": _line(job, kind, row),
        "job": job,
        "details": [
            (label, value, isinstance(value, datetime)) for label, value in details
        ],
        "payload": _payload(kind, row),
    }
    return render(request, "operations/job_detail.html", context)


@require_POST
@staff_required
def retry(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Give one job another round of attempts."""
    job = _visible_job(request, pk)
    with transaction.atomic():
        retried = services.retry(Job.objects.filter(pk=pk))
        if retried:
            _record(request, "job.retried", str(job), before=job.state)
    return _back(request, job, _retried(len(retried)))


@require_POST
@staff_required
def retry_dead(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Give what was given up another round: of one kind, or of all."""
    names = [each.name for each in _visible_kinds(request)]
    kind = Values(request.POST).choice("kind", names)
    jobs = Job.objects.filter(kind__in=[kind] if kind else names)
    with transaction.atomic():
        count = len(services.retry(jobs.filter(state=Job.State.DEAD)))
        if count:
            _record(request, "job.retried", kind or ALL, count=count)
    messages.success(request, _retried(count))
    return redirect(f"{reverse('operations:jobs')}?{_query(kind=kind)}")


@require_POST
@staff_required
def ignore(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Let go of a job that was not done."""
    job = _visible_job(request, pk)
    with transaction.atomic():
        ignored = services.ignore(Job.objects.filter(pk=pk))
        if ignored:
            _record(request, "job.ignored", str(job), before=job.state)
    done = _("It is ignored.") if ignored else _("It is over, or being done just now.")
    return _back(request, job, done)


@require_safe
@staff_required
def moved(request: HttpRequest, kind: str, state: str = "") -> HttpResponse:
    """Lead from the page a kind of job had of its own."""
    text = Values(request.GET).text("q")
    query = _query(kind=kind, state=state or ALL, q=text)
    return redirect(f"{reverse('operations:jobs')}?{query}", permanent=True)


@require_safe
@staff_required
def moved_webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead from the page an event of Stripe's had of its own."""
    job = get_object_or_404(Job.objects.about("webhook", pk))
    return redirect("operations:job-detail", pk=job.pk, permanent=True)


def _visible_kinds(request: AuthenticatedHttpRequest) -> list[JobKind]:
    return [each for each in kinds() if each.permission(request.user)]


def _visible_job(request: AuthenticatedHttpRequest, pk: int) -> Job:
    names = [each.name for each in _visible_kinds(request)]
    return get_object_or_404(Job.objects.filter(kind__in=names), pk=pk)


def _found(text: str, searched: Iterable[JobKind]) -> Q:
    """Return the condition for jobs about the rows that a text finds."""
    found = Q(pk__in=[])
    for kind in searched:
        rows: QuerySet[Any] = kind.rows().filter(kind.find(text)).order_by("-pk")
        pks = rows.values_list("pk", flat=True)[:MOST_FOUND]
        found |= Q(kind=kind.name, subject__in=[str(pk) for pk in pks])
    return found


def _lines(jobs: list[Job]) -> list[Line]:
    """Describe jobs, with one query for each kind among them."""
    rows = {}
    for name in {job.kind for job in jobs}:
        subjects = {job.subject for job in jobs if job.kind == name}
        rows[name] = kind_named(name).load(subjects, light=True)
    return [
        _line(job, kind_named(job.kind), rows[job.kind].get(job.subject))
        for job in jobs
    ]


def _line(job: Job, kind: JobKind, row: Any) -> Line:
    return Line(
        job=job,
        kind=kind,
        title=kind.title(row) if row else "",
        hint=kind.hint(row) if row else job.subject,
        can_retry=job.state != Job.State.DONE or kind.is_repeatable,
        can_ignore=job.state in {Job.State.WAITING, Job.State.DEAD},
    )


def _payload(kind: JobKind, row: Any) -> str:
    if kind.payload is None or row is None:
        return ""
    shown = json.dumps(kind.payload(row), indent=2, ensure_ascii=False)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]} …"


def _query(**values: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in values.items() if value})
    return query.urlencode()


def _record(
    request: AuthenticatedHttpRequest,
    action: str,
    target: str,
    *,
    before: str = Job.State.DEAD,
    count: int = 1,
) -> None:
    audit.record(
        action,
        actor=request.user,
        target=target,
        before={"state": str(before)},
        after={"count": count},
    )


def _retried(count: int) -> str:
    words = ngettext(
        "%(count)d job is tried again.", "%(count)d jobs are tried again.", count
    )
    return words % {"count": count}


def _back(request: AuthenticatedHttpRequest, job: Job, done: str) -> HttpResponse:
    messages.success(request, done)
    return redirect("operations:job-detail", pk=job.pk)


def _read_side() -> ReadSideLag:
    state = engine().state()
    return ReadSideLag(lag_of(state.complete_at), state.quarantined)

"""The staff's reports: each question has an address, each number its people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from analytics import services
from analytics.answers import FunnelAnswer, StepAnswer
from analytics.asking import ask_funnel, ask_people
from analytics.engines import engine
from analytics.feed import lag_of
from analytics.forms import FunnelForm, ReportNameForm, properties
from analytics.models import SavedReport
from analytics.people import named_units
from analytics.questions import MOST_VALUE, EventPattern, Funnel, People
from audit import services as audit
from core.reading import Values
from edge.tables import csv_response

# From the first look to the first money: what most who come here ask first.
DEFAULT_FUNNEL = (
    "steps=4&s0=page_viewed&s1=user_signed_up&s2=first_call_succeeded&s3=invoice_paid"
)


# An address with ten steps of two conditions each has some thousand characters.
LONGEST_ADDRESS = 8000
# Lines that a spreadsheet still opens, and those of a page.
MOST_LINES, PAGE_LINES = 100_000, 50
# Ids of browsers are 60 bits below 0, those of accounts are far below that.
LARGEST_ID = 2**61


@dataclass(frozen=True, slots=True)
class Bar:
    """One step as the page draws it; shares are ``None`` over nobody."""

    number: int
    pattern: EventPattern
    step: StepAnswer
    share: float | None
    from_previous: float | None
    lost: int


@require_safe
@staff_required
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What was saved, and how fresh the answers are."""
    state = engine().state()
    context = {
        "reports": SavedReport.objects.visible_to(request.user)
        .select_related("created_by")
        .order_by("kind", "name"),
        "state": state,
        "lag": lag_of(state.complete_at),
    }
    return render(request, "analytics/home.html", context)


@require_safe
@staff_required
def funnel(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Build a funnel and see who came how far."""
    return _funnel_page(request, request.GET, ReportNameForm())


@require_safe
@staff_required
def funnel_people(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Who is behind a bar: who came this far, or no further."""
    asked = Values(request.GET)
    form = FunnelForm(_query_or_default(request.GET))
    form.is_valid()
    if form.question is None:
        return _funnel_page(request, request.GET, ReportNameForm())
    question = form.question
    step = asked.whole("step", default=1, least=1, most=len(question.steps))
    is_exact = asked.flag("exact")
    is_csv = asked.choice("format", ("csv",)) == "csv"
    after = asked.whole("after", default=0, least=-LARGEST_ID, most=LARGEST_ID)
    people = People(
        funnel=question,
        reached=step,
        is_exact=is_exact,
        value=asked.text("value", most=MOST_VALUE) if asked.has("value") else None,
        after=after or None,
        most=MOST_LINES if is_csv else PAGE_LINES,
    )
    answer = ask_people(people)
    can_see = request.user.has_perm("analytics.see_people")
    units = named_units(answer.units, question.unit, can_see=can_see)
    if is_csv:
        audit.record("people.exported", actor=request.user, after={"named": can_see})
        columns = ("id", "name", "steps", "entered_at", "reached_at")
        rows = (
            (one.public_id, one.name, one.reached, one.entered_at, one.reached_at)
            for one in units
        )
        return csv_response("people.csv", columns, rows)
    context = {
        "question": question,
        "pattern": question.steps[step - 1],
        "step": step,
        "is_exact": is_exact,
        "value": people.value,
        "units": units,
        "answer": answer,
        "can_see": can_see,
        "query": _without(request.GET, "after", "format"),
        "funnel_query": _without(
            request.GET, "after", "format", "step", "exact", "value"
        ),
    }
    return render(request, "analytics/people.html", context)


@require_POST
@staff_required
def report_save(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Keep the funnel of the form's address under a name."""
    form = ReportNameForm(request.POST)
    is_named = form.is_valid()
    query = QueryDict(Values(request.POST).text("query", most=LONGEST_ADDRESS))
    question = FunnelForm(_query_or_default(query))
    if not (question.is_valid() and is_named):
        return _funnel_page(request, query, form, status=422)
    try:
        report = services.save_report(
            SavedReport.Kind.FUNNEL,
            name=form.cleaned_data["name"],
            query=query.urlencode() or DEFAULT_FUNNEL,
            by=request.user,
        )
    except services.ReportNameTaken as error:
        form.add_error("name", str(error))
        return _funnel_page(request, query, form, status=error.status)
    return redirect("analytics:report", public_id=report.public_id)


@require_safe
@staff_required
def report_detail(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """Answer a saved question, at an address that stays."""
    report = _report(request, public_id)
    return _funnel_page(
        request, QueryDict(report.query), ReportNameForm(), report=report
    )


@require_POST
@staff_required
def report_replace(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """Keep the question of the form's address in a report's place."""
    report = _report(request, public_id)
    query = QueryDict(Values(request.POST).text("query", most=LONGEST_ADDRESS))
    if not FunnelForm(_query_or_default(query)).is_valid():
        return _funnel_page(request, query, ReportNameForm(), status=422)
    services.replace_report(
        report, query=query.urlencode() or DEFAULT_FUNNEL, by=request.user
    )
    return redirect("analytics:report", public_id=report.public_id)


@require_POST
@staff_required
def report_delete(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """Forget a report."""
    services.delete_report(_report(request, public_id), by=request.user)
    return redirect("analytics:home")


def _report(request: AuthenticatedHttpRequest, public_id: str) -> SavedReport:
    return get_object_or_404(
        SavedReport.objects.visible_to(request.user), public_id=public_id
    )


def _funnel_page(
    request: AuthenticatedHttpRequest,
    query: QueryDict,
    name_form: ReportNameForm,
    *,
    report: SavedReport | None = None,
    status: int = 200,
) -> HttpResponseBase:
    query = _query_or_default(query)
    form = FunnelForm(query, adds_row=Values(query).has("add"))
    answer = None
    if form.is_valid() and form.question is not None:
        answer = ask_funnel(form.question)
        if Values(query).choice("format", ("csv",)) == "csv":
            return _funnel_csv(request, form.question, answer)
    # The address of what is shown; a row that was only asked for is no part of it.
    kept = _without(query, "format", "add", "of")
    changed = _report_of(request, query) if report is None else report
    context = {
        "form": form,
        "question": form.question,
        "answer": answer,
        "bars": _bars(form.question, answer) if form.question and answer else [],
        "properties": properties(),
        "query": kept,
        "name_form": name_form,
        "report": report,
        "changed": changed,
        "lag": lag_of(answer.as_of) if answer else None,
    }
    is_wrong = not form.is_valid() and status == 200
    return render(
        request, "analytics/funnel.html", context, status=400 if is_wrong else status
    )


def _report_of(
    request: AuthenticatedHttpRequest, query: QueryDict
) -> SavedReport | None:
    """Return the report that a changed question came from."""
    public_id = Values(query).text("of", most=LONGEST_ADDRESS)
    visible = SavedReport.objects.visible_to(request.user)
    return visible.filter(public_id=public_id).first() if public_id else None


def _bars(question: Funnel, answer: FunnelAnswer) -> list[Bar]:
    first = answer.steps[0].count
    bars = []
    previous = None
    for number, (pattern, step) in enumerate(
        zip(question.steps, answer.steps, strict=True), start=1
    ):
        bars.append(
            Bar(
                number=number,
                pattern=pattern,
                step=step,
                share=step.count / first if first else None,
                from_previous=step.count / previous if previous else None,
                lost=previous - step.count if previous is not None else 0,
            )
        )
        previous = step.count
    return bars


def _funnel_csv(
    request: AuthenticatedHttpRequest, question: Funnel, answer: FunnelAnswer
) -> HttpResponseBase:
    audit.record("funnel.exported", actor=request.user)
    columns = ("value", "step", "event", "count", "median_seconds", "slow_seconds")

    def rows() -> Iterator[tuple[Any, ...]]:
        parts: list[tuple[str, tuple[StepAnswer, ...]]] = [("", answer.steps)]
        parts += [
            (str(_("others")) if each.value is None else each.value, each.steps)
            for each in answer.divisions
        ]
        for value, steps in parts:
            for number, step in enumerate(steps):
                yield (
                    value,
                    number + 1,
                    question.steps[number].event,
                    step.count,
                    step.median_seconds,
                    step.slow_seconds,
                )

    return csv_response("funnel.csv", columns, rows())


def _query_or_default(query: QueryDict) -> QueryDict:
    """Return what was asked; who asked nothing sees the whole way."""
    return query if Values(query).has("s0") else QueryDict(DEFAULT_FUNNEL)


def _without(query: QueryDict, *names: str) -> str:
    """Return an address without some names, and without what is empty."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        if name not in names and any(values):
            kept.setlist(name, values)
    return kept.urlencode()

"""The staff's reports: each question has an address, each number its people."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from analytics import services
from analytics.answers import PeopleAnswer
from analytics.asking import ask
from analytics.engines import engine
from analytics.feed import lag_of
from analytics.forms import ReportNameForm, properties, today
from analytics.kinds import KINDS, ReportKind
from analytics.models import SavedReport, Watcher
from analytics.people import NamedUnit, named_units
from analytics.questions import MOST_VALUE, Funnel, People, Question, Trend
from analytics.watching import is_watchable, judged_days
from audit import services as audit
from core.reading import Values
from edge.tables import csv_response

# An address with ten steps of two conditions each has some thousand characters.
LONGEST_ADDRESS = 8000
# Lines of a file that are asked for at once, some 20 MB of them, and those of a page.
FILE_LINES, PAGE_LINES = 100_000, 50
# Ids of browsers are 60 bits below 0, those of accounts are far below that.
LARGEST_ID = 2**61


@require_safe
@staff_required
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What was saved, and how fresh the answers are."""
    state = engine().state()
    visible = SavedReport.objects.visible_to(request.user)
    context = {
        "reports": visible.select_related("created_by").order_by("kind", "name"),
        "kinds": KINDS.values(),
        "state": state,
        "lag": lag_of(state.complete_at),
    }
    return render(request, "analytics/home.html", context)


@require_safe
@staff_required
def report(request: AuthenticatedHttpRequest, kind: str) -> HttpResponseBase:
    """Ask a question of one kind; its address is the question."""
    return _page(request, KINDS[kind], request.GET, ReportNameForm())


@require_safe
@staff_required
def funnel_people(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Who is behind a bar: who came this far, or no further."""
    asked = Values(request.GET)
    kind = KINDS["funnel"]
    form = kind.form(kind.asked(request.GET))
    form.is_valid()
    question = form.question
    if not isinstance(question, Funnel):
        return _page(request, kind, request.GET, ReportNameForm())
    step = asked.whole("step", default=1, least=1, most=len(question.steps))
    is_csv = asked.choice("format", ("csv",)) == "csv"
    after = asked.whole("after", default=0, least=-LARGEST_ID, most=LARGEST_ID)
    people = People(
        funnel=question,
        reached=step,
        is_exact=asked.flag("exact"),
        value=asked.text("value", most=MOST_VALUE) if asked.has("value") else None,
        after=after or None,
        most=FILE_LINES if is_csv else PAGE_LINES,
    )
    answer = cast(PeopleAnswer, ask(people))
    can_see = request.user.has_perm("analytics.see_people")
    if is_csv:
        audit.record("people.exported", actor=request.user, after={"named": can_see})
        columns = ("id", "name", "steps", "entered_at", "reached_at")
        rows = (
            (one.public_id, one.name, one.reached, one.entered_at, one.reached_at)
            for one in _every_unit(people, answer, can_see=can_see)
        )
        return csv_response("people.csv", columns, rows)
    context = {
        "question": question,
        "pattern": question.steps[step - 1],
        "step": step,
        "is_exact": people.is_exact,
        "value": people.value,
        "units": named_units(answer.units, question.unit, can_see=can_see),
        "answer": answer,
        "can_see": can_see,
        "query": _without(request.GET, "after", "format"),
        "funnel_query": _without(
            request.GET, "after", "format", "step", "exact", "value"
        ),
    }
    return render(request, "analytics/people.html", context)


def _every_unit(
    people: People, answer: PeopleAnswer, *, can_see: bool
) -> Iterator[NamedUnit]:
    """Yield the units of an answer and of all that come after it."""
    yield from named_units(answer.units, people.funnel.unit, can_see=can_see)
    while answer.next_after is not None:
        answer = cast(PeopleAnswer, ask(replace(people, after=answer.next_after)))
        yield from named_units(answer.units, people.funnel.unit, can_see=can_see)


@require_POST
@staff_required
def report_save(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Keep the question of the form's address under a name."""
    asked = Values(request.POST)
    kind = KINDS[asked.choice("kind", KINDS, default="funnel")]
    form = ReportNameForm(request.POST)
    is_named = form.is_valid()
    query = kind.asked(QueryDict(asked.text("query", most=LONGEST_ADDRESS)))
    if not (kind.form(query).is_valid() and is_named):
        return _page(request, kind, query, form, status=422)
    try:
        saved = services.save_report(
            kind.name,
            name=form.cleaned_data["name"],
            query=query.urlencode(),
            by=request.user,
        )
    except services.ReportNameTaken as error:
        form.add_error("name", str(error))
        return _page(request, kind, query, form, status=error.status)
    return redirect("analytics:report", public_id=saved.public_id)


@require_safe
@staff_required
def report_detail(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """Answer a saved question, at an address that stays."""
    saved = _report(request, public_id)
    query = QueryDict(saved.query)
    return _page(request, KINDS[saved.kind], query, ReportNameForm(), saved=saved)


@require_POST
@staff_required
def report_replace(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """Keep the question of the form's address in a report's place."""
    saved = _report(request, public_id)
    kind = KINDS[saved.kind]
    text = Values(request.POST).text("query", most=LONGEST_ADDRESS)
    query = kind.asked(QueryDict(text))
    if not kind.form(query).is_valid():
        return _page(request, kind, query, ReportNameForm(), status=422)
    services.replace_report(saved, query=query.urlencode(), by=request.user)
    return redirect("analytics:report", public_id=saved.public_id)


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


def _page(
    request: AuthenticatedHttpRequest,
    kind: ReportKind,
    query: QueryDict,
    name_form: ReportNameForm,
    *,
    saved: SavedReport | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponseBase:
    """Show a question and its answer; what cannot be asked is said beside its field."""
    query = kind.asked(query)
    form = kind.form(query, adds_row=Values(query).has("add"))
    # The address of what is shown; a row that was only asked for is no part of it.
    context = {
        "kind": kind,
        "form": form,
        "properties": properties(),
        "query": _without(query, "format", "add", "of", "show"),
        "name_form": name_form,
        "report": saved,
        "changed": saved or _origin_of(request, kind, query),
    }
    if form.is_valid() and form.question is not None:
        answer = ask(form.question)
        if Values(query).choice("format", ("csv",)) == "csv":
            audit.record(f"{kind.name}.exported", actor=request.user)
            cells = kind.cells(form.question, answer)
            # A line of a trend is called by a value that was told of an event.
            return csv_response(
                f"{kind.name}.csv", next(cells), cells, has_own_names=False
            )
        context |= {
            "question": form.question,
            "answer": answer,
            "lag": lag_of(answer.as_of),
            **kind.context(form.question, answer),
        }
        if Values(query).choice("show", ("sql",)) == "sql":
            context["statements"] = engine().statements(form.question)
        if saved is not None:
            context |= _watched(request, saved, form.question)
    elif status == HTTPStatus.OK:
        status = HTTPStatus.BAD_REQUEST
    return render(request, "analytics/report.html", context, status=status)


def _watched(
    request: AuthenticatedHttpRequest, saved: SavedReport, question: Question
) -> dict[str, Any]:
    """Return whether a report can be watched, is, and what yesterday was."""
    if not is_watchable(question):
        return {}
    watchers = Watcher.objects.filter(watch=saved.pk, user=request.user)
    is_watcher = watchers.exists()
    yesterday = today() - timedelta(days=1)
    judged = None
    if is_watcher and isinstance(question, Trend):
        (judged,) = judged_days(question, yesterday, yesterday)
    return {"can_watch": True, "is_watcher": is_watcher, "judged": judged}


def _origin_of(
    request: AuthenticatedHttpRequest, kind: ReportKind, query: QueryDict
) -> SavedReport | None:
    """Return the report that a changed question came from."""
    public_id = Values(query).text("of", most=LONGEST_ADDRESS)
    if not public_id:
        return None
    visible = SavedReport.objects.visible_to(request.user)
    return visible.filter(public_id=public_id, kind=kind.name).first()


def _without(query: QueryDict, *names: str) -> str:
    """Return an address without some names, and without what is empty."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        if name not in names and any(values):
            kept.setlist(name, values)
    return kept.urlencode()

"""Candidates beside one another, and who would pay more or less under each."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from billing.conversion.behind import without
from billing.conversion.currency import dollar_rate
from billing.plans.models import PlanVersion
from billing.pricelab import services
from billing.pricelab.forms import (
    MOST_MODELS,
    CandidateForm,
    replayable_versions,
    shown_candidate,
    shown_version,
)
from billing.pricelab.models import PlanCandidate, ReplayedBill
from billing.pricelab.month import PastMonth, models_used
from billing.pricelab.outcomes import LeavingShare, outcomes_of
from core.errors import DomainError
from core.reading import UnreadableValue, Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.tables import csv_response
from jobs.models import Job

# More than fit beside one another are not compared.
COMPARED = 20
# A rise that people complain about and few leave for; nobody leaves until it is said.
RISE, LEAVE = 10, 0
# Ten times the bill: more is a typing error.
MOST_RISE = 1_000
# As the column of a primary key.
MOST_NUMBER = 2**63 - 1
SIDES = {
    "more": gettext_lazy("They pay more"),
    "less": gettext_lazy("They pay less"),
    "same": gettext_lazy("They pay the same"),
}


@require_safe
@staff_required
def home(request: HttpRequest) -> HttpResponse:
    """Show every candidate beside the others, under one assumption."""
    leaving, problems = _leaving(request.GET)
    candidates = list(
        PlanCandidate.objects.select_related("plan", "replay").order_by("-pk")[
            :COMPARED
        ]
    )
    found = outcomes_of([each.pk for each in candidates], leaving)
    context = {
        "leaving": leaving,
        "problems": problems,
        "rows": [(each, found[each.pk]) for each in candidates],
        "versions": replayable_versions(),
        "rate": dollar_rate(),
        "currency": settings.REPORTING_CURRENCY,
        "query": request.GET.urlencode(),
    }
    return render(request, "pricelab/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def candidate_new(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Write a candidate, beginning with a version or another one; a POST keeps it."""
    models = models_used(PastMonth.before(timezone.now()), most=MOST_MODELS)
    begun: PlanVersion | None = None
    if request.method == "POST":
        form = CandidateForm(request.POST, models=models)
        if form.is_valid():
            try:
                kept = services.create_candidate(by=request.user, **form.terms())
            except DomainError as no:
                form.add_error(None, str(no))
            else:
                drafting.accept(request)
                return redirect("pricelab:candidate", kept.pk)
        begun = form.cleaned_data.get("version")
    else:
        begun, shown = _begun(request.GET, models)
        form = CandidateForm(initial=shown, models=models)
    context = {
        "form": form,
        "version": begun,
        "versions": replayable_versions(),
        "currency": settings.REPORTING_CURRENCY,
    }
    status = 422 if form.is_bound else 200
    return render(request, "pricelab/candidate_new.html", context, status=status)


@require_safe
@staff_required
def candidate_detail(
    request: AuthenticatedHttpRequest, candidate: int
) -> HttpResponseBase:
    """Show what a candidate comes to and whose bill it changes; also as CSV."""
    found = get_object_or_404(
        PlanCandidate.objects.select_related("plan", "replay"), pk=candidate
    )
    leaving, problems = _leaving(request.GET)
    asked = Values(request.GET)
    side = asked.choice("side", SIDES, default="more")
    can_see = request.user.has_perm("analytics.see_people")
    bills = ReplayedBill.objects.filter(replay=found.pk)
    if asked.choice("format", ("csv",)) == "csv":
        audit.record(
            "candidate.exported",
            actor=request.user,
            target=found.name,
            after={"named": can_see},
        )
        return _csv(bills, can_see=can_see)
    conditions = {
        "more": {"change_nano__gt": 0},
        "less": {"change_nano__lt": 0},
        "same": {"change_nano": 0},
    }
    order = "change_nano" if side == "less" else "-change_nano"
    page = paginate(
        bills.filter(**conditions[side]).select_related("organisation"),
        order_by=(order, "-pk"),
        cursor=cursor_of(request),
    )
    outcome = outcomes_of([found.pk], leaving)[found.pk]
    context = {
        "candidate": found,
        "is_replayed": hasattr(found, "replay"),
        "job": Job.objects.about(services.REPLAY, found.pk).unfinished().first(),
        "outcome": outcome,
        "leaving": leaving,
        "problems": problems,
        "side": side,
        "sides": [
            (name, label, getattr(outcome, name)) for name, label in SIDES.items()
        ],
        "page": page,
        "lines": [(_named(bill, can_see=can_see), bill) for bill in page.items],
        "can_see": can_see,
        "rate": dollar_rate(),
        "currency": settings.REPORTING_CURRENCY,
        "query": without(request, "cursor", "format"),
    }
    return render(request, "pricelab/candidate.html", context)


@require_POST
@staff_required
def candidate_replay(request: HttpRequest, candidate: int) -> HttpResponse:
    """Have the last whole month replayed through a candidate again."""
    found = get_object_or_404(PlanCandidate, pk=candidate)
    try:
        services.retry_replay(found)
    except DomainError as no:
        messages.error(request, str(no))
    return redirect("pricelab:candidate", found.pk)


@require_POST
@staff_required
def candidate_drop(request: HttpRequest, candidate: int) -> HttpResponse:
    """Delete a candidate with what was replayed through it."""
    services.remove_candidate(get_object_or_404(PlanCandidate, pk=candidate))
    messages.success(request, _("The candidate is deleted."))
    return redirect("pricelab:home")


def _leaving(query: QueryDict) -> tuple[LeavingShare, list[str]]:
    """Read who is assumed to leave; of what cannot be read, the default, and why."""
    asked, problems = Values(query), []
    values = {"above": RISE, "leave": LEAVE}
    for name, most in (("above", MOST_RISE), ("leave", 100)):
        try:
            values[name] = asked.whole(name, default=values[name], least=0, most=most)
        except UnreadableValue as error:
            problems.append(str(error))
    return LeavingShare(above=values["above"], share=values["leave"]), problems


def _begun(
    query: QueryDict, models: list[str]
) -> tuple[PlanVersion | None, dict[str, Any]]:
    """Return the version a candidate begins with, and what the form shows of it."""
    asked = Values(query)
    versions = replayable_versions()
    if asked.has("like"):
        number = asked.whole("like", default=0, least=0, most=MOST_NUMBER)
        other = get_object_or_404(PlanCandidate, pk=number)
        # A draft that it began with may be gone: then with the newest of the plan.
        of_plan = versions.filter(plan=other.plan_id)
        found = of_plan.filter(version=other.began_with).first() or of_plan.first()
        if found is None:
            raise Http404
        return found, shown_candidate(other, version=found, models=models)
    if asked.has("version"):
        number = asked.whole("version", default=0, least=0, most=MOST_NUMBER)
        version: PlanVersion | None = get_object_or_404(versions, pk=number)
    else:
        version = versions.on_offer().first() or versions.first()
    return version, shown_version(version) if version else {}


def _named(bill: ReplayedBill, *, can_see: bool) -> str:
    """Return whose bill it is; the first letter for those who may not see names."""
    name = bill.organisation.name
    return name if can_see else f"{name[:1]}•••"


def _csv(bills: Any, *, can_see: bool) -> HttpResponseBase:
    code = settings.REPORTING_CURRENCY
    columns = (
        *("organisation", f"before_nano_{code}", f"after_nano_{code}"),
        *(f"change_nano_{code}", f"cost_before_nano_{code}"),
        *(f"cost_after_nano_{code}", f"refused_before_nano_{code}"),
        f"refused_after_nano_{code}",
    )
    rows = (
        (
            _named(bill, can_see=can_see),
            *(bill.before_nano, bill.after_nano, bill.change_nano),
            *(bill.cost_before_nano, bill.cost_after_nano),
            *(bill.refused_before_nano, bill.refused_after_nano),
        )
        for bill in bills.select_related("organisation")
        .order_by("-change_nano", "-pk")
        .iterator()
    )
    return csv_response("replay.csv", columns, rows)

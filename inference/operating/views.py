"""Circuits, poisonous requests and the simulator of routes, for staff."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from core.errors import DomainError, Unavailable
from core.reading import cursor_of
from edge import drafting
from edge.pagination import paginate
from inference.catalog.models import Deployment, DeploymentPause
from inference.directory.loading import load_caller, load_models
from inference.operating import services
from inference.operating.forms import ReasonForm, RouteForm
from inference.operating.queries import health_of, places, poisons, troubled
from inference.operating.simulation import Known, Simulation
from inference.operating.simulation import simulate as simulate_call
from inference.routing.notes import CircuitNote, read_notes

PAGE_SIZE = 50  # more deployments than most installations have


@require_safe
@staff_required
def health(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what is let alone and why, whose requests fail, and what answers."""
    lines, is_known = health_of(troubled())
    page = paginate(
        places(), order_by=("pk",), cursor=cursor_of(request), page_size=PAGE_SIZE
    )
    others, _known = health_of(page.items)
    context = {
        "lines": lines,
        "is_known": is_known,
        "page": page,
        "others": [line for line in others if line.state == "closed"],
        "poisons": poisons(),
    }
    return render(request, "operating/health.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def pause(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Have a deployment left alone, with the reason."""
    row = _deployment(place)
    form = _reason(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.pause_deployment(
                row, reason=form.cleaned_data["reason"], by=request.user
            )
        except DomainError as no:
            form.add_error(None, str(no))
        else:
            drafting.accept(request)
            messages.success(request, _("It is paused: no call goes there."))
            return redirect("operating:health")
    return _ask_reason(request, form, row, step="pause")


@require_POST
@staff_required
def resume(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Have a paused deployment called again."""
    if services.resume_deployment(_deployment(place), by=request.user):
        messages.success(request, _("Calls go there again."))
    else:
        messages.info(request, _("It was not paused."))
    return redirect("operating:health")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def close(request: AuthenticatedHttpRequest, place: int) -> HttpResponse:
    """Close a circuit in every gateway, with the reason."""
    row = _deployment(place)
    form = _reason(request)
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_circuit(
                row, reason=form.cleaned_data["reason"], by=request.user
            )
        except Unavailable:
            form.add_error(
                None, _("The gateways cannot be told right now. Try again shortly.")
            )
        else:
            drafting.accept(request)
            messages.success(
                request, _("The circuit is closed; what is still wrong opens it again.")
            )
            return redirect("operating:health")
    return _ask_reason(request, form, row, step="close")


@require_safe
@staff_required
def simulate(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show where a call would go, and why everything else is left out."""
    form = RouteForm(request.GET or None)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        context |= _simulated(form)
    status = 422 if form.errors else 200
    return render(request, "operating/simulate.html", context, status=status)


def _simulated(form: RouteForm) -> dict[str, Any]:
    asked = {**form.cleaned_data}
    key = asked.pop("key")
    caller = load_caller(key.digest)
    if caller is None:
        form.add_error("key", _("This API key opens nothing: it is revoked or over."))
        return {}
    offered = load_models()
    ids = [place.pk for model in offered.values() for place in model.deployments]
    notes, is_known = _notes(ids)
    paused = DeploymentPause.objects.values_list("deployment_id", "reason")
    known = Known(caller, offered, notes, dict(paused))
    result: Simulation = simulate_call(known, month=f"{timezone.now():%Y%m}", **asked)
    return {"result": result, "key": key, "is_known": is_known}


def _notes(ids: list[int]) -> tuple[dict[int, CircuitNote], bool]:
    try:
        return read_notes(ids), True
    except Unavailable:
        return {}, False


def _deployment(pk: int) -> Deployment:
    return get_object_or_404(Deployment.objects.select_related("model"), pk=pk)


def _reason(request: HttpRequest) -> ReasonForm:
    return ReasonForm(request.POST if request.method == "POST" else None)


def _ask_reason(
    request: HttpRequest, form: ReasonForm, place: Deployment, *, step: str
) -> HttpResponse:
    context = {"form": form, "place": place, "step": step}
    status = 422 if form.is_bound else 200
    return render(request, "operating/reason.html", context, status=status)

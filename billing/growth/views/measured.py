"""What was measured: the lift of all offers and of each, and of experiments."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import require_recent_sign_in, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.growth import editing, learning
from billing.growth.exceptions import KeyTaken
from billing.growth.forms import ExperimentForm
from billing.growth.lift import experiment_lifts, lifts_between
from billing.growth.measuring import dollar_rate
from billing.growth.models import Experiment
from billing.growth.views.staff import RANGES, days_of
from core.errors import DomainError
from core.reading import Values
from edge import drafting


@require_safe
@staff_required
def lift(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The whole engine against its holdout, and each offer against its own."""
    # Of a quarter payments have followed.
    days = days_of(request, default=90)
    now = timezone.now()
    return render(
        request,
        "growth/lift.html",
        {
            "days": days,
            "ranges": RANGES,
            "lifts": lifts_between(now - timedelta(days=days), now),
            "currency": settings.REPORTING_CURRENCY,
            "has_rate": dollar_rate() is not None,
        },
    )


@require_safe
@staff_required
def experiment_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every experiment, the running ones first."""
    experiments = Experiment.objects.order_by("state", "-created_at")
    return render(request, "growth/experiment_list.html", {"experiments": experiments})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def experiment_new(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Plan an experiment: what is compared, and how many units that takes."""
    form = ExperimentForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        experiment = form.save(commit=False)
        experiment.smallest = form.cleaned_data["smallest_rise"] / 100
        experiment.planned = form.planned()
        try:
            editing.create_experiment(
                experiment, by=request.user, variants=form.variants()
            )
        except KeyTaken as error:
            form.add_error("key", str(error))
        else:
            drafting.accept(request)
            return redirect("growth:experiment", experiment.key)
    status = 422 if form.is_bound else 200
    return render(request, "growth/experiment_new.html", {"form": form}, status=status)


@require_safe
@staff_required
def experiment(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """One experiment: its variants, whether the split is right, and what it found."""
    found = get_object_or_404(Experiment, key=key)
    weights = learning.weights_of(found)
    control = learning.control_of(found)
    until = found.stopped_at or timezone.now()
    split_p, lifts = experiment_lifts(found, weights, control=control, end=until)
    first = next(iter(lifts.values()), None)
    context = {
        "experiment": found,
        "variants": found.variants.select_related("offer").order_by("pk"),
        "control": control,
        "counts": {control: first.control.units if first else 0}
        | {name: each.treated.units for name, each in lifts.items()},
        "split_p": split_p,
        "is_off": bool(first and first.is_off),
        "lifts": lifts,
        "currency": settings.REPORTING_CURRENCY,
    }
    return render(request, "growth/experiment.html", context)


@require_POST
@staff_required
def experiment_state(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """Start an experiment, or stop it with what was concluded."""
    found = get_object_or_404(Experiment, key=key)
    asked = Values(request.POST)
    act = asked.choice("act", ("start", "stop"))
    outcome = asked.text("outcome", most=300)  # The column's width.
    if act == "start":
        require_recent_sign_in(request)
        try:
            editing.start_experiment(found, by=request.user)
        except DomainError as error:
            messages.error(request, str(error))
    elif act == "stop":
        if outcome:
            learning.stop_experiment(found, outcome=outcome, by=request.user)
        else:
            messages.error(request, _("Say what was concluded, for later readers."))
    return redirect("growth:experiment", key)

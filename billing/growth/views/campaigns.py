"""Campaigns: written, started, paused and stopped by staff, and what came of them."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import require_recent_sign_in, staff_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from analytics.engines.protocol import NoAnswer
from billing.growth.campaigns import editing
from billing.growth.campaigns.audience import AudienceCount, count_audience
from billing.growth.campaigns.forms import CampaignForm
from billing.growth.campaigns.results import figures_of
from billing.growth.exceptions import ChangedMeanwhile, SegmentUnreadable
from billing.growth.measuring import dollar_rate
from billing.growth.models import Campaign, CampaignStep
from billing.growth.views.staff import previews_of
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

Deed = Callable[..., None]
DEEDS: dict[str, Deed] = {
    "start": editing.start_campaign,
    "pause": editing.pause_campaign,
    "resume": editing.resume_campaign,
    "stop": editing.stop_campaign,
}


@require_safe
@staff_required
def campaign_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every campaign, the newest first, with how many are in it."""
    page = paginate(
        Campaign.objects.counted(),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    return render(request, "growth/campaign_list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def campaign_edit(request: AuthenticatedHttpRequest, key: str = "") -> HttpResponse:
    """Write a campaign that was not started; what is saved shows whom it reaches."""
    campaign = get_object_or_404(Campaign, key=key) if key else None
    if campaign is not None and campaign.state != Campaign.State.DRAFT:
        return redirect("growth:campaign", campaign.key)
    form = CampaignForm(
        request.POST if request.method == "POST" else None, instance=campaign
    )
    if form.is_valid():
        try:
            saved = editing.save_campaign(
                form.save(),
                steps=form.steps(),
                by=request.user,
                version=form.cleaned_data["version"],
            )
        except ChangedMeanwhile as error:
            form.add_error(None, str(error))
            form.read_version(error.version)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect("growth:campaign", saved.key)
    status = 422 if form.is_bound else 200
    context = {"form": form, "campaign": campaign}
    return render(request, "growth/campaign_edit.html", context, status=status)


@require_safe
@staff_required
def campaign(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """One campaign: whom it would reach and what they would see, or what came of it."""
    found = get_object_or_404(Campaign, key=key)
    context: dict[str, object] = {
        "campaign": found,
        "currency": settings.REPORTING_CURRENCY,
        "has_rate": dollar_rate() is not None,
        "previews": [
            (step, previews_of(step.offer))
            for step in found.steps.select_related("offer").order_by("rank")
            if step.kind == CampaignStep.Kind.OFFER
        ],
    }
    if found.state == Campaign.State.DRAFT:
        context |= {
            "steps": found.steps.select_related("offer").order_by("rank"),
            **_audience(found),
        }
    else:
        context["figures"] = figures_of(found)
    return render(request, "growth/campaign.html", context)


@require_POST
@staff_required
def campaign_state(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """Start, pause, resume or stop a campaign."""
    found = get_object_or_404(Campaign, key=key)
    act = Values(request.POST).choice("act", tuple(DEEDS))
    if act in {"start", "resume"}:
        require_recent_sign_in(request)
    if act:
        _do(request, DEEDS[act], found, by=request.user)
    return redirect("growth:campaign", found.key)


def _do(
    request: AuthenticatedHttpRequest, deed: Deed, found: Campaign, *, by: User
) -> None:
    try:
        deed(found, by=by)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved."))


def _audience(found: Campaign) -> dict[str, AudienceCount | str | None]:
    """Return how many a draft is for, or why that is not known just now."""
    try:
        return {"audience": count_audience(found), "trouble": ""}
    except (NoAnswer, SegmentUnreadable) as error:
        return {"audience": None, "trouble": str(error)}

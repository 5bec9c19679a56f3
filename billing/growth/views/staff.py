"""What staff see of moments and offers, and where they write them."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import require_recent_sign_in, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.growth import editing, evaluation, learning
from billing.growth.catalogue import ensure_default_offers
from billing.growth.exceptions import BudgetTooSmall, ChangedMeanwhile, KeyTaken
from billing.growth.figures import moment_figures
from billing.growth.forms import OfferForm, PolicyForm
from billing.growth.models import Catalogue, Decision, Offer
from billing.growth.moments import RULES, Moment
from core.money import NANO
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

# A month, a quarter, a year.
RANGES = (30, 90, 365)


@require_safe
@staff_required
def moments(request: AuthenticatedHttpRequest) -> HttpResponse:
    """How often each moment occurred, and what followed."""
    days = days_of(request, default=30)
    now = timezone.now()
    context = {
        "days": days,
        "ranges": RANGES,
        "rows": moment_figures(now - timedelta(days=days), now),
    }
    return render(request, "growth/moments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def moment(request: AuthenticatedHttpRequest, moment: str) -> HttpResponse:
    """One moment: the policy it chooses by, and its latest decisions."""
    if moment not in Moment.values:
        raise Http404
    if moment == Moment.CAMPAIGN:
        return redirect("growth:campaign-list")
    _ensure_catalogue()
    policy, offers = editing.entries_of(moment)
    initial = {
        "mode": policy.mode if policy else "rules",
        "floor": 100 * policy.floor if policy else 5,
        "least_margin": (
            policy.least_margin_nano / NANO
            if policy and policy.least_margin_nano is not None
            else None
        ),
        **{f"offer_{number}": each.key for number, each in enumerate(offers, 1)},
    }
    form = PolicyForm(
        request.POST if request.method == "POST" else None, initial=initial
    )
    if form.is_valid():
        margin = form.cleaned_data["least_margin"]
        editing.replace_policy(
            moment,
            by=request.user,
            mode=form.cleaned_data["mode"],
            floor=form.cleaned_data["floor"] / 100,
            least_margin_nano=int(margin * NANO) if margin is not None else None,
            offers=form.offers(),
        )
        drafting.accept(request)
        messages.success(request, _("The new policy is in force."))
        return redirect("growth:moment", moment)
    decisions = Decision.objects.filter(moment=moment).select_related(
        "organisation", "offer", "intended"
    )
    context = {
        "moment": Moment(moment),
        "rule": RULES[moment],
        "policy": policy,
        "form": form,
        "candidates": evaluation.candidates(
            moment, timezone.now() - learning.MEMORY, timezone.now()
        ),
        "page": paginate(
            decisions, order_by=("-decided_at", "-pk"), cursor=cursor_of(request)
        ),
    }
    status = 422 if form.is_bound else 200
    return render(request, "growth/moment.html", context, status=status)


@require_safe
@staff_required
def offer_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every offer with its state and its budget."""
    _ensure_catalogue()
    offers = Offer.objects.order_by("state", "key")
    return render(request, "growth/offer_list.html", {"offers": offers})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def offer_edit(request: AuthenticatedHttpRequest, key: str = "") -> HttpResponse:
    """Write an offer, and see it in both languages before it is seen by anybody."""
    offer = get_object_or_404(Offer, key=key) if key else None
    form = OfferForm(request.POST if request.method == "POST" else None, instance=offer)
    if form.is_valid():
        if offer is not None and offer.state == Offer.State.ACTIVE:
            # What it gives, and how much of it, is in force at once.
            require_recent_sign_in(request)
        try:
            saved = editing.save_offer(
                form.save(commit=False),
                by=request.user,
                amounts=form.amounts(),
                version=form.cleaned_data["version"],
            )
        except BudgetTooSmall as error:
            form.add_error("budget", str(error))
        except KeyTaken as error:
            form.add_error("key", str(error))
        except ChangedMeanwhile as error:
            form.add_error(None, str(error))
            form.read_version(error.version)
        else:
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect("growth:offer-edit", saved.key)
    context = {"form": form, "offer": offer, "previews": previews_of(offer)}
    status = 422 if form.is_bound else 200
    return render(request, "growth/offer_edit.html", context, status=status)


@require_POST
@staff_required
def offer_state(request: AuthenticatedHttpRequest, key: str) -> HttpResponse:
    """Activate or retire an offer."""
    offer = get_object_or_404(Offer, key=key)
    state = Values(request.POST).choice(
        "state", (Offer.State.ACTIVE, Offer.State.RETIRED)
    )
    if state == Offer.State.ACTIVE:
        require_recent_sign_in(request)
    if state:
        editing.set_offer_state(offer, Offer.State(state), by=request.user)
        messages.success(request, _("Saved."))
    return redirect("growth:offer-edit", offer.key)


def _ensure_catalogue() -> None:
    """Have an installation that has decided nothing yet see what it begins with."""
    if not Catalogue.objects.exists():
        ensure_default_offers()


def days_of(request: AuthenticatedHttpRequest, *, default: int) -> int:
    """Return the range a page is asked for, in days."""
    allowed = [str(each) for each in RANGES]
    return int(Values(request.GET).choice("days", allowed, default=str(default)))


def previews_of(offer: Offer | None) -> list[dict[str, str]]:
    """Return an offer's words in each language, whatever the reader's own is."""
    if offer is None:
        return []
    previews = []
    for code, label in (("en", "English"), ("zh-hans", "简体中文")):
        with translation.override(code):
            previews.append(
                {
                    "language": label,
                    "code": code,
                    "title": offer.title,
                    "body": offer.body,
                    "action": offer.action,
                }
            )
    return previews

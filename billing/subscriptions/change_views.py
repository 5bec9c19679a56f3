"""Changing a plan, ending it and keeping it: each shown before it is done."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import organisation_required, recent_sign_in_required
from accounts.seats import seats_of
from accounts.types import OrganisationHttpRequest
from billing.ledger.models import Invoice
from billing.plans import usage_words
from billing.plans.queries import Offer, offers, plan_name
from billing.subscriptions import changing, ending, permissions
from billing.subscriptions import offers as leaving
from billing.subscriptions.entitling import plan_after
from billing.subscriptions.forms import CancelForm, ChangeForm
from billing.subscriptions.models import PlanChange, Subscription
from billing.subscriptions.queries import live_subscription
from core.errors import DomainError
from core.reading import Values
from stores import limiter


@never_cache
@organisation_required
@require_http_methods(["GET", "POST"])
def choose(request: OrganisationHttpRequest) -> HttpResponse:
    """Choose plan, period, seats and code; a POST works out what that costs."""
    subscription = _subscription_of(request)
    on_offer = _changeable_offers(subscription)
    data = request.POST if request.method == "POST" else _chosen(request, subscription)
    form = ChangeForm(data, plans=_plan_choices(on_offer, subscription))
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 400
        return _choice(request, form, subscription, on_offer, status=status)
    try:
        # A person who tries combinations; each asks Stripe three times.
        limiter.check("plan_change", request.user.pk, limit=30, period=600)
        change = _preview(request, form, subscription)
    except DomainError as error:
        return _choice(
            request,
            form,
            subscription,
            on_offer,
            status=error.status,
            refusal=str(error),
            wait=error.retry_after,
        )
    return redirect(
        "subscriptions:change-confirm", request.organisation.slug, change.uuid
    )


@never_cache
@organisation_required
@require_http_methods(["GET", "POST"])
@recent_sign_in_required
def confirm(request: OrganisationHttpRequest, uuid: UUID) -> HttpResponse:
    """Show what a change costs; a POST makes it, charged as shown or not at all."""
    _require_buyer(request)
    rows = PlanChange.objects.select_related(
        "price__plan_version__plan", "subscription__price__plan_version__plan"
    )
    change = get_object_or_404(rows, uuid=uuid, organisation=request.organisation)
    if request.method == "GET":
        return _shown(request, change)
    try:
        made = changing.confirm_change(change, by=request.user)
    except DomainError as error:
        change.refresh_from_db()
        return _shown(
            request,
            change,
            status=error.status,
            refusal=str(error),
            wait=error.retry_after,
        )
    if made.state == PlanChange.State.OPEN:
        return redirect("subscriptions:change-confirm", request.organisation.slug, uuid)
    messages.success(request, _told(made))
    return redirect("subscriptions:billing", request.organisation.slug)


@organisation_required
@require_POST
@recent_sign_in_required
def drop(request: OrganisationHttpRequest) -> HttpResponse:
    """Take back what was to come with the next period."""
    _require_buyer(request)
    return _done(
        request,
        lambda: changing.drop_scheduled(request.organisation, by=request.user),
        _("The plan stays as it is."),
    )


@never_cache
@organisation_required
@require_http_methods(["GET", "POST"])
def cancel(request: OrganisationHttpRequest) -> HttpResponse:
    """Ask why, offer what may help, and end the plan with its period."""
    subscription = _subscription_of(request)
    if request.method == "GET":
        return _leaving(request, CancelForm(), subscription)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _leaving(request, form, subscription, status=400)
    situation = leaving.Situation(
        subscription=subscription,
        reason=form.cleaned_data["reason"],
        members=request.organisation.memberships.count(),
    )
    offer = leaving.offer_instead(situation, by=request.user)
    if not Values(request.POST).flag("sure"):
        return _leaving(request, form, subscription, offer=offer, is_last_step=True)
    return _done(
        request,
        lambda: ending.end_plan(
            request.organisation,
            by=request.user,
            reason=form.cleaned_data["reason"],
            comment=form.cleaned_data["comment"],
            offer=offer.kind if offer else "",
        ),
        _("The plan ends with the period that is paid. You can keep it until then."),
    )


@organisation_required
@require_POST
@recent_sign_in_required
def keep(request: OrganisationHttpRequest) -> HttpResponse:
    """Take a cancellation back."""
    _require_buyer(request)
    return _done(
        request,
        lambda: ending.keep_plan(request.organisation, by=request.user),
        _("The plan goes on."),
    )


def _preview(
    request: OrganisationHttpRequest, form: ChangeForm, subscription: Subscription
) -> PlanChange:
    asked = form.cleaned_data
    price = changing.price_for(
        subscription, plan=asked["plan"], interval=asked["interval"]
    )
    version = price.plan_version
    # A plan without seats is for one, whatever the field still says.
    seats = (asked["seats"] or version.seat_min) if version.is_per_seat else 1
    return changing.preview_change(
        request.organisation,
        by=request.user,
        wanted=changing.PlanChoice(
            price=price, seats=seats, code=asked["code"].strip()
        ),
    )


def _choice(
    request: OrganisationHttpRequest,
    form: ChangeForm,
    subscription: Subscription,
    on_offer: list[Offer],
    *,
    status: int = 200,
    refusal: str = "",
    wait: int | None = None,
) -> HttpResponse:
    context = {
        "organisation": request.organisation,
        "form": form,
        "subscription": subscription,
        "offers": on_offer,
        "refusal": refusal,
        "taken": seats_of(request.organisation).taken,
    }
    answer = render(request, "billing/change.html", context, status=status)
    if wait is not None:
        answer["Retry-After"] = str(wait)
    return answer


def _shown(
    request: OrganisationHttpRequest,
    change: PlanChange,
    *,
    status: int = 200,
    refusal: str = "",
    wait: int | None = None,
) -> HttpResponse:
    members = request.organisation.memberships.count()
    seats = change.price.plan_version.features_for(change.seats).seats
    invoice = Invoice.objects.filter(stripe_id=change.invoice_stripe_id or None)
    usage_price = change.price.plan_version.usage_price
    context = {
        "organisation": request.organisation,
        "change": change,
        "plan": change.price.plan_version.plan,
        "current": change.subscription,
        "usage_price": usage_words.told(usage_price),
        "examples": (
            list(usage_words.examples(usage_price)) if usage_price.is_tiered else []
        ),
        "refusal": refusal,
        "is_open": change.state == PlanChange.State.PENDING and not refusal,
        "again": _again(request, change),
        "surplus": members if members > seats else 0,
        "invoice": invoice.first(),
    }
    answer = render(request, "billing/change_confirm.html", context, status=status)
    if wait is not None:
        answer["Retry-After"] = str(wait)
    return answer


def _again(request: OrganisationHttpRequest, change: PlanChange) -> str:
    """Return the address of the choice, with everything that was chosen."""
    query = QueryDict(mutable=True)
    query.update(
        {
            "plan": change.price.plan_version.plan.key,
            "interval": change.price.interval,
            "seats": str(change.seats),
            "code": change.promotion_code,
        }
    )
    page = reverse("subscriptions:change", args=[request.organisation.slug])
    return f"{page}?{query.urlencode()}"


def _leaving(
    request: OrganisationHttpRequest,
    form: CancelForm,
    subscription: Subscription,
    *,
    offer: leaving.Alternative | None = None,
    is_last_step: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "organisation": request.organisation,
        "form": form,
        "subscription": subscription,
        "plan_after": plan_name(plan_after(subscription)),
        "offer": offer,
        "is_last_step": is_last_step,
    }
    return render(request, "billing/cancel.html", context, status=status)


def _done(
    request: OrganisationHttpRequest, act: Callable[[], object], said: str
) -> HttpResponse:
    back = reverse("subscriptions:billing", args=[request.organisation.slug])
    try:
        act()
    except DomainError as error:
        context = {"organisation": request.organisation, "reason": str(error)}
        context["back"] = back
        return render(
            request, "subscriptions/refused.html", context, status=error.status
        )
    messages.success(request, said)
    return redirect(back)


def _told(change: PlanChange) -> str:
    if change.is_immediate:
        return _("The plan has changed and is in force now.")
    return _("The plan changes when the period that is paid ends.")


def _require_buyer(request: OrganisationHttpRequest) -> None:
    if not permissions.can_buy(request.user, request.organisation):
        raise PermissionDenied


def _subscription_of(request: OrganisationHttpRequest) -> Subscription:
    """Return the plan to change; who has none is sent to choose one."""
    _require_buyer(request)
    subscription = live_subscription(request.organisation)
    if subscription is None or subscription.price is None:
        raise Http404
    return subscription


def _changeable_offers(subscription: Subscription) -> list[Offer]:
    return [
        offer
        for offer in offers()
        if offer.version.is_bought_online
        and any(
            price.currency == subscription.currency for price in offer.prices.values()
        )
    ]


def _plan_choices(
    on_offer: list[Offer], subscription: Subscription
) -> list[tuple[str, str]]:
    choices = {offer.plan.key: offer.plan.name for offer in on_offer}
    price = subscription.price
    if price is not None:
        plan = price.plan_version.plan
        choices.setdefault(plan.key, plan.name)
    return list(choices.items())


def _chosen(
    request: OrganisationHttpRequest, subscription: Subscription
) -> dict[str, str]:
    """Return what the address chooses, completed by what there is."""
    asked = Values(request.GET)
    price = subscription.price
    plan = price.plan_version.plan.key if price else ""
    return {
        "plan": asked.text("plan", default=plan),
        "interval": asked.text("interval", default=price.interval if price else ""),
        "seats": asked.text("seats", default=str(subscription.seats)),
        "code": asked.text("code"),
    }

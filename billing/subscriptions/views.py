"""Buying a plan and looking after it."""

import logging

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import (
    organisation_required,
    own_address,
    recent_sign_in_required,
    require_recent_sign_in,
    sign_in_required,
)
from accounts.models import Organisation, User
from accounts.queries import current_organisation
from accounts.services import choose_organisation
from accounts.types import AuthenticatedHttpRequest, OrganisationHttpRequest
from accounts.wishes import keep_for_return, kept_for_return, wish_of
from audit import services as audit
from billing.growth.occurrences import REFUSALS, offer_after_refusal
from billing.growth.surfaces import Surface
from billing.ledger.models import Invoice
from billing.plans.exceptions import PlanNotOnOffer
from billing.plans.queries import Offer, offer_for, plan_name
from billing.stripe.exceptions import StripeError
from billing.subscriptions import permissions, queries, services
from billing.subscriptions.ending import plan_to_come_back_to
from billing.subscriptions.exceptions import UnknownCheckout
from billing.subscriptions.forms import OrderForm
from billing.subscriptions.models import CheckoutIntent, Subscription
from billing.subscriptions.trials import trial_days_for
from core.errors import DomainError
from core.reading import Values, cursor_of, whole_number
from edge.pagination import paginate
from edge.tables import csv_response
from entitlements.queries import entitlements_for, premium_organisation
from stores import limiter

logger = logging.getLogger(__name__)

# A page that asks every two seconds gives up after a minute; the event goes on.
MAX_POLLS = 30
INVOICE_COLUMNS = (
    *("number", "status", "issued_at", "paid_at", "currency", "subtotal_minor"),
    *("discount_minor", "tax_minor", "total_minor", "paid_minor", "refunded_minor"),
    "url",
)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def checkout(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Review an order; a POST sends the buyer to the hosted checkout."""
    try:
        offer = offer_for(plan)
    except PlanNotOnOffer as error:
        raise Http404 from error
    if not offer.version.is_bought_online or not offer.plan.is_public:
        return redirect("plans:pricing")
    organisations = queries.payable_organisations(request.user)
    form = OrderForm(
        _order_data(request, offer, organisations),
        offer=offer,
        organisations=organisations,
    )
    if not form.is_valid():
        return _review(request, offer, form, status=400)
    if request.method == "GET":
        return _review(request, offer, form)
    return _pay(request, offer, form)


@never_cache
@require_GET
@sign_in_required
def checkout_return(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Say what became of a checkout, whether or not its webhook has come.

    Safe to reload. Another user's session does not exist here.
    """
    asked = Values(request.GET)
    session_id = asked.text("session_id")
    intent = queries.checkout_of(request.user, session_id)
    if intent is None:
        raise Http404
    is_waiting = intent.state == CheckoutIntent.State.OPEN
    if is_waiting:
        try:
            intent = services.fulfil_checkout(session_id)
        except UnknownCheckout as error:
            raise Http404 from error
        except StripeError as error:
            # The webhook will bring it; the page asks again.
            logger.warning("checkout.not_confirmed", extra={"error": str(error)})
    subscription = queries.last_subscription(intent.organisation)
    outcome = _outcome(intent, subscription)
    tries = asked.whole("polls", default=0, least=0, most=MAX_POLLS) + 1
    context = {
        "intent": intent,
        "organisation": intent.organisation,
        "plan": intent.price.plan_version.plan,
        "subscription": subscription,
        "unpaid": _unpaid(intent) if outcome == "failed" else None,
        "outcome": outcome,
        "plan_in_force": (
            plan_name(entitlements_for(intent.organisation_id).plan)
            if outcome == "ended"
            else ""
        ),
        "session_id": session_id,
        "polls": tries,
        "is_polling": outcome == "confirming" and tries < MAX_POLLS,
        "wish": kept_for_return(request),
    }
    is_fragment = request.htmx and not request.htmx.boosted
    template = "_checkout_outcome.html" if is_fragment else "checkout_return.html"
    return render(request, f"subscriptions/{template}", context)


@organisation_required
@require_GET
def billing(request: OrganisationHttpRequest) -> HttpResponse:
    """Show the plan, how it is paid and every invoice."""
    can_buy = permissions.can_buy(request.user, request.organisation)
    if not can_buy and not request.user.is_staff:
        raise PermissionDenied
    invoices = Invoice.objects.filter(organisation=request.organisation)
    context = {
        "organisation": request.organisation,
        "state": queries.billing_state(request.organisation),
        "invoices": paginate(
            invoices.defer("raw"),
            order_by=("-issued_at", "-pk"),
            cursor=cursor_of(request),
            # A year and a half of monthly invoices.
            page_size=20,
        ),
        "can_buy": can_buy,
        "former": plan_to_come_back_to(request.organisation) if can_buy else None,
        "now": timezone.now(),
    }
    return render(request, "billing/billing.html", context)


@organisation_required
@require_POST
@recent_sign_in_required
def portal(request: OrganisationHttpRequest) -> HttpResponse:
    """Send the buyer to the hosted portal."""
    if not permissions.can_buy(request.user, request.organisation):
        raise PermissionDenied
    back = reverse("subscriptions:billing", args=[request.organisation.slug])
    try:
        url = services.open_portal(
            request.organisation, return_path=back, language=get_language() or "en"
        )
    except DomainError as error:
        return _refused(request, error, back=back)
    return redirect(url)


@organisation_required
@require_GET
def invoices_csv(request: OrganisationHttpRequest) -> HttpResponseBase:
    """Download every invoice; amounts in minor units of the invoice's currency."""
    _require_sight(request)
    audit.record(
        "invoices.exported", actor=request.user, organisation=request.organisation
    )
    invoices = Invoice.objects.filter(organisation=request.organisation)
    rows = invoices.defer("raw").order_by("-issued_at", "-pk").iterator()
    return csv_response(
        f"invoices-{request.organisation.slug}.csv",
        INVOICE_COLUMNS,
        (
            (
                *(row.number or row.stripe_id, row.status, row.issued_at, row.paid_at),
                *(row.currency, row.subtotal, row.discount, row.tax, row.total),
                *(row.amount_paid, row.amount_refunded, row.hosted_url),
            )
            for row in rows
        ),
    )


@organisation_required
@require_GET
def plan_fragment(request: OrganisationHttpRequest) -> HttpResponse:
    """The plan in a few lines, for the console's overview."""
    can_buy = permissions.can_buy(request.user, request.organisation)
    context = {
        "organisation": request.organisation,
        "state": queries.billing_state(request.organisation),
        "can_see": can_buy or request.user.is_staff,
        "can_buy": can_buy,
    }
    return render(request, "subscriptions/_plan.html", context)


@organisation_required
@require_GET
def upgrade_fragment(request: OrganisationHttpRequest) -> HttpResponse:
    """What could help after a refusal; growth decides what is offered.

    Who has the models in another organisation is sent there, not to the till.
    """
    state = queries.billing_state(request.organisation)
    included_for = premium_organisation(request.user)
    can_buy = permissions.can_buy(request.user, request.organisation)
    why = Values(request.GET).choice("why", REFUSALS, default="model_requires_plan")
    decision = None
    if can_buy and included_for is None:
        decision = offer_after_refusal(
            REFUSALS[why], user=request.user, organisation_id=request.organisation.pk
        )
    context = {
        "organisation": request.organisation,
        "decision": decision,
        "surface": Surface.PLAYGROUND,
        "is_needed": not state.features.premium_models,
        "included_for": included_for,
        "can_buy": can_buy,
        "wish": wish_of(request),
    }
    return render(request, "subscriptions/_upgrade.html", context)


def _order_data(
    request: AuthenticatedHttpRequest, offer: Offer, organisations: list[Organisation]
) -> dict[str, str]:
    """Return what was asked for, completed by what is most likely meant."""
    asked = request.POST if request.method == "POST" else request.GET
    values = Values(asked)
    buyer = _likely_buyer(request.user, offer, organisations)
    interval = next(iter(sorted(offer.prices)), "")
    return {
        "org": values.text("org", default=buyer),
        "interval": values.text("interval", default=interval),
        "seats": values.text("seats", default=str(offer.version.seat_min)),
    }


def _likely_buyer(user: User, offer: Offer, organisations: list[Organisation]) -> str:
    """Return whom an order is for: where the buyer works now, a team for seats."""
    current = current_organisation(user)
    payable = sorted(organisations, key=lambda each: each.pk != current.pk)
    if offer.version.is_per_seat:
        payable.sort(key=lambda each: each.kind != Organisation.Kind.TEAM)
    return payable[0].slug if payable else ""


def _review(
    request: AuthenticatedHttpRequest,
    offer: Offer,
    form: OrderForm,
    *,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    context = {
        "offer": offer,
        "form": form,
        "refusal": refusal,
        "included_for": premium_organisation(request.user),
        "wish": wish_of(request),
    }
    if form.is_valid():
        seats = form.cleaned_data["seats"]
        context |= {
            "price": form.price,
            "seats": seats,
            "total": form.price.amount_for(seats),
            "features": offer.version.features_for(seats),
            "current": queries.live_subscription(form.organisation),
            "trial_days": trial_days_for(
                form.organisation, request.user, offer.version
            ),
            "organisation": form.organisation,
        }
    is_fragment = request.htmx and not request.htmx.boosted
    template = "_order.html" if is_fragment else "checkout.html"
    return render(request, f"subscriptions/{template}", context, status=status)


def _pay(
    request: AuthenticatedHttpRequest, offer: Offer, form: OrderForm
) -> HttpResponse:
    # What was shown is what is bought: a price that has changed is shown again.
    if Values(request.POST).text("price") != form.price.lookup_key:
        return _review(request, offer, form, status=409, refusal=str(PlanNotOnOffer()))
    if queries.last_subscription(form.organisation) is not None:
        # The hosted page may offer the card of before; a first one has to be typed.
        require_recent_sign_in(request)
    try:
        # A buyer who changes seats and interval, back and forth; each makes a session.
        limiter.check("checkout", request.user.pk, limit=20, period=600)
        intent = services.open_checkout(
            form.organisation,
            user=request.user,
            price=form.price,
            seats=form.cleaned_data["seats"],
            # Without the field, nothing was promised that could have changed.
            shown_trial=whole_number(Values(request.POST).text("trial")),
        )
    except DomainError as error:
        answer = _review(request, offer, form, status=error.status, refusal=str(error))
        return _with_wait(answer, error)
    choose_organisation(request.user, form.organisation)
    keep_for_return(request, wish_of(request))
    response = redirect(intent.session_url)
    response.status_code = 303
    return response


def _outcome(intent: CheckoutIntent, subscription: Subscription | None) -> str:
    if intent.state in {CheckoutIntent.State.EXPIRED, CheckoutIntent.State.SUPERSEDED}:
        return "expired"
    if intent.state == CheckoutIntent.State.OPEN or subscription is None:
        return "confirming"
    if subscription.granted_plan:
        return "paid"
    if subscription.status == Subscription.Status.INCOMPLETE:
        return "failed" if _unpaid(intent) else "confirming"
    return "ended" if not subscription.is_live else "failed"


def _unpaid(intent: CheckoutIntent) -> Invoice | None:
    return (
        Invoice.objects.filter(
            organisation=intent.organisation, status=Invoice.Status.OPEN
        )
        .order_by("-issued_at")
        .first()
    )


def _require_sight(request: OrganisationHttpRequest) -> None:
    if not permissions.can_see_billing(request.user, request.organisation):
        raise PermissionDenied


def _refused(
    request: OrganisationHttpRequest, error: DomainError, *, back: str
) -> HttpResponse:
    context = {
        "organisation": request.organisation,
        "reason": str(error),
        "back": back,
    }
    answer = render(request, "subscriptions/refused.html", context, status=error.status)
    return _with_wait(answer, error)


def _with_wait(answer: HttpResponse, error: DomainError) -> HttpResponse:
    if error.retry_after is not None:
        answer["Retry-After"] = str(error.retry_after)
    return answer

"""Quotes as their buyers see them."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import (
    organisation_required,
    recent_sign_in_required,
    require_recent_sign_in,
    sign_in_required,
)
from accounts.models import Organisation
from accounts.queries import current_organisation
from accounts.types import AuthenticatedHttpRequest, OrganisationHttpRequest
from billing.ledger.models import Invoice
from billing.quotes import door as doors
from billing.quotes import permissions, queries, renewing, services
from billing.quotes.door import Door
from billing.quotes.forms import RequestForm
from billing.quotes.models import BUYERS, Buyer, Quote
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from stores import limiter

# More than any company has people: what is typed beyond is a mistake.
MOST_SEATS = 10**6


@require_safe
@sign_in_required
def start(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Lead from the pricing page to the team that asks for a quote."""
    teams = Organisation.objects.filter(
        kind=Organisation.Kind.TEAM,
        memberships__user_id=request.user.pk,
        memberships__role__in=BUYERS,
    )
    current = current_organisation(request.user)
    chosen = teams.filter(pk=current.pk).first() or teams.order_by("name").first()
    if chosen is None:
        messages.info(request, _("Make a team first: seats belong to one."))
        return redirect("accounts:team-create")
    seats = Values(request.GET).whole("seats", default=0, least=0, most=MOST_SEATS)
    query = f"?{urlencode({'seats': seats})}" if seats else ""
    return redirect(f"{reverse('quotes:ask', args=[chosen.slug])}{query}")


@organisation_required
@require_safe
def quote_list(request: OrganisationHttpRequest) -> HttpResponse:
    """List an organisation's quotes, the newest first."""
    _require_sight(request)
    visible = Quote.objects.whole().visible_to(request.user)
    rows = visible.filter(organisation=request.organisation)
    context = {
        "organisation": request.organisation,
        "page": paginate(rows, cursor=cursor_of(request)),
        "can_ask": permissions.can_buy(request.user, request.organisation)
        and request.organisation.kind == Organisation.Kind.TEAM,
    }
    return render(request, "quotes/list.html", context)


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: OrganisationHttpRequest) -> HttpResponse:
    """Ask for a quote."""
    organisation = request.organisation
    if not permissions.can_buy(request.user, organisation):
        raise PermissionDenied
    if organisation.kind != Organisation.Kind.TEAM:
        messages.info(request, _("Make a team first: seats belong to one."))
        return redirect("accounts:team-create")
    prices = queries.quotable_prices()
    form = RequestForm(
        request.POST if request.method == "POST" else None,
        prices=prices,
        initial=_known_of(request),
    )
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            # Each mails those who sell; a buyer seldom needs a second one a day.
            limiter.check("quote", request.user.pk, limit=10, period=86400)
            quote = services.ask_for_quote(
                organisation,
                by=request.user,
                price=form.chosen,
                seats=form.cleaned_data["seats"],
                term_months=form.cleaned_data["term_months"],
                buyer=Buyer(**form.details),
                wishes=form.cleaned_data["wishes"],
                language=get_language() or "en",
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            drafting.accept(request)
            messages.success(request, _("Thank you. The quote comes by mail."))
            return redirect("quotes:detail", organisation.slug, quote.public_id)
    context = {"organisation": organisation, "form": form, "is_sold": bool(prices)}
    return render(request, "quotes/ask.html", context, status=status)


@organisation_required
@require_safe
def detail(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Show one quote, to be accepted or declined."""
    return doors.show(request, _door(request, quote_id))


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def buyer(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Correct whom a quote is made out to."""
    return doors.edit_buyer(request, _signing_door(request, quote_id))


@organisation_required
@require_POST
@recent_sign_in_required
def accept(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Sign a quote."""
    return doors.accept(request, _signing_door(request, quote_id))


@organisation_required
@require_POST
def decline(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Say no to a quote."""
    return doors.decline(request, _signing_door(request, quote_id))


@organisation_required
@require_safe
def quote_file(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Download a quote as PDF."""
    return doors.download(_door(request, quote_id))


@organisation_required
@require_safe
def invoice_file(
    request: OrganisationHttpRequest, quote_id: str, number: int
) -> HttpResponse:
    """Download an invoice of a contract as PDF, made out as the quote is."""
    quote = _door(request, quote_id).quote
    contract = queries.contract_of(quote)
    if contract is None or contract.subscription is None:
        raise Http404
    invoice = get_object_or_404(
        Invoice,
        pk=number,
        organisation=request.organisation,
        subscription_stripe_id=contract.subscription.stripe_id,
    )
    name = invoice.number or invoice.stripe_id
    # Drawing takes fonts and pictures that no other page needs.
    from billing.quotes.pdf import invoice_pdf

    return doors.file_of(invoice_pdf(invoice, quote), name=name)


@organisation_required
@require_POST
def renewal(request: OrganisationHttpRequest, quote_id: str) -> HttpResponse:
    """Let a contract end with its term, or renew after all."""
    door = _signing_door(request, quote_id)
    renews = Values(request.POST).choice("renews", ("yes", "no"), default="yes")
    if renews == "yes":
        require_recent_sign_in(request)
    contract = queries.contract_of(door.quote)
    if contract is None:
        raise Http404
    act = renewing.resume_renewal if renews == "yes" else renewing.stop_renewal
    try:
        act(contract, by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("The contract renews when its term ends.")
            if renews == "yes"
            else _("The contract ends with its term."),
        )
    return redirect(door.url("detail"))


def _door(request: OrganisationHttpRequest, quote_id: str) -> Door:
    _require_sight(request)
    # A member of this organisation may look after the money of another one, too.
    visible = Quote.objects.whole().visible_to(request.user)
    rows = visible.filter(organisation=request.organisation)
    quote = get_object_or_404(rows.select_related("lead__inquiry"), public_id=quote_id)
    can_sign = permissions.can_buy(request.user, request.organisation)
    return Door(quote=quote, can_sign=can_sign)


def _signing_door(request: OrganisationHttpRequest, quote_id: str) -> Door:
    door = _door(request, quote_id)
    if not door.can_sign:
        raise PermissionDenied
    return door


def _require_sight(request: OrganisationHttpRequest) -> None:
    if not permissions.can_see(request.user, request.organisation):
        raise PermissionDenied


def _known_of(request: OrganisationHttpRequest) -> dict[str, object]:
    organisation = request.organisation
    asked = Values(request.GET).whole("seats", default=20, least=1, most=MOST_SEATS)
    return {
        "seats": asked,
        "company": organisation.name,
        "contact_name": request.user.display_name,
        "contact_email": organisation.billing_email or request.user.email,
        "country": organisation.country,
    }

"""Quotes as those who sell see them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.approvals.limits import discount_needs_second_person
from billing.approvals.models import Approval
from billing.growth.models import Lead
from billing.quotes import queries, services
from billing.quotes.door import initial_of
from billing.quotes.forms import (
    BeginForm,
    BuyerForm,
    DiscountForm,
    TermsForm,
    WhyForm,
)
from billing.quotes.models import Buyer, Quote, Signature
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

# The largest number a row can have.
MOST_ID = 2**63 - 1


@require_safe
@staff_required
def staff_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every quote in one state, the newest first."""
    states = Quote.State.values
    state = Values(request.GET).choice("state", states, default=Quote.State.DRAFT)
    rows = Quote.objects.whole().filter(state=state)
    context = {
        "state": state,
        "states": Quote.State.choices,
        "page": paginate(rows, cursor=cursor_of(request)),
        "waiting": Quote.objects.filter(state=Quote.State.DRAFT).count(),
    }
    return render(request, "quotes/staff_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def staff_new(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Begin a quote, for a lead or for any team."""
    asked = Values(request.GET)
    rows = Lead.objects.select_related("organisation", "inquiry")
    number = asked.whole("lead", default=0, least=0, most=MOST_ID)
    lead = rows.filter(pk=number).first() if number else None
    known = lead.organisation.slug if lead and lead.organisation else ""
    form = BeginForm(
        request.POST if request.method == "POST" else None,
        initial={"organisation": known},
    )
    prices = queries.quotable_prices()
    status = 422 if form.is_bound else 200
    if form.is_valid() and prices:
        try:
            quote = services.create_quote(
                form.cleaned_data["organisation"],
                by=request.user,
                price=prices[0],
                lead=lead,
            )
        except DomainError as error:
            form.add_error("organisation", str(error))
            status = error.status
        else:
            drafting.accept(request)
            return redirect("quotes:staff-detail", quote.public_id)
    context = {"form": form, "lead": lead, "is_sold": bool(prices)}
    return render(request, "quotes/staff_new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def staff_detail(request: AuthenticatedHttpRequest, quote_id: str) -> HttpResponse:
    """One quote; a POST writes what is offered."""
    quote = _quote(quote_id)
    if request.method != "POST":
        return _page(request, quote)
    form = _terms_form(quote, request)
    if not form.is_valid():
        return _page(request, quote, terms=form, status=422)
    try:
        services.set_terms(quote, by=request.user, **form.terms)
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, quote, terms=form, status=error.status)
    drafting.accept(request)
    messages.success(request, _("The terms are saved. Nothing was sent yet."))
    return redirect("quotes:staff-detail", quote_id)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def staff_buyer(request: AuthenticatedHttpRequest, quote_id: str) -> HttpResponse:
    """Write whom a quote is made out to."""
    quote = _quote(quote_id)
    form = BuyerForm(
        request.POST if request.method == "POST" else None, initial=initial_of(quote)
    )
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            services.set_buyer(quote, by=request.user, **form.details)
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            drafting.accept(request)
            return redirect("quotes:staff-detail", quote_id)
    context = {"form": form, "quote": quote}
    return render(request, "quotes/staff_buyer.html", context, status=status)


@require_POST
@staff_required
@recent_sign_in_required
def staff_send(request: AuthenticatedHttpRequest, quote_id: str) -> HttpResponse:
    """Send a quote to its buyer."""
    try:
        services.issue_quote(_quote(quote_id), by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The quote is sent."))
    return redirect("quotes:staff-detail", quote_id)


@require_POST
@staff_required
@recent_sign_in_required
def staff_ask(request: AuthenticatedHttpRequest, quote_id: str) -> HttpResponse:
    """Ask a second person for the discount; their yes sends the quote."""
    quote = _quote(quote_id)
    form = DiscountForm(request.POST)
    if not form.is_valid():
        return _page(request, quote, reason=form, status=422)
    try:
        services.ask_to_send(quote, by=request.user, reason=form.cleaned_data["reason"])
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, quote, reason=form, status=error.status)
    drafting.accept(request)
    messages.success(request, _("A colleague is asked. Their yes sends the quote."))
    return redirect("quotes:staff-detail", quote_id)


@require_POST
@staff_required
def staff_withdraw(request: AuthenticatedHttpRequest, quote_id: str) -> HttpResponse:
    """Take a quote back."""
    quote = _quote(quote_id)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _page(request, quote, why=form, status=422)
    try:
        services.withdraw_quote(quote, by=request.user, why=form.cleaned_data["why"])
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, quote, why=form, status=error.status)
    drafting.accept(request)
    messages.success(request, _("The quote is withdrawn."))
    return redirect("quotes:staff-detail", quote_id)


def _quote(quote_id: str) -> Quote:
    rows = Quote.objects.whole().select_related("lead__inquiry")
    return get_object_or_404(rows, public_id=quote_id)


def _terms_form(quote: Quote, request: AuthenticatedHttpRequest | None) -> TermsForm:
    prices = queries.quotable_prices()
    if quote.price.pk not in {price.pk for price in prices}:
        # Terms that are not on offer any more stay possible for whom they were quoted.
        prices.insert(0, quote.price)
    return TermsForm(
        request.POST if request else None,
        prices=prices,
        initial={
            "price": quote.price.lookup_key,
            "seats": quote.seats,
            "term_months": quote.term_months,
            "discount": quote.discount_percent,
            "usage_discount": quote.usage_discount_percent or "0",
            "days_until_due": quote.days_until_due,
            "valid_days": quote.valid_days,
            "renews": quote.renews,
            "remarks": quote.remarks,
        },
    )


def _page(
    request: AuthenticatedHttpRequest, quote: Quote, *, status: int = 200, **forms: Any
) -> HttpResponse:
    contract = queries.contract_of(quote)
    is_draft = quote.state == Quote.State.DRAFT
    subject = services.approval_subject(quote)
    about = Approval.objects.filter(kind=Approval.Kind.DISCOUNT, subject=subject)
    context = {
        "quote": quote,
        "organisation": quote.organisation,
        "buyer": Buyer.objects.filter(quote=quote).first(),
        "amounts": quote.amounts,
        "terms": _terms_form(quote, None),
        "reason": DiscountForm(),
        "why": WhyForm(),
        "is_draft": is_draft,
        "is_open": is_draft or quote.state == Quote.State.SENT,
        "needs_second": discount_needs_second_person(
            max(quote.discount_bps, quote.usage_discount_bps)
        ),
        "approval": about.order_by("-pk").first(),
        "has_plan": is_draft and queries.has_plan(quote.organisation_id),
        "signature": Signature.objects.filter(quote=quote).first(),
        "contract": contract,
        "invoices": queries.invoices_of(contract) if contract else [],
        **forms,
    }
    return render(request, "quotes/staff_detail.html", context, status=status)

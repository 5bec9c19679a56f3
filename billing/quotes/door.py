"""The two ways to a quote, by the console and by a mailed link, and what they share.

A view finds the quote; all the rest is the same for a member who signed in and for a
reader who follows the address in a mail.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from billing.quotes import queries, services
from billing.quotes.forms import BuyerForm, SignForm, WhyForm
from billing.quotes.models import Buyer, Quote, Signature
from billing.quotes.signing import BUYER_FIELDS, digest_of, terms_of
from core.errors import DomainError
from edge import drafting


@dataclass(frozen=True, slots=True)
class Door:
    """How a reader came to a quote; without a ``token`` by the console."""

    quote: Quote
    can_sign: bool
    token: str = ""

    def url(self, page: str) -> str:
        """Return the address of one of its pages: ``detail``, ``accept``, …"""
        if self.token:
            return reverse(f"quotes:open-{page}", args=[self.token])
        slug = self.quote.organisation.slug
        return reverse(f"quotes:{page}", args=[slug, self.quote.public_id])

    @property
    def urls(self) -> dict[str, str]:
        """The addresses a template links to."""
        pages = ("detail", "buyer", "accept", "decline", "pdf")
        return {page: self.url(page) for page in pages}


def signer(request: HttpRequest) -> User | None:
    """Return who signs: nobody we know where a mailed link was followed."""
    return request.user if isinstance(request.user, User) else None


def show(
    request: HttpRequest,
    door: Door,
    *,
    sign: SignForm | None = None,
    why: WhyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show a quote, what became of it, and the form to sign it."""
    quote = door.quote
    contract = queries.contract_of(quote)
    known = request.user.display_name if request.user.is_authenticated else ""
    buyer = Buyer.objects.filter(quote=quote).first()
    if sign is None and quote.is_open and buyer is not None:
        digest = digest_of(terms_of(quote))
        sign = SignForm(initial={"digest": digest, "name": known})
    context: dict[str, Any] = {
        "shell": "base.html" if door.token else "console.html",
        "organisation": quote.organisation,
        "quote": quote,
        "buyer": buyer,
        "amounts": quote.amounts,
        "urls": door.urls,
        "can_sign": door.can_sign,
        "sign": sign,
        "why": why or WhyForm(),
        "signature": Signature.objects.filter(quote=quote).first(),
        "contract": contract,
        "invoices": queries.invoices_of(contract) if contract else [],
        "by_link": bool(door.token),
    }
    answer = render(request, "quotes/detail.html", context, status=status)
    return _private(answer)


def edit_buyer(request: HttpRequest, door: Door) -> HttpResponse:
    """Write whom the quote is made out to."""
    quote = door.quote
    if quote.state != Quote.State.DRAFT and not quote.is_open:
        return redirect(door.url("detail"))
    form = BuyerForm(
        request.POST if request.method == "POST" else None, initial=initial_of(quote)
    )
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            services.set_buyer(quote, by=signer(request), **form.details)
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            drafting.accept(request)
            messages.success(request, _("The billing details are saved."))
            return redirect(door.url("detail"))
    context = {
        "shell": "base.html" if door.token else "console.html",
        "organisation": quote.organisation,
        "quote": quote,
        "form": form,
        "back": door.url("detail"),
    }
    return _private(render(request, "quotes/buyer.html", context, status=status))


def accept(request: HttpRequest, door: Door) -> HttpResponse:
    """Take a signature."""
    form = SignForm(request.POST)
    if not form.is_valid():
        return show(request, door, sign=form, status=422)
    try:
        services.accept_quote(
            door.quote,
            name=form.cleaned_data["name"],
            title=form.cleaned_data["title"],
            digest=form.cleaned_data["digest"],
            by=signer(request),
        )
    except DomainError as error:
        door.quote.refresh_from_db()
        # What is signed next is what is on the page then.
        again = SignForm(
            {**request.POST.dict(), "digest": digest_of(terms_of(door.quote))}
        )
        again.add_error(None, str(error))
        return show(request, door, sign=again, status=error.status)
    drafting.accept(request)
    messages.success(request, _("Thank you. The contract is being set up."))
    return redirect(door.url("detail"))


def decline(request: HttpRequest, door: Door) -> HttpResponse:
    """Take a no."""
    form = WhyForm(request.POST)
    if not form.is_valid():
        return show(request, door, why=form, status=422)
    try:
        services.decline_quote(
            door.quote, by=signer(request), why=form.cleaned_data["why"]
        )
    except DomainError as error:
        form.add_error(None, str(error))
        door.quote.refresh_from_db()
        return show(request, door, why=form, status=error.status)
    drafting.accept(request)
    messages.success(request, _("The quote is declined. We are told why."))
    return redirect(door.url("detail"))


def download(door: Door) -> HttpResponse:
    """Send the quote as PDF."""
    quote = door.quote
    if not Buyer.objects.filter(quote=quote).exists():
        return redirect(door.url("detail"))
    signed = Signature.objects.filter(quote=quote).first()
    # Drawing takes fonts and pictures that no other page needs.
    from billing.quotes.pdf import quote_pdf

    return file_of(quote_pdf(quote, signed), name=quote.number)


def file_of(content: bytes, *, name: str) -> HttpResponse:
    """Return a PDF as a download called ``name``."""
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return _private(answer)


def initial_of(quote: Quote) -> dict[str, str]:
    """Return what is known of a buyer: what was written, or the lead's words."""
    buyer = Buyer.objects.filter(quote=quote).first()
    if buyer is not None:
        return {name: getattr(buyer, name) for name in BUYER_FIELDS}
    organisation = quote.organisation
    known = {
        "company": organisation.name,
        "contact_email": organisation.billing_email,
        "country": organisation.country,
    }
    inquiry = quote.lead.inquiry if quote.lead else None
    if inquiry is not None:
        known |= {"contact_name": inquiry.name, "contact_email": inquiry.email}
        known["company"] = inquiry.company or organisation.name
    return known


def _private(answer: HttpResponse) -> HttpResponse:
    """Keep a page with prices and a token out of caches, indexes and referrers."""
    answer["Cache-Control"] = "private, no-store"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    # Not "no-referrer": browsers then say of our own forms that they come from nowhere.
    answer["Referrer-Policy"] = "same-origin"
    return answer

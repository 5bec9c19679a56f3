"""Telling buyers and staff what happened to a quote and to its contract."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urljoin

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override

from accounts.models import User
from billing.ledger.models import Invoice
from billing.quotes.models import BUYERS, Contract, Quote
from billing.quotes.signing import link_to
from core.clock import day_for_all
from core.money import format_minor
from notifications.fan_out import notify_all
from notifications.mailing import queue_mail
from notifications.models import Kind


def notify_of_request(quote: Quote) -> None:
    """Say that an organisation waits for a quote."""
    _notify_staff(
        quote,
        what="requested",
        title=lambda: (
            gettext("%(name)s asks for a quote") % {"name": quote.organisation.name}
        ),
        body=lambda: quote.wishes,
    )


def notify_of_acceptance(quote: Quote, *, name: str) -> None:
    """Say to staff and to the organisation that a quote was signed."""

    def title() -> str:
        return gettext("%(number)s was accepted by %(name)s") % {
            "number": quote.number,
            "name": name,
        }

    def body() -> str:
        return gettext("%(organisation)s: %(amount)s over %(months)s months.") % {
            "organisation": quote.organisation.name,
            "amount": format_minor(quote.amounts.term, quote.price.currency),
            "months": quote.term_months,
        }

    _notify_staff(quote, what="accepted", title=title, body=body)
    _notify_buyers(quote, what="accepted", title=title, body=body)


def notify_of_refusal(quote: Quote) -> None:
    """Say to staff that a quote was declined, and why."""
    _notify_staff(
        quote,
        what="declined",
        title=lambda: gettext("%(number)s was declined") % {"number": quote.number},
        body=lambda: quote.why,
    )


def send_to_buyer(quote: Quote) -> None:
    """Mail the quote to its contact, and tell the organisation in the product."""
    values = {
        "quote": quote,
        "buyer": quote.buyer,
        "amount": format_minor(quote.amounts.term, quote.price.currency),
        "url": link_to(quote),
    }
    _mail(
        quote,
        template="quote_sent",
        values=values,
        subject=lambda: (
            gettext("Quote %(number)s from %(site)s")
            % {"number": quote.number, "site": settings.SITE_NAME}
        ),
        key=f"quote:{quote.public_id}:{quote.revision}:{quote.sent_at:%s}",
    )
    _notify_buyers(
        quote,
        what=f"sent-{quote.revision}",
        title=lambda: gettext("Quote %(number)s is here") % {"number": quote.number},
        body=lambda: (
            gettext("It can be accepted until %(date)s.")
            % {"date": _day(quote.expires_at)}
        ),
    )


def send_first_invoice(contract: Contract) -> None:
    """Mail the contact where the first invoice is, and until when it is to be paid."""
    quote = contract.quote
    assert contract.subscription is not None  # noqa: S101 - it was just made
    rows = Invoice.objects.filter(
        subscription_stripe_id=contract.subscription.stripe_id
    )
    invoice = rows.defer("raw").order_by("issued_at").first()
    if invoice is None:
        return
    path = reverse("quotes:detail", args=[quote.organisation.slug, quote.public_id])
    values = {
        "quote": quote,
        "buyer": quote.buyer,
        "invoice": invoice,
        "amount": format_minor(invoice.amount_due, invoice.currency),
        "due_at": invoice.due_at,
        "url": invoice.hosted_url,
        "page": urljoin(settings.SITE_URL, path),
    }
    _mail(
        quote,
        template="first_invoice",
        values=values,
        subject=lambda: (
            gettext("Invoice %(number)s from %(site)s")
            % {"number": invoice.number, "site": settings.SITE_NAME}
        ),
        key=f"contract-invoice:{quote.public_id}",
    )


def notify_of_term(contract: Contract, *, days: int) -> None:
    """Say when the term ends and what comes then; by mail to the contact, too."""
    quote = contract.quote

    def body() -> str:
        values = {
            "date": _day(contract.ends_at),
            "months": quote.term_months,
            "amount": format_minor(quote.amounts.each, quote.price.currency),
        }
        if contract.renews:
            return (
                gettext(
                    "On %(date)s it renews for %(months)s months at %(amount)s for each"
                    " invoice. To let it end instead, say so on its page before."
                )
                % values
            )
        return (
            gettext(
                "It ends on %(date)s, and the plan with it. To keep it, say so on its"
                " page before."
            )
            % values
        )

    def title() -> str:
        return gettext("The contract of %(organisation)s ends in %(days)s days") % {
            "organisation": quote.organisation.name,
            "days": _days_left(contract.ends_at),
        }

    what = f"term-{contract.ends_at:%Y%m%d}-{days}"
    _notify_buyers(quote, what=what, title=title, body=body)
    _notify_staff(quote, what=what, title=title, body=body)
    with override(quote.language):
        queue_mail(
            quote.buyer.contact_email,
            subject=title(),
            text=body(),
            kind="quote",
            idempotency_key=f"contract:{contract.pk}:{what}",
        )


def _mail(
    quote: Quote,
    *,
    template: str,
    values: dict[str, object],
    subject: Callable[[], str],
    key: str,
) -> None:
    with override(quote.language):
        queue_mail(
            quote.buyer.contact_email,
            subject=subject(),
            text=render_to_string(f"quotes/mail/{template}.txt", values),
            kind="quote",
            idempotency_key=key,
        )


def _notify_buyers(
    quote: Quote, *, what: str, title: Callable[[], str], body: Callable[[], str]
) -> None:
    notify_all(
        User.objects.filter(
            memberships__organisation=quote.organisation_id,
            memberships__role__in=BUYERS,
        ),
        Kind.BILLING,
        dedupe_key=f"quote-{quote.pk}-{what}",
        url=reverse("quotes:detail", args=[quote.organisation.slug, quote.public_id]),
        title=title,
        body=body,
    )


def _notify_staff(
    quote: Quote, *, what: str, title: Callable[[], str], body: Callable[[], str]
) -> None:
    notify_all(
        User.objects.filter(is_staff=True),
        Kind.BILLING,
        dedupe_key=f"staff-quote-{quote.pk}-{what}",
        url=reverse("quotes:staff-detail", args=[quote.public_id]),
        title=title,
        body=body,
    )


def _day(at: datetime | None) -> str:
    return day_for_all(at) if at else ""


def _days_left(at: datetime | None) -> int:
    """Return whole days until ``at``, a part of one counted as one."""
    left = (at or timezone.now()) - timezone.now()
    return max(0, left.days + bool(left.seconds))

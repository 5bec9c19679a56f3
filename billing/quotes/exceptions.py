from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class QuoteOpenAlready(DomainError):
    """One quote of an organisation is prepared at a time."""

    code = "quote_open"
    message = _("A quote for this organisation is being prepared already.")


class QuoteClosed(DomainError):
    """It was accepted, declined or withdrawn, or its days are over."""

    code = "quote_closed"
    message = _("This quote is not open any more.")


class QuoteChanged(DomainError):
    """What was on the page is not what the quote says now."""

    code = "quote_changed"
    message = _("The quote has changed meanwhile. Read it again before you sign.")


class QuoteIncomplete(DomainError):
    """It cannot be sent as it is; the message says what is missing."""

    code = "quote_incomplete"
    message = _("Write whom the quote is made out to before you send it.")


class HasPlan(DomainError):
    """A second subscription would cost the organisation twice."""

    code = "has_plan"
    message = _(
        "The organisation has a plan that is paid. Let it end first, then accept the"
        " quote; we can help with that."
    )


class BeingMade(DomainError):
    """Another worker makes the subscription of this contract."""

    code = "being_made"
    message = _("The contract is being set up.")
    retry_after = 5


class NoContract(DomainError):
    """Nothing runs that could renew or end."""

    code = "no_contract"
    message = _("This contract does not run, so nothing about it can be changed.")


class BadQuoteLink(DomainError):
    """The address was changed, or is of a quote as it was before."""

    code = "bad_quote_link"
    status = 404
    message = _("This address leads to no quote. A newer mail may hold another.")

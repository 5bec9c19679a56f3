"""The ways charges say no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BeingSent(DomainError):
    """Statements are being sent at this moment, by the job or by a colleague."""

    code = "being_sent"
    status = 409
    message = _("Statements are being sent at this moment. Try again in a minute.")


class NothingToSend(DomainError):
    """Nothing of the statement is missing at Stripe."""

    code = "nothing_to_send"
    status = 409
    message = _("Nothing of this statement waits to be sent.")


class NothingToWriteOff(DomainError):
    """All of the statement is on an invoice, written off, or to be given back."""

    code = "nothing_to_write_off"
    status = 409
    message = _("Nothing of this statement can be written off now.")


class ImpossibleCap(DomainError):
    """Not an amount that a period can be held to."""

    code = "impossible_cap"
    status = 422
    message = _("A cap is above zero and at most a million dollars.")

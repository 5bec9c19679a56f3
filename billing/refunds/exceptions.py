from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BeingGiven(DomainError):
    """Another worker gives it back."""

    code = "being_given"
    message = _("The money is on its way back.")
    retry_after = 5


class NotRefundable(DomainError):
    """So much was not paid, or is on its way back already."""

    code = "not_refundable"
    message = _("So much of this invoice cannot be given back any more.")

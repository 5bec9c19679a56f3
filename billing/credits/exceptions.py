"""The ways credit says no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ImpossibleCredit(DomainError):
    """Not an amount, an end, a priority, a currency or a reason that credit can have.

    ``field`` names it.
    """

    code = "impossible_credit"
    status = 422
    message = _("That cannot be given as credit.")

    def __init__(self, field: str, message: str) -> None:
        """Say in ``message`` what is wrong with ``field``."""
        super().__init__(message)
        self.field = field


class CreditKeyReused(DomainError):
    """The key stands for other credit, or for another withdrawal."""

    code = "credit_key_reused"
    status = 422
    message = _("This key was used for other credit.")


class CreditSpent(DomainError):
    """There is not so much left to take back."""

    code = "credit_spent"
    message = _("There is less left of this credit than is to be taken back.")

"""The ways charges say no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ImpossibleCap(DomainError):
    """Not an amount that a period can be held to."""

    code = "impossible_cap"
    status = 422
    message = _("A cap is above zero and at most a million dollars.")

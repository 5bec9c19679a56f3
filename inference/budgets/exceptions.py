"""The ways budgets say no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class UnknownTarget(DomainError):
    """Nothing of the organisation is called so."""

    code = "unknown_target"
    status = 422
    message = _("The organisation has nothing of this name that can have a budget.")

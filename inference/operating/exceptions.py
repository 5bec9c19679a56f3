"""The ways a change by hand can say no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class AlreadyPaused(DomainError):
    """A colleague was quicker."""

    code = "already_paused"
    message = _("It is paused already; the reason that was given stays.")

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BadgeRevoked(DomainError):
    """What was taken is not taken again."""

    code = "badge_revoked"
    message = _("This badge was revoked already.")

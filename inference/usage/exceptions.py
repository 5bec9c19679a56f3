from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ImpossibleUsage(DomainError):
    """No call can have used that, or nobody said why it should have."""

    code = "impossible_usage"
    status = 400
    message = _(
        "A correction needs a reason, and token counts from 0 on, of which no more are "
        "cached than were sent."
    )

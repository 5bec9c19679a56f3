from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class PriceInThePast(DomainError):
    """A later price exists: history is not rewritten."""

    code = "price_in_the_past"
    message = _("A later price is already set for this model.")

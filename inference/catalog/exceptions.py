from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class PriceInThePast(DomainError):
    """A later price exists: history is not rewritten."""

    code = "price_in_the_past"
    message = _("A later price is already set for this model.")


class InvalidModel(DomainError):
    """A model or a deployment cannot be published as it is described.

    ``details["field"]`` names what is wrong.
    """

    code = "invalid_model"
    status = 400
    message = _("The model cannot be published like this.")

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


class NotReady(DomainError):
    """A model cannot be published: nothing runs it, or it has no price."""

    code = "not_ready"
    message = _(
        "A model is published once it has a price that has begun and a deployment that "
        "is in use."
    )


class PriceHasBegun(DomainError):
    """A price in force, or about to be, is not withdrawn."""

    code = "price_has_begun"
    message = _("This price is in force or begins within a minute: set a new one.")

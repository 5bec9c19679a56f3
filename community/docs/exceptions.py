from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BrokenLinks(DomainError):
    """Pages link to pages that are not there; ``details["broken"]`` lists them."""

    code = "broken_links"
    message = _("Some links lead nowhere.")

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class NoDollarRate(DomainError):
    """Usage is priced in US dollars, and nobody has said what one is worth."""

    code = "no_dollar_rate"
    status = 409
    message = _("Set REPORTING_USD_RATE first: usage is priced in US dollars.")


class OtherCurrency(DomainError):
    """The candidate's prices cannot be added up with the figures."""

    code = "other_currency"
    status = 409
    message = _("Only prices in the reporting currency can be replayed.")

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class PlanNotOnOffer(DomainError):
    """The plan is unknown, retired or not sold this way."""

    code = "plan_not_on_offer"
    message = _("This plan is not on offer any more. Choose another one.")


class PlanNotSynced(DomainError):
    """The plan's prices are not known at the payment provider yet."""

    code = "plan_not_synced"
    status = 503
    message = _("This plan cannot be bought at the moment. Please try again soon.")

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


class NoDraft(DomainError):
    """There is nothing to publish."""

    code = "no_draft"
    message = _("This plan has no draft: it was published, or thrown away.")


class DraftChanged(DomainError):
    """The draft is not the one that was looked at."""

    code = "draft_changed"
    message = _("The draft was changed meanwhile. Here is what it says now.")


class PlanIsGivenToAll(DomainError):
    """What everybody has is no plan that can be sold otherwise."""

    code = "plan_is_given_to_all"
    message = _("This plan is what everybody has. It is not published or archived.")

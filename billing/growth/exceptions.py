"""The ways growth says no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class OfferOver(DomainError):
    """The offer was accepted, put away, or its time is over."""

    code = "offer_over"
    message = _("This offer is over. Nothing was changed.")


class NotYoursToAccept(DomainError):
    """A person else looks after the organisation's money."""

    code = "not_yours"
    status = 403
    message = _("Only an owner or whoever looks after the billing can accept this.")


class OfferNotReady(DomainError):
    """The offer cannot be made: something it needs is not there."""

    code = "offer_not_ready"
    message = _("This offer cannot be made yet.")


class BudgetTooSmall(DomainError):
    """Less than what open and accepted offers may cost already."""

    code = "budget_too_small"
    message = _(
        "The budget cannot be below what open and accepted offers can cost already."
    )


class ExperimentInTheWay(DomainError):
    """Another experiment runs at the moment, or this one has begun already."""

    code = "experiment_in_the_way"
    message = _(
        "Another experiment is running at this moment, or this one was started before."
    )


class LeadClosed(DomainError):
    """A person has said what came of the lead already."""

    code = "lead_closed"
    message = _("This lead is closed. Nothing was changed.")

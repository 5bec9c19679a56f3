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


class KeyTaken(DomainError):
    """A colleague has just given this name for programs to another one."""

    code = "key_taken"
    message = _("This name for programs is taken already. Choose another.")


class ChangedMeanwhile(DomainError):
    """A colleague has saved another version since; ``version`` is theirs."""

    code = "changed_meanwhile"
    message = _(
        "A colleague has saved another version meanwhile. Nothing was changed: look at"
        " theirs, and save again to replace it."
    )

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version


class SegmentUnreadable(DomainError):
    """The rules of a segment cannot be read any more: an event is gone."""

    code = "segment_unreadable"
    message = _("This segment cannot be read any more.")


class CampaignBegun(DomainError):
    """Whom it is for and what it does stay as they were when it began."""

    code = "campaign_begun"
    message = _("This campaign was started before. Nothing was changed.")


class CampaignNotRunning(DomainError):
    """Only what is running can be paused, resumed or stopped."""

    code = "campaign_not_running"
    message = _("This campaign is not running. Nothing was changed.")


class CampaignOver(DomainError):
    """Its last day is over already."""

    code = "campaign_over"
    message = _("The last day is over already. Choose a later one.")

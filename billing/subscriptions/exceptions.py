from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class AlreadySubscribed(DomainError):
    """The organisation has a live subscription; it changes in the portal."""

    code = "already_subscribed"
    message = _("This organisation already has a subscription. Change it instead.")


class SeatsOutOfRange(DomainError):
    """The plan is not sold for so many seats."""

    code = "seats_out_of_range"
    status = 400
    message = _("This plan is not sold for that number of seats.")


class TrialNotOnOffer(DomainError):
    """The trial that was shown is not to be had, or another one is."""

    code = "trial_not_on_offer"
    message = _("The trial has changed meanwhile. Look at the order again.")


class NotChangeable(DomainError):
    """The subscription cannot become another one as it stands."""

    code = "not_changeable"
    message = _(
        "The plan cannot be changed now. Settle what the billing page says first."
    )
    message_when_scheduled = _(
        "Another change comes with the next period. Take it back first."
    )
    message_when_ending = _("The plan is cancelled. Keep it first, then change it.")
    message_by_contract = _(
        "The plan is by contract and ends with its term. Look at the contract under"
        " Quotes."
    )


class NothingToChange(DomainError):
    """What was chosen is what there is."""

    code = "nothing_to_change"
    status = 400
    message = _("This is what you have now. Choose something else.")


class CodeNotUsable(DomainError):
    """Nobody gives anything for this code."""

    code = "code_not_usable"
    status = 400
    message = _("This promotion code cannot be used here.")
    message_for_later = _(
        "A code counts from now, and this change comes later. Use the code alone first."
    )


class ChangeOutdated(DomainError):
    """What was shown is not what it would be now; nothing was charged."""

    code = "change_outdated"
    message = _(
        "The subscription has changed meanwhile. Nothing was charged. Look at what the"
        " change costs now."
    )
    message_for_prices = _(
        "What the change costs is not what was shown any more. Nothing was charged."
        " Look at it again."
    )


class ChangeNotPaid(DomainError):
    """The payment was declined and everything is as before."""

    code = "change_not_paid"
    status = 402
    message = _(
        "The payment was declined and nothing has changed. Try another card in the"
        " payment portal."
    )


class ChangeBeingMade(DomainError):
    """Another click is making it."""

    code = "change_being_made"
    message = _("The change is being made. Look at the billing page in a moment.")


class NoCustomer(DomainError):
    """Nothing was ever bought, so there is nothing to manage."""

    code = "no_customer"
    message = _("There is nothing to manage yet: choose a plan first.")


class UnknownCheckout(DomainError):
    """No checkout of ours has this session."""

    code = "unknown_checkout"
    status = 404
    message = _("We do not know this checkout.")


class GrantIsOver(DomainError):
    """A given plan has ended or was taken back already."""

    code = "grant_is_over"
    message = _("This plan is over already.")

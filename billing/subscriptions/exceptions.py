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


class NoCustomer(DomainError):
    """Nothing was ever bought, so there is nothing to manage."""

    code = "no_customer"
    message = _("There is nothing to manage yet: choose a plan first.")


class UnknownCheckout(DomainError):
    """No checkout of ours has this session."""

    code = "unknown_checkout"
    status = 404
    message = _("We do not know this checkout.")

"""What both people are told, each in their own language."""

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.preferences import speak_to
from accounts.queries import personal_organisation
from billing.referrals.models import Referral
from billing.referrals.terms import REWARD_NANO
from core.money import format_nano
from notifications.models import Kind
from notifications.services import notify

INVITER, INVITED = "inviter", "invited"


def organisation_of(referral: Referral, side: str) -> int:
    """Return whose credit it is: what was paid for, and the inviter's own."""
    if side == INVITED:
        assert referral.organisation_id is not None  # noqa: S101 - it has paid
        return referral.organisation_id
    return personal_organisation(referral.link.user).pk


def reason_for(referral: Referral, side: str, *, is_back: bool = False) -> str:
    """Return why credit is given or taken back, in the words of whose it is."""
    with speak_to(_person(referral, side)):
        if is_back:
            return _("The payment it was given for went back")
        if side == INVITER:
            return _("For inviting a person who became a customer")
        return _("For joining by an invitation")


def notify_rewarded(referral: Referral) -> None:
    """Tell both that they have credit now."""
    amount = format_nano(REWARD_NANO, "usd")
    _notify(
        referral,
        INVITER,
        "rewarded",
        lambda: (
            _("You have %(amount)s of credit for an invitation") % {"amount": amount}
        ),
    )
    _notify(
        referral,
        INVITED,
        "rewarded",
        lambda: (
            _("You have %(amount)s of credit, since you were invited")
            % {"amount": amount}
        ),
    )


def notify_withdrawn(referral: Referral) -> None:
    """Tell both that what is left of the credit was taken back."""
    for side in (INVITER, INVITED):
        _notify(
            referral,
            side,
            "withdrawn",
            lambda: _("Credit of an invitation was taken back"),
            lambda: _("The payment it was given for went back. What was used stays."),
        )


def notify_refused(referral: Referral) -> None:
    """Tell who invited that a person looked at it and said no."""
    _notify(
        referral,
        INVITER,
        "refused",
        lambda: _("An invitation brings no credit"),
        lambda: _(
            "A person looked at it: the rules on the page of invitations were not met."
        ),
    )


def _notify(
    referral: Referral,
    side: str,
    what: str,
    title: Callable[[], str],
    body: Callable[[], str] | str = "",
) -> None:
    notify(
        _person(referral, side).pk,
        Kind.BILLING,
        dedupe_key=f"referral:{referral.pk}:{what}:{side}:{referral.round}",
        url=reverse("referrals:mine") if side == INVITER else _credit_page(referral),
        title=title,
        body=body,
    )


def _person(referral: Referral, side: str) -> User:
    return referral.link.user if side == INVITER else referral.invited


def _credit_page(referral: Referral) -> str:
    organisation = referral.organisation
    if organisation is None:
        return reverse("referrals:mine")
    return reverse("credits:credit-home", args=[organisation.slug])

"""What speaks against a reward. None of it is proof: a person decides."""

from collections.abc import Iterator

from django.db.models import Q

from accounts.models import Membership, Organisation, User
from activity.models import VisitorLink
from billing.growth.occurrences import PUBLIC_MAIL
from billing.referrals.models import Referral
from billing.referrals.terms import MOST_A_WEEK, WEEK
from billing.subscriptions.models import BillingAccount

Sign = Referral.Sign
# A household or an office shares a network: a third account of it is looked at.
ON_ONE_NETWORK = 2


def signs_against(referral: Referral) -> list[str]:
    """Return every sign there is, in the order of ``Referral.Sign``."""
    found = set(_found(referral))
    return [sign.value for sign in Sign if sign in found]


def _found(referral: Referral) -> Iterator[Sign]:
    inviter, invited = referral.link.user, referral.invited
    others = Referral.objects.filter(link=referral.link).exclude(pk=referral.pk)
    if referral.card_fingerprint:
        if _pays_by(inviter, referral):
            yield Sign.SAME_CARD
        if _is_known(referral):
            yield Sign.CARD_KNOWN
    if referral.visitor_id and _is_browser_of(inviter, referral.visitor_id):
        yield Sign.SAME_BROWSER
    if address := referral.address_digest:
        if address == referral.link.address_digest:
            yield Sign.SAME_ADDRESS
        if others.filter(address_digest=address).count() >= ON_ONE_NETWORK:
            yield Sign.ADDRESS_KNOWN
    if _domain(inviter) == _domain(invited) not in PUBLIC_MAIL:
        yield Sign.SAME_DOMAIN
    if _share_organisation(inviter, invited):
        yield Sign.SAME_ORGANISATION
    if referral.paid_at is not None:
        lately = Q(
            paid_at__gt=referral.paid_at - WEEK, paid_at__lte=referral.paid_at + WEEK
        )
        if others.filter(lately).count() >= MOST_A_WEEK:
            yield Sign.VELOCITY


def card_of(organisation_id: int) -> str:
    """Return the fingerprint of the card that pays for an organisation."""
    account = BillingAccount.objects.filter(pk=organisation_id)
    return account.values_list("card_fingerprint", flat=True).first() or ""


def _pays_by(inviter: User, referral: Referral) -> bool:
    """Tell whether the card pays for anything the inviter looks after, too."""
    mine = Membership.objects.filter(
        user=inviter, role__in=(Membership.Role.OWNER, Membership.Role.BILLING)
    )
    return (
        BillingAccount.objects.filter(
            pk__in=mine.values("organisation_id"),
            card_fingerprint=referral.card_fingerprint,
        )
        .exclude(pk=referral.organisation_id)
        .exists()
    )


def _is_known(referral: Referral) -> bool:
    """Tell whether the card has brought another reward, or pays elsewhere."""
    card = referral.card_fingerprint
    elsewhere = BillingAccount.objects.filter(card_fingerprint=card)
    return (
        Referral.objects.filter(card_fingerprint=card).exclude(pk=referral.pk).exists()
        or elsewhere.exclude(pk=referral.organisation_id).exists()
    )


def _is_browser_of(inviter: User, visitor_id: str) -> bool:
    return VisitorLink.objects.filter(visitor_id=visitor_id, user=inviter).exists()


def _domain(user: User) -> str:
    return user.email.rpartition("@")[2].lower()


def _share_organisation(inviter: User, invited: User) -> bool:
    teams = Membership.objects.filter(
        user=inviter, organisation__kind=Organisation.Kind.TEAM
    )
    return Membership.objects.filter(
        user=invited, organisation_id__in=teams.values("organisation_id")
    ).exists()

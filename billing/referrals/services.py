"""Who came by whose link, and the reward: given once, taken back when money is.

``renew_referral`` brings one referral up to what the ledger says now, under its row's
lock. Facts of payments, the hourly run and staff's decisions all call it, as often and
in whatever order they come.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.credits.exceptions import CreditSpent
from billing.credits.models import CreditGrant
from billing.credits.services import grant_credit, withdraw_credit
from billing.ledger.models import Invoice
from billing.referrals import notices
from billing.referrals.checking import card_of, signs_against
from billing.referrals.exceptions import ReferralDecided
from billing.referrals.models import Referral, ReferralLink
from billing.referrals.terms import (
    CREDIT_LASTS,
    LIFETIME,
    REWARD_NANO,
    SETTLING,
    TRACES_LAST,
)
from billing.referrals.visiting import Visit
from billing.subscriptions import cases
from billing.subscriptions.models import Case

SIDES = ("inviter", "invited")


@transaction.atomic
def ensure_link(user: User, *, address_digest: str = "") -> ReferralLink:
    """Return a person's link; made when they first ask for it."""
    link, _ = ReferralLink.objects.get_or_create(
        user=user, defaults={"address_digest": address_digest}
    )
    return link


@transaction.atomic
def record_referral(invited: User, visit: Visit) -> Referral | None:
    """Note by whose link a person came who signs up now; the first is kept.

    Nobody brings themselves, nobody who is here already is brought, and staff, test
    people and closed accounts bring nobody.
    """
    link = ReferralLink.objects.filter(
        code=visit.code,
        user__is_active=True,
        user__is_staff=False,
        user__is_internal=False,
    ).first()
    if link is None or link.user_id == invited.pk or invited.is_internal:
        return None
    referral, _ = Referral.objects.get_or_create(
        invited=invited,
        defaults={
            "link": link,
            "visited_at": visit.at,
            "visitor_id": visit.visitor_id,
            "address_digest": visit.address_digest,
        },
    )
    return referral


def renew_referrals_of(organisation_id: int) -> None:
    """Bring the referrals up to date that a payment of an organisation concerns."""
    payers = Invoice.objects.filter(organisation_id=organisation_id, is_first=True)
    found = Referral.objects.filter(
        Q(organisation_id=organisation_id)
        | Q(invited_id__in=payers.values("user_id"))
        | Q(invited_id__in=payers.values("organisation__owner_id"))
    )
    for pk in found.order_by("pk").values_list("pk", flat=True):
        renew_referral(pk)


def reward_due() -> int:
    """Reward what has waited long enough; return how many were."""
    ripe = timezone.now() - SETTLING
    due = Referral.objects.due().filter(paid_at__lte=ripe)
    return sum(renew_referral(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def renew_referral(pk: int) -> bool:
    """Bring one referral up to the ledger; return whether it was rewarded now.

    The row is locked, so that two payments at once give one reward.
    """
    referral = _locked(pk)
    now = timezone.now()
    payment = _payment_of(referral)
    if payment is None:
        _lose_payment(referral, now)
        return False
    if referral.paid_at is None:
        _take_payment(referral, payment, now)
    if referral.refused_at is not None or referral.rewarded_at is not None:
        return False
    assert referral.paid_at is not None  # noqa: S101 - taken just now, or before
    if referral.is_undecided or referral.paid_at > now - SETTLING:
        return False
    # Once more before it is given: what speaks against it may have come meanwhile.
    if referral.decided_at is None and _hold(referral, now):
        return False
    _reward(referral, now)
    return True


@transaction.atomic
def decide_referral(
    referral: Referral, *, is_rewarded: bool, note: str, by: User
) -> None:
    """Say of what was held back whether it is rewarded, and why.

    Raises ``ReferralDecided`` when a colleague was faster.
    """
    locked = _locked(referral.pk)
    if not locked.is_undecided:
        raise ReferralDecided
    now = timezone.now()
    locked.decided_at, locked.decided_by, locked.note = now, by, note
    locked.refused_at = None if is_rewarded else now
    locked.save(update_fields=["decided_at", "decided_by", "note", "refused_at"])
    cases.close(Case.Kind.REFERRAL, _case_id(locked), note=note)
    audit.record(
        "referral.allowed" if is_rewarded else "referral.refused",
        actor=by,
        organisation=locked.organisation,
        target=_case_id(locked),
        after={"note": note, "signs": locked.signs},
    )
    if not is_rewarded:
        notices.notify_refused(locked)
    renew_referral(locked.pk)


def prune_traces() -> int:
    """Erase what told browsers and networks apart; return of how many people."""
    before = timezone.now() - TRACES_LAST
    ReferralLink.objects.filter(created_at__lt=before).exclude(
        address_digest=""
    ).update(address_digest="")
    known = ~Q(address_digest="") | ~Q(visitor_id="")
    return Referral.objects.filter(known, joined_at__lt=before).update(
        address_digest="", visitor_id=""
    )


def _locked(pk: int) -> Referral:
    return (
        Referral.objects.select_for_update(of=("self",))
        .select_related("link__user", "invited", "organisation")
        .get(pk=pk)
    )


def _payment_of(referral: Referral) -> Invoice | None:
    """Return the payment that counts: the first money of what the invited pay for.

    Not of an organisation that another referral was rewarded for, nor of one that paid
    before they came. It counts while more than half of it has stayed.
    """
    taken = Referral.objects.exclude(pk=referral.pk).filter(organisation__isnull=False)
    return (
        Invoice.objects.paid()
        .filter(
            Q(user_id=referral.invited_id)
            | Q(organisation__owner_id=referral.invited_id),
            is_first=True,
            paid_at__gte=referral.joined_at,
            paid_at__lt=referral.joined_at + LIFETIME,
            told_returned__lt=F("revenue") - F("told_returned"),
        )
        .exclude(organisation_id__in=taken.values("organisation_id"))
        .order_by("paid_at", "pk")
        .first()
    )


def _take_payment(referral: Referral, payment: Invoice, now: datetime) -> None:
    referral.invoice_id, referral.paid_at = payment.pk, payment.paid_at
    referral.organisation = payment.organisation
    referral.card_fingerprint = card_of(payment.organisation_id)
    referral.save(
        update_fields=["invoice_id", "paid_at", "organisation", "card_fingerprint"]
    )
    if referral.decided_at is None:
        _hold(referral, now)


def _lose_payment(referral: Referral, now: datetime) -> None:
    """Let a payment that went back count no more, and take back what it brought."""
    if referral.paid_at is None:
        return
    was_rewarded = referral.rewarded_at is not None
    if was_rewarded:
        _withdraw(referral)
        referral.withdrawn_at = now
    referral.invoice_id = referral.paid_at = referral.rewarded_at = None
    if referral.is_undecided:
        # There is nothing to decide about; if money comes, it is looked at anew.
        referral.held_at, referral.signs = None, []
        cases.close(Case.Kind.REFERRAL, _case_id(referral))
    referral.save(
        update_fields=[
            *("invoice_id", "paid_at", "rewarded_at", "withdrawn_at"),
            *("held_at", "signs"),
        ]
    )
    if was_rewarded:
        notices.notify_withdrawn(referral)


def _hold(referral: Referral, now: datetime) -> bool:
    """Put what speaks against a reward before staff; return whether anything does."""
    referral.card_fingerprint = referral.card_fingerprint or card_of(
        referral.organisation_id or 0
    )
    referral.signs = signs_against(referral)
    referral.held_at = (referral.held_at or now) if referral.signs else None
    referral.save(update_fields=["signs", "held_at", "card_fingerprint"])
    if referral.signs:
        cases.open_case(
            Case.Kind.REFERRAL,
            _case_id(referral),
            organisation_id=referral.organisation_id,
            ours=", ".join(referral.signs),
        )
    return bool(referral.signs)


def _reward(referral: Referral, now: datetime) -> None:
    """Give both their credit. A reward after one that was taken back is a new one."""
    referral.round += 1
    referral.rewarded_at, referral.withdrawn_at = now, None
    for side in SIDES:
        grant_credit(
            notices.organisation_of(referral, side),
            kind=CreditGrant.Kind.REFERRAL,
            amount_nano=REWARD_NANO,
            key=_key(referral, side),
            reason=notices.reason_for(referral, side),
            expires_at=now + CREDIT_LASTS,
        )
    referral.save(update_fields=["round", "rewarded_at", "withdrawn_at"])
    notices.notify_rewarded(referral)


def _withdraw(referral: Referral) -> None:
    """Take back what is left of both credits; what was used stays used."""
    for side in SIDES:
        grant = CreditGrant.objects.filter(key=_key(referral, side)).first()
        if grant is None:
            continue
        try:
            withdraw_credit(
                grant.pk,
                key=f"{_key(referral, side)}:back",
                reason=notices.reason_for(referral, side, is_back=True),
            )
        except CreditSpent:
            # Nothing is left of it.
            continue


def _key(referral: Referral, side: str) -> str:
    return f"referral:{referral.pk}:{side}:{referral.round}"


def _case_id(referral: Referral) -> str:
    return f"referral {referral.pk}"

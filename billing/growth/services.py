"""What becomes of an offer: seen, accepted, put away, over; and what it cost."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from billing.credits.services import grant_credit
from billing.growth import hints, leads
from billing.growth.exceptions import NotYoursToAccept, OfferOver
from billing.growth.fulfilling import fulfil, fulfils
from billing.growth.models import Cost, Decision, Exposure, Offer
from billing.growth.models.decisions import PURSE
from billing.growth.queries import may_be_treated

# These change what an organisation has, so they are for who looks after its money.
GIVING = {Offer.Kind.PREMIUM_TRIAL, Offer.Kind.TEAM_TRIAL, Offer.Kind.CREDITS}


@transaction.atomic
def record_exposure(uuid: UUID, *, user: User, surface: str) -> bool:
    """Note that ``user`` has seen an offer; return whether it was the first time.

    Nobody is noted who must not be treated: they were not shown it.
    """
    decision = Decision.objects.visible_to(user).filter(uuid=uuid).first()
    if decision is None or decision.offer_id is None or not may_be_treated(user):
        return False
    at = timezone.now()
    _, is_new = Exposure.objects.get_or_create(
        decision=decision, user=user, surface=surface, defaults={"seen_at": at}
    )
    Decision.objects.filter(pk=decision.pk, seen_at=None).update(seen_at=at)
    return is_new


@transaction.atomic
def accept_offer(uuid: UUID, *, by: User) -> Decision:
    """Accept an offer and give what it promises, once.

    The decision's row is locked, so two clicks give one thing. Raises
    ``Decision.DoesNotExist`` for whom it is not for, ``OfferOver``,
    ``NotYoursToAccept`` and ``OfferNotReady``; nothing is changed then.
    """
    decision = _locked(uuid, by)
    offer = decision.offer
    if offer is None or not _is_standing(decision):
        raise OfferOver
    if offer.kind in GIVING and not _looks_after_money(by, decision.organisation_id):
        raise NotYoursToAccept
    now = timezone.now()
    decision.accepted_at = now
    decision.accepted_by = by
    decision.seen_at = decision.seen_at or now
    decision.in_force_until = fulfil(decision, by)
    decision.save(
        update_fields=["accepted_at", "accepted_by", "seen_at", "in_force_until"]
    )
    if offer.kind == Offer.Kind.OFFICE_HOUR:
        leads.open_by_office_hour(decision)
    hints.withdraw_hint(decision)
    return decision


@transaction.atomic
def dismiss_offer(uuid: UUID, *, by: User) -> None:
    """Put an offer away; what was reserved for it is free again.

    Raises ``Decision.DoesNotExist`` for whom it is not for. Twice is once.
    """
    decision = _locked(uuid, by)
    if _is_standing(decision):
        decision.dismissed_at = timezone.now()
        decision.save(update_fields=["dismissed_at"])
        _release(decision)
        hints.withdraw_hint(decision)


def release_expired() -> int:
    """Free what is reserved for offers that are over unaccepted; return how many."""
    over = Decision.objects.filter(
        # As its index has it: of what costs nothing there is nothing to free.
        reserved_nano__gt=0,
        accepted_at=None,
        released_at=None,
        expires_at__lte=timezone.now(),
    )
    return sum(_release_one(pk) for pk in list(over.values_list("pk", flat=True)))


def record_payment(organisation_id: int, *, at: datetime) -> None:
    """Note the first money after each decision that is compared."""
    Decision.objects.filter(
        organisation_id=organisation_id, paid_at=None, decided_at__lte=at
    ).compared().update(paid_at=at)


def book_trial_usage(
    organisation_id: int, *, window: datetime, cost_nano: int, reference: str
) -> None:
    """Book what usage cost to the trial it happened in; the same reference once."""
    trial = (
        Decision.objects.filter(
            organisation_id=organisation_id,
            accepted_at__lte=window,
            in_force_until__gt=window,
        )
        .order_by("accepted_at", "pk")
        .first()
    )
    if trial is not None and cost_nano:
        book_cost(
            trial, Cost.Kind.TRIAL_USAGE, amount_nano=cost_nano, reference=reference
        )


def book_cost(
    decision: Decision, kind: Cost.Kind, *, amount_nano: int, reference: str
) -> None:
    """Book what an accepted offer cost; the same reference is booked once."""
    assert decision.offer_id is not None  # noqa: S101 - what was accepted was offered
    Cost.objects.bulk_create(
        [
            Cost(
                decision=decision,
                offer_id=decision.offer_id,
                kind=kind,
                amount_nano=amount_nano,
                reference=f"{kind}:{reference}",
            )
        ],
        ignore_conflicts=True,
    )


@fulfils(Offer.Kind.CREDITS)
def _give_credit(decision: Decision, by: User) -> None:
    """Give the credit an offer promises, once, and book it to the offer."""
    assert decision.offer is not None  # noqa: S101 - what was accepted was offered
    amount, key = decision.offer.credit_nano, f"offer:{decision.uuid}"
    grant_credit(
        decision.organisation_id,
        kind="promotion",
        amount_nano=amount,
        key=key,
        reason=decision.offer.title,
        by=by,
    )
    book_cost(decision, Cost.Kind.CREDITS, amount_nano=amount, reference=key)


def _locked(uuid: UUID, user: User) -> Decision:
    """Return the decision with its row locked. Raises ``Decision.DoesNotExist``."""
    visible = Decision.objects.visible_to(user)
    return (
        Decision.objects.select_for_update(of=("self",))
        .select_related("offer", "organisation")
        .get(uuid=uuid, pk__in=visible.values("pk"))
    )


def _is_standing(decision: Decision) -> bool:
    return (
        decision.offer_id is not None
        and decision.accepted_at is None
        and decision.dismissed_at is None
        and decision.released_at is None
        and decision.expires_at is not None
        and decision.expires_at > timezone.now()
    )


def _looks_after_money(user: User, organisation_id: int) -> bool:
    return Membership.objects.filter(
        user=user, organisation_id=organisation_id, role__in=PURSE
    ).exists()


@transaction.atomic
def _release_one(pk: int) -> int:
    decision = Decision.objects.select_for_update().get(pk=pk)
    if decision.accepted_at is not None or decision.released_at is not None:
        return 0
    _release(decision)
    return 1


def _release(decision: Decision) -> None:
    """Give back what the decision had reserved; the caller holds its row."""
    decision.released_at = timezone.now()
    decision.save(update_fields=["released_at"])
    if decision.offer_id is not None and decision.reserved_nano:
        Offer.objects.filter(pk=decision.offer_id).update(
            reserved_nano=F("reserved_nano") - decision.reserved_nano
        )


def unit_of(user_id: int) -> int:
    """Return the organisation that stands for a person: their team, else their own.

    Of several teams it is the one joined first, so that it stays the same.
    """
    mine = Organisation.objects.filter(
        Q(memberships__user_id=user_id) | Q(owner_id=user_id)
    )
    team = mine.filter(kind=Organisation.Kind.TEAM)
    first = team.order_by("memberships__created_at", "pk").first()
    if first is not None:
        return first.pk
    return mine.get(kind=Organisation.Kind.PERSONAL, owner_id=user_id).pk

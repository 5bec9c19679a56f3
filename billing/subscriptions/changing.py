"""Changing a plan: shown to the minor unit first, then charged so or not at all.

A change is worked out by Stripe, kept, and worked out again when it is confirmed, from
the same second. What came out differently is not charged. Up is now, down is when the
period that is paid ends.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from billing.plans.exceptions import PlanNotOnOffer, PlanNotSynced
from billing.plans.models import Price
from billing.plans.queries import offer_for
from billing.stripe import adapter, changes, objects
from billing.stripe.changes import ChangeOrder, Lasting
from billing.stripe.exceptions import StripeRefused
from billing.stripe.locks import database_now
from billing.stripe.operations import run_once
from billing.subscriptions import cases, mirror
from billing.subscriptions.exceptions import (
    ChangeBeingMade,
    ChangeNotPaid,
    ChangeOutdated,
    CodeNotUsable,
    NotChangeable,
    NothingToChange,
    SeatsOutOfRange,
)
from billing.subscriptions.models import Case, PlanChange, Subscription
from billing.subscriptions.queries import live_subscription

# A buyer reads, asks a colleague and comes back; taxes and coupons seldom change
# meanwhile, and if they do the second look finds it.
SHOWN_FOR = timedelta(minutes=30)
# A request that died on the way is over by then: Stripe is waited for at most twice
# four seconds.
DIED_AFTER = timedelta(minutes=1)

State = PlanChange.State


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoice:
    """What a buyer chose: a price, seats and perhaps a promotion code."""

    price: Price
    seats: int
    code: str = ""


def price_for(subscription: Subscription, *, plan: str, interval: str) -> Price:
    """Return the price of a choice; who stays on a plan keeps what they pay.

    Raises ``PlanNotOnOffer``.
    """
    current = subscription.price
    if current and (plan, interval) == (
        current.plan_version.plan.key,
        current.interval,
    ):
        return current
    offer = offer_for(plan)
    price = offer.prices.get(interval)
    if (
        price is None
        or price.currency != subscription.currency
        or not offer.version.is_bought_online
    ):
        raise PlanNotOnOffer
    return price


def is_immediate(subscription: Subscription, wanted: PlanChoice) -> bool:
    """Tell whether a change is made now: a higher plan, more seats, a longer period.

    What is lower waits until the period ends, since it is paid for. In a trial nothing
    is, so everything is made at once.
    """
    current = subscription.price
    if current is None or subscription.status == Subscription.Status.TRIALING:
        return True
    before, after = current.plan_version.plan, wanted.price.plan_version.plan
    if before.tier_rank != after.tier_rank:
        return after.tier_rank > before.tier_rank
    is_shorter = (current.interval, wanted.price.interval) == ("year", "month")
    return wanted.seats >= subscription.seats and not is_shorter


def preview_change(
    organisation: Organisation, *, by: User, wanted: PlanChoice
) -> PlanChange:
    """Work out what a change costs and keep it, to be confirmed.

    Raises ``NotChangeable``, ``NothingToChange``, ``SeatsOutOfRange``,
    ``PlanNotSynced`` or ``CodeNotUsable``.
    """
    _check_wanted(wanted)
    row, fetched = _fetch_changeable(organisation)
    is_same = (row.price_id, row.seats) == (wanted.price.pk, wanted.seats)
    if is_same and not wanted.code:
        raise NothingToChange
    if wanted.code and not is_same and not is_immediate(row, wanted):
        raise CodeNotUsable(CodeNotUsable.message_for_later)
    code = _code_of(wanted.code)
    change = PlanChange(
        organisation=organisation,
        user=by,
        subscription=row,
        price=wanted.price,
        seats=wanted.seats,
        promotion_code=code.code if code else "",
        promotion_code_id=code.id if code else "",
        is_immediate=is_immediate(row, wanted),
        counts_from=None,
        basis=_basis_of(fetched),
    )
    shown = _look(change, fetched, is_same=is_same)
    for name, value in asdict(shown).items():
        setattr(change, name, value)
    change.save()
    return change


def confirm_change(change: PlanChange, *, by: User) -> PlanChange:
    """Make a change as it was shown. Safe to call again.

    Raises ``ChangeOutdated`` where it would be another one by now, ``ChangeNotPaid``
    where the payment was declined, and then nothing has changed; ``ChangeBeingMade``.
    """
    change = _claim(change.pk)
    if change.state in {State.DONE, State.OPEN}:
        return change
    asked_at = database_now()
    row, fetched = _fetch_changeable(change.organisation, but=change)
    if _is_made(change, fetched):
        # We died after the call and before the note of its answer.
        return _record(change, fetched, asked_at=asked_at, by=by, invoices_before="")
    is_same = (row.price_id, row.seats) == (change.price_id, change.seats)
    if _basis_of(fetched) != change.basis:
        raise _refuse(change, ChangeOutdated())
    try:
        shown = _look(change, fetched, is_same=is_same)
    except StripeRefused as error:
        raise _refuse(change, ChangeOutdated()) from error
    if any(getattr(change, name) != value for name, value in asdict(shown).items()):
        raise _refuse(change, ChangeOutdated(ChangeOutdated.message_for_prices))
    before = fetched.latest_invoice_id
    asked_at = database_now()
    try:
        fetched = _make(change, fetched)
    except StripeRefused as error:
        raise _refuse(change, ChangeNotPaid()) from error
    return _record(change, fetched, asked_at=asked_at, by=by, invoices_before=before)


def drop_scheduled(organisation: Organisation, *, by: User) -> None:
    """Take back what was to come with the next period. Raises ``NotChangeable``."""
    row = live_subscription(organisation)
    if row is None:
        raise NotChangeable
    if row.schedule_id:
        changes.release_schedule(row.schedule_id)
        audit.record(
            "subscription.schedule_dropped",
            actor=by,
            organisation=organisation,
            target=row.stripe_id,
        )
    mirror.sync_subscription(row.stripe_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What the invoice says; the columns of ``PlanChange`` of the same names."""

    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    balance: int
    lines: list[list[str | int]]
    renewal: int | None
    counts_from: datetime | None


def _look(
    change: PlanChange, fetched: objects.Subscription, *, is_same: bool
) -> _Shown:
    """Ask Stripe what the change costs."""
    wish = _wish(change, fetched)
    lasting = None if change.is_immediate else _lasting(fetched)
    renewal = changes.preview_renewal(wish, lasting=lasting)
    if change.is_immediate and not is_same and fetched.status != "trialing":
        invoice = changes.preview_change(wish, at=_second(change.counts_from))
    elif change.is_immediate:
        # A code alone, or a trial: nothing is charged before the renewal.
        invoice = objects.Preview(
            currency=renewal.currency,
            subtotal=0,
            discount=0,
            tax=0,
            total=0,
            amount_due=0,
            balance=renewal.balance,
            lines=(),
        )
    else:
        invoice = replace(renewal, counts_from=None)
    # A coupon for one invoice may be spent on this one; what comes after is not known.
    is_spent = change.is_immediate and (
        bool(change.promotion_code_id)
        or any(each.is_once for each in _all_discounts(fetched))
    )
    return _Shown(
        currency=invoice.currency,
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        tax=invoice.tax,
        total=invoice.total,
        amount_due=invoice.amount_due,
        balance=invoice.balance,
        lines=[[line.description, line.amount, line.kind] for line in invoice.lines],
        renewal=None if is_spent else renewal.total,
        counts_from=invoice.counts_from,
    )


def _lasting(fetched: objects.Subscription) -> Lasting:
    """Return the discounts that are still there when the period ends."""
    item = fetched.items[0]
    end = item.period_end

    def ids(discounts: tuple[objects.Discount, ...]) -> tuple[str, ...]:
        return tuple(
            each.id
            for each in discounts
            if each.ends_at is None or end is None or each.ends_at > end
        )

    return Lasting(of_whole=ids(fetched.discounts), of_item=ids(item.discounts))


def _all_discounts(fetched: objects.Subscription) -> tuple[objects.Discount, ...]:
    return (*fetched.items[0].discounts, *fetched.discounts)


def _second(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None


def _make(change: PlanChange, fetched: objects.Subscription) -> objects.Subscription:
    """Have Stripe make the change."""
    wish = _wish(change, fetched)
    at = _second(change.counts_from)

    def change_now(key: str) -> objects.Subscription:
        return changes.change_subscription(wish, at=at, idempotency_key=key)

    def change_later(key: str) -> objects.Subscription:
        changes.schedule_change(wish, idempotency_key=key)
        return adapter.fetch_subscription(wish.subscription_id)

    call = change_now if change.is_immediate else change_later
    return run_once("plan_change", str(change.uuid), {"at": at}, call)


def _record(
    change: PlanChange,
    fetched: objects.Subscription,
    *,
    asked_at: datetime,
    by: User,
    invoices_before: str,
) -> PlanChange:
    """Note what came of it; what was charged otherwise than shown is a case."""
    row = mirror.apply_answer(fetched, asked_at=asked_at, by=by)
    charged = 0
    if fetched.latest_invoice_id not in {"", invoices_before}:
        invoice = mirror.sync_invoice(fetched.latest_invoice_id)
        is_of_change = invoice and invoice.billing_reason == "subscription_update"
        if invoice and is_of_change and change.is_immediate:
            change.invoice_stripe_id = invoice.stripe_id
            charged = invoice.amount_due
    change.state = State.OPEN if row.has_pending_update else State.DONE
    change.decided_at = timezone.now()
    change.charged = charged if change.is_immediate else None
    with transaction.atomic():
        change.save()
        if not change.is_immediate:
            audit.record(
                "subscription.change_scheduled",
                actor=by,
                organisation=change.organisation,
                target=row.stripe_id,
                after={"price": str(change.price), "seats": change.seats},
            )
    if change.is_immediate and charged != change.amount_due:
        cases.open_case(
            Case.Kind.DIFFERENCE,
            str(change.uuid),
            field="charged",
            organisation_id=change.organisation_id,
            ours=str(change.amount_due),
            theirs=str(charged),
        )
    return change


@transaction.atomic
def _claim(pk: int) -> PlanChange:
    """Let one of several confirmations make the change."""
    now = timezone.now()
    free = Q(claimed_at=None, created_at__gt=now - SHOWN_FOR) | Q(
        claimed_at__lt=now - DIED_AFTER
    )
    waiting = PlanChange.objects.filter(free, pk=pk, state=State.PENDING)
    claimed = waiting.update(claimed_at=now)
    change = PlanChange.objects.select_related(
        "organisation", "subscription", "price__plan_version__plan"
    ).get(pk=pk)
    if claimed or change.state in {State.DONE, State.OPEN}:
        return change
    if change.state == State.PENDING and change.claimed_at:
        raise ChangeBeingMade
    raise ChangeOutdated


def _refuse(
    change: PlanChange, error: ChangeOutdated | ChangeNotPaid
) -> ChangeOutdated | ChangeNotPaid:
    PlanChange.objects.filter(pk=change.pk).update(
        state=State.IGNORED, decided_at=timezone.now()
    )
    return error


def _fetch_changeable(
    organisation: Organisation, *, but: PlanChange | None = None
) -> tuple[Subscription, objects.Subscription]:
    """Return the subscription as Stripe has it now, ours brought up to it.

    Raises ``NotChangeable`` while it owes, ends, waits or is not one of ours.
    """
    row = live_subscription(organisation)
    if row is None:
        raise NotChangeable
    at = database_now()
    fetched = adapter.fetch_subscription(row.stripe_id)
    row = mirror.apply_subscription(fetched, fetched_at=at)
    if but is not None and _is_made(but, fetched):
        return row, fetched
    if row.schedule_id:
        raise NotChangeable(NotChangeable.message_when_scheduled)
    if row.ends_at:
        raise NotChangeable(NotChangeable.message_when_ending)
    if not _is_whole(row) or len(fetched.items) != 1:
        raise NotChangeable
    return row, fetched


def _is_whole(row: Subscription) -> bool:
    return (
        row.status in {Subscription.Status.ACTIVE, Subscription.Status.TRIALING}
        and row.collection_method == "charge_automatically"
        and row.price is not None
        and not (row.has_pending_update or row.frozen_at or row.is_duplicate)
    )


def _is_made(change: PlanChange, fetched: objects.Subscription) -> bool:
    """Tell whether Stripe has made a change that we did not hear the end of."""
    wanted = (change.price.stripe_price_id, change.seats)
    if _basis_of(fetched) == change.basis:
        return False
    if not change.is_immediate:
        following = fetched.scheduled
        return following is not None and wanted == (
            following.price_id,
            following.quantity,
        )
    item = fetched.items[0]
    return wanted == (item.price_id, item.quantity)


def _check_wanted(wanted: PlanChoice) -> None:
    version = wanted.price.plan_version
    if not version.seat_min <= wanted.seats <= version.seat_max:
        raise SeatsOutOfRange
    if not wanted.price.stripe_price_id:
        raise PlanNotSynced


def _code_of(typed: str) -> objects.PromotionCode | None:
    if not typed:
        return None
    found = changes.find_promotion_code(typed)
    if found is None:
        raise CodeNotUsable
    return found


def _wish(change: PlanChange, fetched: objects.Subscription) -> ChangeOrder:
    item = fetched.items[0]
    price_id = change.price.stripe_price_id or ""
    return ChangeOrder(
        subscription_id=fetched.id,
        item_id=item.id,
        price_id="" if price_id == item.price_id else price_id,
        quantity=change.price.quantity_for(change.seats),
        discount_ids=tuple(each.id for each in fetched.discounts),
        promotion_code_id=change.promotion_code_id,
    )


def _basis_of(fetched: objects.Subscription) -> str:
    """Return what a preview builds on, as one short text to compare."""
    item = fetched.items[0]
    parts = [
        fetched.status,
        item.id,
        item.price_id,
        item.quantity,
        str(item.period_start),
        str(item.period_end),
        sorted(each.id for each in _all_discounts(fetched)),
        fetched.cancel_at_period_end,
        str(fetched.cancel_at),
        fetched.schedule_id,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

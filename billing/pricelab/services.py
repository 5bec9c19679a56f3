"""Keeping candidates, and replaying the last month through them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from billing.conversion.currency import ExchangeRate, dollar_rate
from billing.credits.models import CURRENCY
from billing.pricelab.exceptions import NoDollarRate, OtherCurrency
from billing.pricelab.models import PlanCandidate, Replay, ReplayedBill
from billing.pricelab.month import (
    PastMonth,
    Subscriber,
    subscribers_of,
    usage_by_model,
    usage_in_order,
)
from billing.pricelab.replaying import MonthBill, MonthTerms, UsedRow, compute_month
from core.money import minor_to_nano
from entitlements.usage_price import UsagePrice
from jobs.models import Job
from jobs.services import enqueue, forget, retry

# The name of the queue's jobs that replay a month.
REPLAY = "replay"
# Rows written at once: about a megabyte.
CHUNK = 2_000


@transaction.atomic
def create_candidate(*, by: User, **terms: Any) -> PlanCandidate:
    """Keep a candidate, and have the last month replayed through it.

    Raises ``NoDollarRate`` and ``OtherCurrency``; then nothing is kept.
    """
    candidate = PlanCandidate.objects.create(owner=by, **terms)
    _rate_for(candidate)
    enqueue(REPLAY, candidate.pk)
    return candidate


@transaction.atomic
def retry_replay(candidate: PlanCandidate) -> None:
    """Have the last month replayed again; what waits for it already stays one.

    Raises ``NoDollarRate`` and ``OtherCurrency``.
    """
    _rate_for(candidate)
    enqueue(REPLAY, candidate.pk)
    retry(Job.objects.about(REPLAY, candidate.pk).exclude(state=Job.State.WAITING))


@transaction.atomic
def remove_candidate(candidate: PlanCandidate) -> None:
    """Delete a candidate, what was replayed through it, and what waits for that."""
    forget(REPLAY, [candidate.pk])
    candidate.delete()


def _rate_for(candidate: PlanCandidate) -> ExchangeRate:
    """Return what usage is priced by in the currency of the figures.

    Raises ``NoDollarRate`` when nobody said it, and ``OtherCurrency`` when the
    candidate's prices are not in that currency.
    """
    rate = dollar_rate()
    if rate is None:
        raise NoDollarRate
    if candidate.currency != settings.REPORTING_CURRENCY:
        raise OtherCurrency
    return rate


@transaction.atomic
def replace_replay(
    candidate: PlanCandidate, *, moment: datetime | None = None
) -> Replay:
    """Replay the last whole month; what was replayed before is replaced.

    The candidate's row is locked, so of two at once the second does it again. Six
    queries, and one for each thousands of bills. Raises ``NoDollarRate`` and
    ``OtherCurrency``.
    """
    PlanCandidate.objects.select_for_update().get(pk=candidate.pk)
    rate = _rate_for(candidate)
    month = PastMonth.before(moment or timezone.now())
    subscribers, left_out = subscribers_of(candidate.plan, month)
    Replay.objects.filter(pk=candidate.pk).delete()
    replay = Replay.objects.create(
        candidate=candidate, month=month.first, left_out=left_out
    )
    ReplayedBill.objects.bulk_create(
        (
            _bill(replay, subscriber, before, after, rate)
            for subscriber, before, after in _replayed(candidate, subscribers, month)
        ),
        batch_size=CHUNK,
    )
    return replay


def terms_under(candidate: PlanCandidate, subscriber: Subscriber) -> MonthTerms:
    """Return what a subscriber would be held to.

    A discount stays the share it is, and a cap of their own what they set.
    """
    cap = subscriber.own_cap_nano
    return MonthTerms(
        base=candidate.base_for(
            subscriber.seats,
            interval=subscriber.interval,
            discount=subscriber.discount,
        ),
        allowance_nano=candidate.allowance_for(subscriber.seats),
        price=UsagePrice.flat(candidate.overage_percent),
        cap_nano=candidate.cap_nano if cap is None else cap,
        rates=candidate.rates,
    )


def _replayed(
    candidate: PlanCandidate, subscribers: Sequence[Subscriber], month: PastMonth
) -> Iterator[tuple[Subscriber, MonthBill, MonthBill]]:
    """Yield each subscriber's month today and under the candidate.

    In which order things were used matters only to those who use more than a plan
    includes; of the others, who are most, the sums are enough.
    """
    ids = [each.organisation_id for each in subscribers]
    sums = usage_by_model(ids, month)
    pairs = {
        each.organisation_id: (each, each.terms, terms_under(candidate, each))
        for each in subscribers
    }
    beyond = [
        pk
        for pk, (_each, *both) in pairs.items()
        if any(_used(sums.get(pk, []), terms) > terms.allowance_nano for terms in both)
    ]
    in_order = dict(usage_in_order(beyond, month)) if beyond else {}
    for pk, (each, now, then) in pairs.items():
        rows = in_order.get(pk) or sums.get(pk, [])
        yield (
            each,
            compute_month(rows, now, credit_nano=each.credit_nano),
            compute_month(rows, then, credit_nano=each.credit_nano),
        )


def _used(rows: Sequence[UsedRow], terms: MonthTerms) -> int:
    return sum(terms.counted(row) for row in rows)


def _bill(
    replay: Replay,
    subscriber: Subscriber,
    before: MonthBill,
    after: MonthBill,
    rate: ExchangeRate,
) -> ReplayedBill:
    def whole(bill: MonthBill) -> int:
        charge = rate.convert(minor_to_nano(bill.charge, CURRENCY))
        return minor_to_nano(bill.base, settings.REPORTING_CURRENCY) + charge

    return ReplayedBill(
        replay=replay,
        organisation_id=subscriber.organisation_id,
        before_nano=whole(before),
        after_nano=whole(after),
        cost_before_nano=rate.convert(before.cost_nano),
        cost_after_nano=rate.convert(after.cost_nano),
        refused_before_nano=rate.convert(before.refused_nano),
        refused_after_nano=rate.convert(after.refused_nano),
    )

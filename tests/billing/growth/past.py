"""Decisions, money and usage of long ago, in bulk."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Organisation
from billing.growth.models import Decision, Offer
from billing.growth.moments import Moment
from billing.ledger.models import Invoice, UsageCost

MOMENT = Moment.THIRD_ANSWER


def decided(
    organisations: list[Organisation],
    reason: str,
    offer: Offer | None,
    *,
    at: datetime,
    made: Offer | None = None,
    moment: str = MOMENT,
    occasion: str = "1",
    **fields: Any,
) -> list[Decision]:
    """Write decisions as they would have been made long ago."""
    return Decision.objects.bulk_create(
        Decision(
            moment=moment,
            organisation=organisation,
            occasion=occasion,
            decided_at=at,
            reason=reason,
            intended=offer,
            offer=made,
            offered_on=at.date() if made else None,
            expires_at=at + timedelta(days=14) if made else None,
            propensity=1,
            uniform=0,
            **{"context": {"held_chance": 0.1}, **fields},
        )
        for organisation in organisations
    )


def pay(
    organisations: list[Organisation], amount: int, *, at: datetime, **fields: Any
) -> None:
    Invoice.objects.bulk_create(
        Invoice(
            organisation=organisation,
            stripe_id=f"in_{organisation.pk}_{at.timestamp()}",
            status="paid",
            currency=fields.get("currency", "usd"),
            subtotal=amount,
            total=amount,
            amount_due=amount,
            amount_paid=amount,
            revenue=amount,
            told_paid=amount,
            told_returned=fields.get("returned", 0),
            issued_at=at,
            paid_at=at,
            fetched_at=at,
        )
        for organisation in organisations
    )


def use(organisations: list[Organisation], cost_nano: int, *, at: datetime) -> None:
    UsageCost.objects.bulk_create(
        UsageCost(
            organisation=organisation,
            model="m",
            edition="open",
            window=at,
            revision=1,
            requests=1,
            tokens_in=1,
            tokens_out=1,
            price_nano=cost_nano,
            cost_nano=cost_nano,
        )
        for organisation in organisations
    )

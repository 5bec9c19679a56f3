"""Putting right what a call was billed for: entries beside it, never a change of it."""

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce

from inference.catalog.models import PriceVersion
from inference.usage import quota
from inference.usage.exceptions import ImpossibleUsage
from inference.usage.models import (
    OrganisationMonth,
    UsageCorrection,
    UsageEvent,
    UsageHour,
)

SUMS = ("tokens_in", "tokens_cached", "tokens_out", "price_nano", "cost_nano")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a call used; money in billionths of a dollar."""

    tokens_in: int
    tokens_cached: int
    tokens_out: int
    price_nano: int
    cost_nano: int


# As long as the column: a sentence or two.
MOST_OF_A_REASON = 200


@transaction.atomic
def correct_usage(
    event: UsageEvent,
    *,
    tokens_in: int,
    tokens_out: int,
    reason: str,
    tokens_cached: int = 0,
    by_id: int | None = None,
) -> UsageCorrection | None:
    """Bill a call for these tokens from now on; return the entry that says so.

    The difference goes to the hour and the month of the call, at the price that was in
    force then. The call's row is locked: of two corrections the second sees the first,
    and one that changes nothing leaves no entry. Raises ``ImpossibleUsage``.
    """
    is_said = 0 < len(reason.strip()) <= MOST_OF_A_REASON
    if not 0 <= tokens_cached <= tokens_in or tokens_out < 0 or not is_said:
        raise ImpossibleUsage
    locked = UsageEvent.objects.select_for_update().get(pk=event.pk)
    version = PriceVersion.objects.get(pk=locked.price_version_id)
    counts = (tokens_in, tokens_cached, tokens_out)
    before = billed(locked)
    right = Used(
        tokens_in=tokens_in,
        tokens_cached=tokens_cached,
        tokens_out=tokens_out,
        price_nano=version.price_of(*counts, discount_bps=locked.discount_bps),
        cost_nano=version.cost_of(*counts),
    )
    added = {name: getattr(right, name) - getattr(before, name) for name in SUMS}
    if not any(added.values()):
        return None
    entry = UsageCorrection.objects.create(
        event=locked, made_by_id=by_id, reason=reason, **added
    )
    _add_to_sums(locked, added)
    month = locked.occurred_at.astimezone(UTC)
    key = locked.key
    transaction.on_commit(
        partial(
            quota.doubt,
            locked.organisation_id,
            f"{month:%Y%m}",
            locked.key_id,
            key.project_id if key else None,
            key.created_by_id if key else None,
        )
    )
    return entry


def billed(event: UsageEvent) -> Used:
    """Return what a call is billed for now: its row and the entries beside it."""
    entries: QuerySet[UsageCorrection] = event.corrections.all()
    sums: dict[str, Any] = entries.aggregate(
        **{name: Coalesce(Sum(name), 0) for name in SUMS}
    )
    return Used(**{name: getattr(event, name) + int(sums[name]) for name in SUMS})


def _add_to_sums(event: UsageEvent, added: dict[str, int]) -> None:
    """Move the hour and the month of a call, and have the hour reported again."""
    moment = event.occurred_at.astimezone(UTC)
    UsageHour.objects.filter(
        organisation_id=event.organisation_id,
        model=event.model,
        key_id=event.key_id,
        hour=moment.replace(minute=0, second=0, microsecond=0),
    ).update(
        is_reported=False,
        **{
            name: F(name) + added[name]
            for name in ("tokens_in", "tokens_out", "price_nano", "cost_nano")
        },
    )
    OrganisationMonth.objects.filter(
        organisation_id=event.organisation_id, month=moment.date().replace(day=1)
    ).update(
        price_nano=F("price_nano") + added["price_nano"],
        cost_nano=F("cost_nano") + added["cost_nano"],
    )

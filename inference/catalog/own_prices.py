"""What an organisation pays for each model: everybody's price, less its list's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from entitlements.own_prices import OwnPrices, in_force
from entitlements.queries import own_prices_for
from inference.catalog.models import Model, PriceVersion
from inference.catalog.pricing import discounted
from inference.catalog.queries import offered_models


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of a US dollar per million tokens: in, cached and out."""

    price_in: int
    price_cached_in: int
    price_out: int


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """One model at everybody's price and at the organisation's."""

    model: Model
    discount_bps: int
    listed: Rates
    own: Rates


@dataclass(frozen=True, slots=True)
class PriceSheet:
    """What an organisation pays now, and its lists that hold later."""

    current: OwnPrices | None
    to_come: tuple[OwnPrices, ...]
    rows: tuple[OwnPrice, ...]


def price_sheet(organisation_id: int, *, at: datetime | None = None) -> PriceSheet:
    """Return what an organisation pays for each model on offer. Three queries."""
    moment = at or timezone.now()
    lists = own_prices_for(organisation_id)
    current = in_force(lists, moment)
    return PriceSheet(
        current=current,
        to_come=tuple(each for each in lists if each.begins_at > moment),
        rows=tuple(_rows(current)),
    )


def _rows(own: OwnPrices | None) -> Iterator[OwnPrice]:
    for model in offered_models():
        prices: list[PriceVersion] = model.current  # type: ignore[attr-defined]
        if not prices:
            continue
        bps = own.discount_of(model.slug) if own else 0
        price = prices[0].price[:3]
        yield OwnPrice(model, bps, Rates(*price), Rates(*discounted(price, bps)))

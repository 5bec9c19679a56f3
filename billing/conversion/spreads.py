"""How unequal what people bring is, and the interval of π where that allows one."""

from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db.models import Avg, Count, F, FloatField, Max
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from billing.conversion.currency import ExchangeRate, dollar_rate
from billing.conversion.models import Account
from billing.conversion.reasons import Missing
from billing.conversion.stats.shares import Interval
from billing.conversion.stats.sums import Moments, enough_for_sum, sum_interval
from billing.conversion.units import CountedUnit, Population, population
from core.money import NANO, minor_per_unit

# Everybody who ever was in N changes little in an hour.
KEPT_FOR = 3600


@dataclass(frozen=True, slots=True)
class Spread:
    """π's interval in billionths, or why there is none and from how many there is."""

    interval: Interval | None
    reason: Missing | None
    needed: int


def profit_spread(people: Population, *, unit: CountedUnit) -> Spread:
    """Return between what a like group of as many would lie. At most four queries.

    Whether there are enough is decided by everybody who ever was in N and by the
    largest amount of any organisation, never by the group itself: one that happens to
    hold no large payment would seem more certain than it is.
    """
    rate = dollar_rate()
    if rate is None:
        return Spread(None, Missing.NO_RATE, 0)
    needed = enough_for_sum(_history(unit, rate))
    count = people.count()
    if count == 0:
        return Spread(None, Missing.NOBODY, needed)
    if count < needed:
        return Spread(None, Missing.TOO_UNEQUAL, needed)
    found = sum_interval(moments_of(people, rate))
    if found is None:
        return Spread(None, Missing.TOO_UNEQUAL, needed)
    return Spread(Interval(found.low * NANO, found.high * NANO), None, needed)


def moments_of(people: Population, rate: ExchangeRate) -> Moments:
    """Return the moments of each one's profit in units of money. Two queries.

    The mean is taken off before anything is squared: what is left of two large
    numbers would else be their rounding.
    """
    profit = _profit(rate)
    first = people.aggregate(count=Count("pk"), mean=Avg(profit))
    mean = first["mean"] or 0.0
    apart = profit - mean
    spread = people.aggregate(
        second=Avg(apart * apart), third=Avg(apart * apart * apart)
    )
    return Moments(
        first["count"], mean, spread["second"] or 0.0, spread["third"] or 0.0
    )


def _history(unit: CountedUnit, rate: ExchangeRate) -> Moments:
    key = f"conversion:history:{unit}:{settings.REPORTING_CURRENCY}:{rate.value}"
    known: Moments | None = cache.get(key)
    if known is None:
        everybody = population(unit).filter(activated_at__isnull=False)
        largest = Account.objects.aggregate(most=Max("revenue"))["most"] or 0
        units = minor_per_unit(settings.REPORTING_CURRENCY)
        known = moments_of(everybody, rate).with_one_more(largest / units)
        cache.set(key, known, KEPT_FOR)
    return known


def _profit(rate: ExchangeRate) -> Combinable:
    """Each one's profit in units of money."""
    units = float(minor_per_unit(settings.REPORTING_CURRENCY))
    revenue = Cast(F("revenue"), FloatField()) / units
    return revenue - Cast(F("cost_nano"), FloatField()) / (NANO / float(rate.value))

"""What usage beyond a plan costs, in words, and worked out for some amounts."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from core.money import NANO, format_nano
from entitlements.usage_price import Mode, Part, UsagePrice

# Usage that a price without a boundary of its own is worked out for.
PLAIN_EXAMPLES = (10 * NANO, 100 * NANO, 1_000 * NANO)


@dataclass(frozen=True, slots=True)
class Example:
    """What some usage beyond the plan would be charged, part by part."""

    usage_nano: int
    charge_nano: int
    parts: tuple[tuple[str, Part], ...]


def told(price: UsagePrice) -> list[str]:
    """Return what usage beyond the allowance costs, a sentence for each tier."""
    if not price.is_charged:
        return [gettext("Usage beyond it is refused")]
    if price.mode is Mode.PACKAGE:
        return [
            gettext(
                "Usage beyond it by the package: %(price)s for each %(size)s at the"
                " models' prices, a begun one counts whole"
            )
            % {
                "price": format_nano(price.package_price_nano, "usd"),
                "size": format_nano(price.package_nano, "usd"),
            }
        ]
    if price.mode is Mode.VOLUME:
        sentence = gettext(
            "If usage beyond it is %(tier)s: all of it at %(percent)s %% of the models'"
            " prices"
        )
    elif price.mode is Mode.GRADUATED:
        sentence = gettext(
            "Usage beyond it, %(tier)s: at %(percent)s %% of the models' prices"
        )
    else:
        sentence = gettext("Usage beyond it at %(percent)s %% of the model's price")
    return [
        sentence % {"tier": tier_named(price, number), "percent": tier.percent}
        for number, tier in enumerate(price.tiers, 1)
    ]


def tier_named(price: UsagePrice, number: int) -> str:
    """Return the usage that a tier is of; the first tier is 1."""
    tier = price.tiers[number - 1]
    begins = price.tiers[number - 2].up_to_nano if number > 1 else None
    if begins is None and tier.up_to_nano is None:
        return gettext("all of it")
    if tier.up_to_nano is None:
        return gettext("above %(start)s") % {"start": format_nano(begins or 0, "usd")}
    end = format_nano(tier.up_to_nano, "usd")
    if begins is None:
        return gettext("up to %(end)s") % {"end": end}
    start = format_nano(begins, "usd")
    return gettext("from %(start)s to %(end)s") % {"start": start, "end": end}


def packages_named(count: int) -> str:
    """Return how many packages a line is about; below nought they are given back."""
    return ngettext("%(count)s package", "%(count)s packages", count) % {"count": count}


def examples(price: UsagePrice) -> Iterator[Example]:
    """Yield what usage would be charged on both sides of each boundary."""
    for usage in sorted(_amounts(price)):
        parts = tuple(price.parts_of(usage))
        yield Example(
            usage,
            sum(part.charge_nano for part in parts),
            tuple((part_named(price, part), part) for part in parts),
        )


def part_named(price: UsagePrice, part: Part) -> str:
    """Return what a part of a period is of: the tier, or how many packages."""
    if price.mode is Mode.PACKAGE:
        return packages_named(part.charge_nano // price.package_price_nano)
    return tier_named(price, part.tier)


def _amounts(price: UsagePrice) -> set[int]:
    if price.mode is Mode.PACKAGE:
        size = price.package_nano
        return {size // 2, size, size + NANO, 10 * size}
    ends = [tier.up_to_nano for tier in price.tiers if tier.up_to_nano is not None]
    if not ends:
        return set(PLAIN_EXAMPLES) if price.is_charged else set()
    return {ends[0] // 2, *ends, *(end + NANO for end in ends), 2 * ends[-1]}

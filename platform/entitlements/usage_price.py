"""What usage beyond the allowance costs: at one rate, or by tiers, in integers.

Tiers mean what they mean at Stripe (``tiers_mode``, ``transform_quantity``), with usage
at list price in the place of a quantity: the sum of a period, over all models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from core.money import NANO

# Ten times the price of a model: more is a typing error.
MOST_PERCENT = 1_000
# A hundred million dollars of usage in one period: beyond it every sum still fits.
MOST_USAGE_NANO = 100_000_000 * NANO
# More than anybody would read.
MOST_TIERS = 10


class Mode(StrEnum):
    """How the tiers of a price are used."""

    # One rate, or none: then usage is refused.
    FLAT = "flat"
    # Each tier's own usage at its rate.
    GRADUATED = "graduated"
    # All usage at the rate of the tier that the whole has reached.
    VOLUME = "volume"
    # By the package; one that was begun counts whole.
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Tier:
    """Usage up to and with an amount, None in the last; per cent of its list price."""

    up_to_nano: int | None
    percent: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one tier has of a period, in billionths; the first tier is 1."""

    tier: int
    usage_nano: int
    charge_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePrice:
    """What a period's usage beyond its allowance costs.

    A flat price is one tier without an end, and without a tier usage is refused. Raises
    ``ValueError`` for tiers that no usage could be charged by.
    """

    mode: Mode = Mode.FLAT
    tiers: tuple[Tier, ...] = ()
    package_nano: int = 0
    package_price_nano: int = 0

    def __post_init__(self) -> None:
        """Refuse what would be charged otherwise than it reads."""
        if self.mode is Mode.PACKAGE:
            amounts = (self.package_nano, self.package_price_nano)
            if self.tiers or not all(0 < each <= MOST_USAGE_NANO for each in amounts):
                raise ValueError("A package has a size and a price, and no tiers.")
            return
        if self.package_nano or self.package_price_nano:
            raise ValueError("Only packages have a size.")
        if self.mode is Mode.FLAT and not self.tiers:
            return
        ends = [tier.up_to_nano for tier in self.tiers]
        most = 1 if self.mode is Mode.FLAT else MOST_TIERS
        if not 0 < len(ends) <= most or ends[-1] is not None:
            raise ValueError("The last of a few tiers has no end.")
        before = 0
        for end in ends[:-1]:
            if end is None or not before < end <= MOST_USAGE_NANO:
                raise ValueError("Each tier ends after the one before it.")
            before = end
        if not all(0 < tier.percent <= MOST_PERCENT for tier in self.tiers):
            raise ValueError(f"A tier has 1 to {MOST_PERCENT} per cent.")

    @classmethod
    def flat(cls, percent: int) -> Self:
        """Return the price of one rate; at 0 usage is refused."""
        return cls(tiers=(Tier(None, percent),) if percent else ())

    @classmethod
    def from_stored(cls, percent: int, tiers: Mapping[str, Any] | None) -> Self:
        """Rebuild from the two columns that each table of prices has."""
        if tiers is None:
            return cls.flat(percent)
        return cls(
            mode=Mode(tiers["mode"]),
            tiers=tuple(Tier(*each) for each in tiers.get("tiers", ())),
            package_nano=tiers.get("package_nano", 0),
            package_price_nano=tiers.get("package_price_nano", 0),
        )

    @property
    def percent(self) -> int:
        """The one rate of a flat price; 0 where there is none or more than one."""
        return self.tiers[0].percent if self.mode is Mode.FLAT and self.tiers else 0

    @property
    def stored_tiers(self) -> dict[str, Any] | None:
        """The column beside ``percent``; None for a flat price."""
        if self.mode is Mode.FLAT:
            return None
        if self.mode is Mode.PACKAGE:
            return {
                "mode": self.mode.value,
                "package_nano": self.package_nano,
                "package_price_nano": self.package_price_nano,
            }
        tiers = [[tier.up_to_nano, tier.percent] for tier in self.tiers]
        return {"mode": self.mode.value, "tiers": tiers}

    @property
    def is_charged(self) -> bool:
        """Whether usage beyond the allowance is charged, rather than refused."""
        return self.mode is Mode.PACKAGE or bool(self.tiers)

    @property
    def is_tiered(self) -> bool:
        """Whether a charge is known of the whole period only, not model by model."""
        return self.mode is not Mode.FLAT

    def charge_of(self, usage_nano: int) -> int:
        """Return what a period's usage is charged, rounded down once."""
        return sum(part.charge_nano for part in self.parts_of(usage_nano))

    def parts_of(self, usage_nano: int) -> Iterator[Part]:
        """Yield what each tier that was reached has; charges sum to the whole.

        Of usage below nought only a flat price knows what it takes back.
        """
        if not usage_nano or not self.is_charged:
            return
        if self.mode is Mode.PACKAGE:
            packages = -(-usage_nano // self.package_nano)
            yield Part(1, usage_nano, packages * self.package_price_nano)
        elif self.mode is Mode.VOLUME:
            number, tier = self._reached(usage_nano)
            yield Part(number, usage_nano, usage_nano * tier.percent // 100)
        else:
            yield from self._graduated(usage_nano)

    def percent_of(self, tier: int) -> int:
        """Return the rate of a tier, the first is 1; packages have none: 0."""
        return 0 if self.mode is Mode.PACKAGE else self.tiers[tier - 1].percent

    def most_usage(self, cap_nano: int) -> int:
        """Return the usage until which no charge has passed a cap on the way there."""
        if not self.is_charged or cap_nano <= 0:
            return 0
        if self.mode is Mode.PACKAGE:
            found = cap_nano // self.package_price_nano * self.package_nano
        elif self.mode is Mode.VOLUME:
            found = self._most_by_volume(cap_nano)
        else:
            found = self._most_by_tier(cap_nano)
        return min(found, MOST_USAGE_NANO)

    def _graduated(self, usage_nano: int) -> Iterator[Part]:
        # In hundredths of a billionth, rounded where they add up: no tier loses any.
        begins, hundredths = 0, 0
        for number, tier in enumerate(self.tiers, 1):
            end = usage_nano if tier.up_to_nano is None else tier.up_to_nano
            used = min(usage_nano, end) - begins
            before = hundredths // 100
            hundredths += used * tier.percent
            yield Part(number, used, hundredths // 100 - before)
            if usage_nano <= end:
                return
            begins = end

    def _reached(self, usage_nano: int) -> tuple[int, Tier]:
        for number, tier in enumerate(self.tiers, 1):
            if tier.up_to_nano is None or usage_nano <= tier.up_to_nano:
                return number, tier
        raise AssertionError("The last tier has no end.")

    def _most_by_tier(self, cap_nano: int) -> int:
        left, begins = cap_nano * 100, 0
        for tier in self.tiers:
            if tier.up_to_nano is None:
                break
            costs = (tier.up_to_nano - begins) * tier.percent
            if costs > left:
                break
            left -= costs
            begins = tier.up_to_nano
        return begins + left // tier.percent

    def _most_by_volume(self, cap_nano: int) -> int:
        begins = 0
        for tier in self.tiers:
            most = cap_nano * 100 // tier.percent
            if tier.up_to_nano is None or most < tier.up_to_nano:
                return max(most, begins)
            begins = tier.up_to_nano
        raise AssertionError("The last tier has no end.")


REFUSED = UsagePrice()

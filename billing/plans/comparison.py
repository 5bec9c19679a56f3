"""What sets the plans apart, row by row, and what usage they would cover."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import NANO
from entitlements.features import Features


@dataclass(frozen=True, slots=True)
class Cell:
    """One plan's value of one feature: a count, money, hours, a yes or a no."""

    kind: str
    value: int | bool | None


@dataclass(frozen=True, slots=True)
class Row:
    """One feature across the plans."""

    label: Promise
    cells: list[Cell]


_ROWS: tuple[tuple[Promise, str, Callable[[Features], int | bool | None]], ...] = (
    (_("Open models"), "flag", lambda features: True),
    (_("Premium models"), "flag", lambda features: features.premium_models),
    (
        _("Usage included per month"),
        "nano",
        lambda features: features.monthly_allowance_nano,
    ),
    (_("Usage beyond that"), "flag", lambda features: features.overage),
    (_("Requests per minute"), "count", lambda features: features.requests_per_minute),
    (_("Tokens per minute"), "count", lambda features: features.tokens_per_minute),
    (
        _("Requests at the same time"),
        "count",
        lambda features: features.concurrent_requests,
    ),
    (_("Seats"), "count", lambda features: features.seats),
    (_("First answer from support"), "hours", lambda features: features.support_hours),
    (_("Audit log"), "flag", lambda features: features.audit_log),
    (_("Single sign-on"), "flag", lambda features: features.sso),
)


def comparison(columns: Sequence[Features]) -> list[Row]:
    """Return one row per feature, one cell per plan."""
    return [
        Row(label, [Cell(kind, read(features)) for features in columns])
        for label, kind, read in _ROWS
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a month of usage is worth, from millions of tokens and prices for them."""

    tokens_in: Decimal
    tokens_out: Decimal
    price_in: Decimal
    price_out: Decimal

    @classmethod
    def from_query(cls, query: dict[str, str]) -> "Estimate | None":
        """Return the estimate asked for; None without numbers that make sense.

        ``rates`` holds both prices of a chosen model, separated by a comma.
        """
        asked = dict(query)
        price_in, _comma, price_out = query.get("rates", "").partition(",")
        if price_in and price_out:
            asked |= {"price_in": price_in, "price_out": price_out}
        try:
            values = {
                name: Decimal(asked.get(name) or 0)
                for name in ("tokens_in", "tokens_out", "price_in", "price_out")
            }
        except InvalidOperation:
            return None
        is_sane = all(
            value.is_finite() and 0 <= value <= 1_000_000 for value in values.values()
        )
        return cls(**values) if is_sane and any(values.values()) else None

    @property
    def rates(self) -> str:
        """Both prices as a choice of model names them."""
        return f"{self.price_in.normalize():f},{self.price_out.normalize():f}"

    @property
    def nano(self) -> int:
        """The value in billionths of a dollar."""
        value = self.tokens_in * self.price_in + self.tokens_out * self.price_out
        return int(value * NANO)

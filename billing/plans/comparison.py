"""What sets the plans apart, row by row, and what usage they would cover."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import NANO, format_nano
from entitlements.features import Features


@dataclass(frozen=True, slots=True)
class Sold:
    """Something a plan includes: its name, its kind of value and its feature.

    There is no line without a feature, and no feature without code that keeps it.
    """

    label: Promise
    kind: str
    feature: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One plan's value of one feature: a count, money, a yes or a no."""

    kind: str
    value: int | bool


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature across the plans."""

    label: Promise
    cells: list[Cell]


SOLD = (
    Sold(_("Premium models"), "flag", "premium_models"),
    Sold(_("Usage included per month"), "nano", "monthly_allowance_nano"),
    Sold(_("Requests per minute"), "count", "requests_per_minute"),
    Sold(_("Tokens per minute"), "count", "tokens_per_minute"),
    Sold(_("Requests at the same time"), "count", "concurrent_requests"),
    Sold(_("Seats"), "count", "seats"),
    Sold(_("Audit log"), "flag", "audit_log"),
)


def comparison(columns: Sequence[Features]) -> list[FeatureRow]:
    """Return one row per feature, one cell per plan."""
    return [
        FeatureRow(
            sold.label,
            [Cell(sold.kind, getattr(each, sold.feature)) for each in columns],
        )
        for sold in SOLD
    ]


def highlights(features: Features) -> Iterator[str]:
    """Yield what a plan's card says it includes, in the language of the moment."""
    if features.premium_models:
        yield gettext("Open and premium models")
    else:
        yield gettext("Open models")
    yield gettext("%(value)s of usage every month") % {
        "value": format_nano(features.monthly_allowance_nano, "usd")
    }
    yield gettext("%(count)s requests per minute") % {
        "count": intcomma(features.requests_per_minute)
    }
    if features.audit_log:
        yield gettext("Audit log")


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

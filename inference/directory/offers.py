"""A model on offer as the gateway reads it: its prices, its limits, its places."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from entitlements.own_prices import OwnPrices
from inference.catalog.models import Deployment, Model
from inference.catalog.pricing import amount_of, discounted, worst_of


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that can be called, with its price and the places that run it."""

    slug: str
    edition: str
    owned_by: str
    created: int
    context_tokens: int
    max_output_tokens: int
    default_output_tokens: int
    bytes_per_token: float
    # Rates for the prompt, its cached part, the answer and their parts (``rates_of``).
    price_version_id: int
    price: tuple[int, ...]
    cost: tuple[int, ...]
    deployments: tuple[Deployment, ...]
    capabilities: frozenset[str] = frozenset()
    # Fields beyond the known ones that every one of its deployments takes.
    accepts: frozenset[str] = frozenset()
    # Models that may answer in its place, in order, if their rates are at most so many
    # per cent of its own.
    fallbacks: tuple[str, ...] = ()
    fallback_ceiling: int = 100
    # Deployments that staff have left alone for now, by number.
    paused: frozenset[int] = frozenset()
    # Of a caller with a price list: which one, and what it takes off ``price``.
    price_list_id: int | None = None
    discount_bps: int = 0

    def priced_by(self, own: OwnPrices) -> "OfferedModel":
        """Return the model at the prices of a caller's list."""
        bps = own.discount_of(self.slug)
        if not bps:
            return self
        return replace(
            self,
            price=discounted(self.price, bps),
            price_list_id=own.list_id,
            discount_bps=bps,
        )

    @property
    def is_premium(self) -> bool:
        return self.edition == Model.Edition.PREMIUM

    def price_of(
        self,
        tokens_in: int,
        cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
    ) -> int:
        """Return what tokens are sold for, in billionths of a dollar."""
        return amount_of(
            self.price,
            tokens_in=tokens_in,
            tokens_cached=cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def cost_of(
        self,
        tokens_in: int,
        cached: int,
        tokens_out: int,
        parts: Mapping[str, int] | None = None,
    ) -> int:
        """Return what tokens cost us, in billionths of a dollar."""
        return amount_of(
            self.cost,
            tokens_in=tokens_in,
            tokens_cached=cached,
            tokens_out=tokens_out,
            parts=parts,
        )

    def may_stand_in_for(self, asked: "OfferedModel") -> bool:
        """Tell whether no token of this model is dearer than the other's ceiling."""
        return all(
            mine * 100 <= theirs * asked.fallback_ceiling
            for mine, theirs in zip(self.price[:3], asked.price[:3], strict=True)
        )

    def worst_price_of(
        self, tokens_in: int, tokens_out: int, parts: tuple[str, ...] = ()
    ) -> int:
        """Return the most that tokens are sold for, if any may be one of ``parts``."""
        return worst_of(
            self.price, tokens_in=tokens_in, tokens_out=tokens_out, parts=parts
        )

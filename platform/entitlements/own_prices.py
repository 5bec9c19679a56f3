"""What one organisation pays less for models than everybody: its price list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self

# Hundredths of a percent.
WHOLE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrices:
    """A price list: a discount on every model, or another one on some, while it holds.

    Discounts are in hundredths of a percent of everybody's price, so a list never makes
    a call dearer. A model's own discount goes before the one for all, also a smaller
    one. ``list_id`` is the number of billing's row; without ``ends_at`` it holds until
    it is revoked.
    """

    list_id: int
    begins_at: datetime
    ends_at: datetime | None = None
    discount_bps: int = 0
    models: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, at: datetime) -> bool:
        """Tell whether the list is in force at a moment."""
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)

    def discount_of(self, model: str) -> int:
        """Return what is taken off a model's price, in hundredths of a percent."""
        return self.models.get(model, self.discount_bps)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return {
            "list_id": self.list_id,
            "begins_at": self.begins_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "discount_bps": self.discount_bps,
            "models": dict(self.models),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild from stored values."""
        ends_at = stored["ends_at"]
        return cls(
            list_id=stored["list_id"],
            begins_at=datetime.fromisoformat(stored["begins_at"]),
            ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
            discount_bps=stored["discount_bps"],
            models=MappingProxyType(dict(stored["models"])),
        )


def in_force(lists: Iterable[OwnPrices], at: datetime) -> OwnPrices | None:
    """Return the list of a moment; no two of an organisation hold at once."""
    return next((each for each in lists if each.holds(at)), None)

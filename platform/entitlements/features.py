"""The vocabulary of entitlements."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from core.money import NANO


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What an organisation may do.

    ``monthly_allowance_nano`` is the value of usage included each calendar month
    (UTC), in billionths of a US dollar; beyond it calls are refused unless
    ``overage``. ``support_hours`` is the promised first answer, if any.
    """

    plan: str = "free"
    premium_models: bool = False
    requests_per_minute: int = 60
    tokens_per_minute: int = 60_000
    concurrent_requests: int = 4
    monthly_allowance_nano: int = 1 * NANO
    overage: bool = False
    seats: int = 1
    support_hours: int | None = None
    sso: bool = False
    audit_log: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild from stored values; unknown ones are dropped."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


FREE = Features()

"""The vocabulary of entitlements."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from core.money import NANO

_WHOLE = (
    "requests_per_minute",
    "tokens_per_minute",
    "concurrent_requests",
    "monthly_allowance_nano",
    "seats",
)
_FLAGS = ("premium_models", "overage", "sso", "audit_log")


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

    def __post_init__(self) -> None:
        """Refuse what a typing error in a plan would otherwise make a limit of."""
        for name in _WHOLE:
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} has to be a whole number, not {value!r}.")
        for name in _FLAGS:
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} has to be true or false.")
        if not isinstance(self.plan, str) or not self.plan:
            raise ValueError("plan has to be a name.")
        if self.seats < 1:
            raise ValueError("seats has to be at least 1.")
        hours = self.support_hours
        if hours is not None and (type(hours) is not int or hours < 1):
            raise ValueError(f"support_hours has to be hours or none, not {hours!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild from stored values; unknown ones are dropped."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


FREE = Features()

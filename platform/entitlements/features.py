"""The vocabulary of entitlements."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

from core.money import NANO

_WHOLE = (
    "requests_per_minute",
    "tokens_per_minute",
    "concurrent_requests",
    "monthly_allowance_nano",
    "seats",
)
_FLAGS = ("premium_models", "audit_log")
_ADMISSION = "inference.gateway.admission.Admission._ask"

T = TypeVar("T")


def _kept(default: T, *, by: str) -> T:
    """Return a field with the code that enforces it.

    What nothing keeps is not sold: a test follows every name to its code.
    """
    return field(default=default, metadata={"kept_by": by})


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What an organisation may do.

    ``monthly_allowance_nano`` is the value of usage included each month of the
    subscription, else of the calendar (``terms``), in billionths of a US dollar; beyond
    it credit is drawn (``credit.Credit``), and without credit calls are charged or
    refused. ``seats`` is how many members may be there; nobody is sent away when there
    are more.
    """

    plan: str = "free"
    premium_models: bool = _kept(False, by="inference.gateway.eligibility.find_model")
    requests_per_minute: int = _kept(60, by=_ADMISSION)
    tokens_per_minute: int = _kept(60_000, by=_ADMISSION)
    concurrent_requests: int = _kept(4, by=_ADMISSION)
    monthly_allowance_nano: int = _kept(
        1 * NANO, by="inference.directory.callers.Caller.most_of"
    )
    seats: int = _kept(1, by="entitlements.seats.seats_of")
    audit_log: bool = _kept(False, by="audit.views.record_csv")

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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild from stored values; unknown ones are dropped."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


FREE = Features()

"""Reading an object of a request by its fields, each refused by its place."""

import math
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from core import documents
from inference.protocol.errors import bad_request

# What programs send for "as many as there are"; more is no number of tokens.
MOST = 2**31 - 1
# Of a name nobody here knows: enough to find it, too little to fill a log with.
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Fields:
    """An object and where it stands, as ``messages[0].content[1]``.

    A field that is null counts as one that was left out. What is read wrongly
    raises ``APIError`` naming the field.
    """

    value: dict[str, Any]
    at: str = ""

    def place(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def has(self, name: str) -> bool:
        return self.value.get(name) is not None

    def only(self, known: Set[str]) -> None:
        """Refuse a field that is not among the ``known``."""
        for name in self.value:
            if name not in known:
                place = self.place(name[:_SHOWN])
                raise bad_request(f"`{place}` is not accepted here.", place)

    def without(self, *names: str, why: str) -> None:
        """Refuse fields that are known and cannot be served."""
        for name in names:
            if self.value.get(name):
                place = self.place(name)
                raise bad_request(f"`{place}` is not supported: {why}", place)

    def text(self, name: str) -> str:
        """Return a text that has to be there; it may be empty."""
        text = self.optional_text(name)
        if text is None:
            place = self.place(name)
            raise bad_request(f"`{place}` is required.", place)
        return text

    def optional_text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self.value.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            raise self._wrong(name, f"a number from {low:g} to {high:g}")
        return float(value) if isinstance(value, float) else int(value)

    def count(self, name: str, low: int = 1, high: int = MOST) -> int | None:
        value = self.value.get(name)
        if value is None:
            return None
        is_count = isinstance(value, int) and not isinstance(value, bool)
        if not is_count or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return int(value)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str | None:
        value = self.optional_text(name)
        if value is not None and value not in allowed:
            raise self._wrong(name, f"one of {', '.join(allowed)}")
        return value

    def object(self, name: str) -> "Fields | None":
        value = self.value.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(value, self.place(name))

    def required_object(self, name: str) -> "Fields":
        value = self.object(name)
        if value is None:
            place = self.place(name)
            raise bad_request(f"`{place}` is required.", place)
        return value

    def objects(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of a list."""
        values = self.value.get(name)
        if values is None:
            return
        if not isinstance(values, list):
            raise self._wrong(name, "a list")
        for index, value in enumerate(values):
            place = f"{self.place(name)}[{index}]"
            if not isinstance(value, dict):
                raise bad_request(f"`{place}` has to be an object.", place)
            yield Fields(value, place)

    def texts(self, name: str) -> list[str]:
        values = self.value.get(name)
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise self._wrong(name, "a list of texts")
        return values

    def refuse_kind(self, kind: str) -> Exception:
        """Return the refusal of an object whose ``type`` nobody here knows."""
        place = self.place("type")
        return bad_request(f"`{place}` `{kind[:_SHOWN]}` is not supported.", place)

    def _wrong(self, name: str, wanted: str) -> Exception:
        place = self.place(name)
        return bad_request(f"`{place}` has to be {wanted}.", place)


def object_of(body: bytes) -> Fields:
    """Read a measured body. Raises ``APIError``."""
    try:
        payload = documents.parse(body)
    except documents.BadDocument as error:
        raise bad_request(str(error)) from error
    if not isinstance(payload, dict):
        raise bad_request("The body has to be a JSON object.")
    return Fields(payload)

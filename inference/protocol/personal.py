"""Personal data in a request, put out of a model's sight.

What is found by its form and its check digits is replaced wherever a request says
something; the same value by the same name throughout the request, so that a model can
still tell one person's address from another's. Names, streets and birthdays have no
form: they stay.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from string import digits
from typing import Any

import orjson
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.us import ssn

from core import documents

# Letters that are searched at once: others get their turn after each millisecond …
PIECE = 65_536
# … and how many the longest of what is found has, so that none is cut in two.
LONGEST = 1_000
# Values of these name something or are bytes in letters: nothing is said in them.
_NOT_SAID = frozenset(
    {"model", "role", "type", "id", "call_id", "tool_call_id", "name", "format"}
    | {"url", "image_url", "data", "file_data", "file_id", "media_type", "encoding"}
    | {"previous_response_id", "prompt_cache_key"}
)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_number_of_a_person(text: str) -> bool:
    return ric.is_valid(text) if len(text) == 18 else ssn.is_valid(text)


def _is_phone(text: str) -> bool:
    # E.164: at most fifteen digits; fewer than eight are no whole number.
    return 8 <= sum(sign in digits for sign in text) <= 15


def _always(_text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Form:
    """How a kind of data is written, and what tells it from other such signs."""

    kind: str
    pattern: re.Pattern[str]
    is_real: Callable[[str], bool]


def _is_card(text: str) -> bool:
    return luhn.is_valid(text.replace(" ", "").replace("-", ""))


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


# Each repetition has an end, so no text makes a search slow. The longer come first:
# what is in a card's number is no phone's. Letters are ASCII's, so that each is found
# between Chinese characters, which no space divides.
_FORMS = (
    _Form(
        "email",
        _compiled(
            r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}(?![\w-])"
        ),
        _always,
    ),
    _Form(
        "iban",
        _compiled(
            r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"
        ),
        iban.is_valid,
    ),
    _Form(
        "id_number",
        _compiled(r"(?<![\dA-Za-z])(?:\d{17}[\dXx]|\d{3}-\d{2}-\d{4})(?![\dA-Za-z])"),
        _is_number_of_a_person,
    ),
    _Form(
        "card",
        # From Mastercard's 2 to UnionPay's 6; a moment in milliseconds begins with 1.
        _compiled(r"(?<![\d.])[2-6](?:[ -]?\d){13,18}(?![\d.]?\d)"),
        _is_card,
    ),
    _Form(
        "phone",
        _compiled(
            r"(?<![\w+])(?:\+\d{1,3}(?:[ .()-]{0,2}\d){6,14}"
            r"|1[3-9]\d[ -]?\d{4}[ -]?\d{4})(?![\d])"
        ),
        _is_phone,
    ),
    _Form(
        "ip_address",
        _compiled(
            r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}"
            r"(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)"
        ),
        _is_address,
    ),
)


KINDS = frozenset(form.kind for form in _FORMS)


@dataclass(slots=True)
class Hidden:
    """What was put out of sight: each value, and the name it was given."""

    kinds: frozenset[str]
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many different values of each kind."""
        found: dict[str, int] = {}
        for kind, _value in self.names:
            found[kind] = found.get(kind, 0) + 1
        return found

    def in_text(self, text: str) -> str:
        """Return a text without what is hidden."""
        for form in _FORMS:
            if form.kind in self.kinds:
                text = "".join(self._pieces_without(form, text))
        return text

    def in_value(self, value: Any) -> Any:
        """Return a value of JSON without what is hidden in its texts."""
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, list):
            return [self.in_value(each) for each in value]
        if isinstance(value, dict):
            return {key: self._in_field(key, each) for key, each in value.items()}
        return value

    def in_arguments(self, value: Any) -> Any:
        """Return what a tool was called with, without what is hidden.

        Its fields are the tool's own, and a model reads all of it as one text: their
        names, and numbers as well.
        """
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            written = str(value)
            without = self.in_text(written)
            return value if without == written else without
        if isinstance(value, list):
            return [self.in_arguments(each) for each in value]
        if isinstance(value, dict):
            return {
                self.in_text(key): self.in_arguments(each)
                for key, each in value.items()
            }
        return value

    def _in_field(self, name: str, value: Any) -> Any:
        if name in _NOT_SAID:
            return value
        if name == "input" and isinstance(value, dict):
            return self.in_arguments(value)
        return self.in_value(value)

    def _pieces_without(self, form: _Form, text: str) -> Iterator[str]:
        told = 0
        for start in range(0, len(text), PIECE):
            end = start + PIECE
            found = form.pattern.finditer(text, max(start, told), end + LONGEST)
            for match in found:
                if match.start() >= end:
                    break
                if form.is_real(match.group()):
                    yield text[told : match.start()]
                    yield self._name_of(form.kind, match.group())
                    told = match.end()
        yield text[told:]

    def _name_of(self, kind: str, value: str) -> str:
        known = self.names.get((kind, value))
        if known is None:
            number = self.counts.get(kind, 0) + 1
            known = self.names[kind, value] = f"[{kind.upper()}_{number}]"
        return known


def hide(body: bytes, kinds: frozenset[str]) -> tuple[bytes, dict[str, int]]:
    """Return a measured body without personal data, and how much of each kind it had.

    One that is no JSON is returned as it is: what reads it next says so.
    """
    try:
        value = documents.parse(body)
    except documents.BadDocument:
        return body, {}
    hidden = Hidden(kinds)
    without = hidden.in_value(value)
    return (orjson.dumps(without), hidden.counts) if hidden.names else (body, {})


def told(counts: dict[str, int]) -> Iterator[str]:
    """Yield what was hidden, as the answer's header says it: ``email=2``."""
    for kind in sorted(counts):
        yield f"{kind}={counts[kind]}"

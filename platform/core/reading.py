"""Single values from outside, read by their type.

Forms read forms and serializers read the REST API. What is left, the words of an
address and the one field of a button, is read here and nowhere else: a value is
what it is declared to be, or the page answers 400 and names the field.
"""

from collections.abc import Collection, Iterable
from datetime import date

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from core.errors import DomainError

# Days far from both ends of the calendar, so that ranges can be compared and moved.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
# All of them fit into a bigint, whose largest value has nineteen.
MOST_DIGITS = 18


class UnreadableValue(DomainError):
    """A value that is not of its kind; ``field`` names it."""

    code = "invalid"
    status = 400

    def __init__(self, field: str, message: str, **values: object) -> None:
        """Fill a translated ``message`` with ``field`` and its other values."""
        super().__init__(message % {"field": field[:40], **values})
        self.field = field


class Values:
    """The values of a query or a form, of which none is trusted.

    What is absent or empty is the default; what is wrong raises ``UnreadableValue``.
    """

    def __init__(self, sent: QueryDict) -> None:
        self._sent = sent

    def has(self, name: str) -> bool:
        """Tell whether a value was sent at all, as a button's name is."""
        return name in self._sent

    def text(
        self, name: str, *, default: str = "", most: int = 200, strip: bool = True
    ) -> str:
        """Return text of at most ``most`` characters."""
        value = self._value(name)
        value = value.strip() if strip else value
        if len(value) > most:
            raise UnreadableValue(
                name, _("“%(field)s” has at most %(most)d characters."), most=most
            )
        return value or default

    def choice(self, name: str, allowed: Collection[str], *, default: str = "") -> str:
        """Return one of ``allowed``."""
        value = self._value(name)
        if not value:
            return default
        if value not in allowed:
            words = ", ".join(word for word in allowed if word)
            raise UnreadableValue(
                name, _("“%(field)s” has to be one of these: %(words)s."), words=words
            )
        return value

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""
        value = self._value(name).strip()
        if not value:
            return default
        number = whole_number(value)
        if number is None or not least <= number <= most:
            raise UnreadableValue(
                name,
                _("“%(field)s” has to be a whole number from %(least)d to %(most)d."),
                least=least,
                most=most,
            )
        return number

    def day(self, name: str, *, default: date | None = None) -> date | None:
        """Return a day, written as ``2026-01-31``."""
        value = self._value(name).strip()
        if not value:
            return default
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or len(value) != 10 or not FIRST_DAY <= day <= LAST_DAY:
            raise UnreadableValue(
                name, _("“%(field)s” has to be a day such as 2026-01-31.")
            )
        return day

    def flag(self, name: str) -> bool:
        """Return whether something is wished: ``1`` is yes, ``0`` or nothing is no."""
        return self.choice(name, ("1", "0")) == "1"

    def _value(self, name: str) -> str:
        return str(self._sent.get(name) or "")


def whole_number(text: str) -> int | None:
    """Return the number that ASCII digits write; None for anything else.

    ``str.isdigit`` is true of “²”, ``str.isdecimal`` of the digits of every script,
    and ``int`` of a number too long to be computed with.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        return None
    return int(text)


def field_with_nul(request: HttpRequest) -> str | None:
    """Return the field whose name or value holds what PostgreSQL cannot keep."""
    sent: Iterable[QueryDict] = (
        (request.GET, request.POST) if request.method == "POST" else (request.GET,)
    )
    for values in sent:
        for name, listed in values.lists():
            if "\0" in name or any("\0" in value for value in listed):
                return name.replace("\0", "")
    return None


def cursor_of(request: HttpRequest) -> str:
    """Return where a page of a list begins, as ``paginate`` takes it."""
    # Ours are a signed sort key and primary key: some hundred characters.
    return Values(request.GET).text("cursor", most=1000)

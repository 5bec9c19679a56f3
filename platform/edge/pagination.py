"""Keyset pages: stable under inserts, equally fast at any depth.

A cursor is signed and opaque; it holds the sort values of the row it stands at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.paginator import InvalidPage
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

M = TypeVar("M", bound=Model)
_SALT = "keyset"


class BadCursor(DomainError, InvalidPage):
    """The cursor was changed, cut off or made for another list."""

    code = "bad_cursor"
    status = 400
    message = _("That page address is not valid. Start again from the first page.")


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[M]):
    """One page of rows and the cursors of its neighbours (``""`` when none)."""

    items: list[M]
    next_cursor: str
    previous_cursor: str

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def paginate(
    queryset: QuerySet[M],
    *,
    order_by: Sequence[str] = ("-pk",),
    cursor: str | None = None,
    page_size: int = 30,
) -> CursorPage[M]:
    """Return the page of ``queryset`` that ``cursor`` points at.

    ``order_by`` names non-null columns of the model; the last one must be unique.
    Raises ``BadCursor``.
    """
    position, backwards = _read(cursor, order_by) if cursor else (None, False)
    rows = queryset.order_by(*(_turn(name, backwards) for name in order_by))
    if position is not None:
        rows = rows.filter(_beyond(order_by, position, backwards))
    items = list(rows[: page_size + 1])
    has_more = len(items) > page_size
    items = items[:page_size]
    if backwards:
        items.reverse()
    has_next = has_more or backwards
    has_previous = (has_more if backwards else True) and position is not None
    return CursorPage(
        items=items,
        next_cursor=_write(items[-1], order_by, "n") if items and has_next else "",
        previous_cursor=_write(items[0], order_by, "p")
        if items and has_previous
        else "",
    )


def _turn(name: str, backwards: bool) -> str:
    if not backwards:
        return name
    return name[1:] if name.startswith("-") else f"-{name}"


def _beyond(order_by: Sequence[str], position: Sequence[Any], backwards: bool) -> Q:
    condition = Q()
    equal = Q()
    for name, value in zip(order_by, position, strict=True):
        field = name.lstrip("-")
        descending = name.startswith("-") != backwards
        comparison = "lt" if descending else "gt"
        condition |= equal & Q(**{f"{field}__{comparison}": value})
        equal &= Q(**{field: value})
    first = order_by[0].lstrip("-")
    bound = "lte" if order_by[0].startswith("-") != backwards else "gte"
    # The redundant bound lets PostgreSQL start the index scan at the cursor.
    return Q(**{f"{first}__{bound}": position[0]}) & condition


def _write(row: Model, order_by: Sequence[str], direction: str) -> str:
    values = [_encode(getattr(row, name.lstrip("-"))) for name in order_by]
    return signing.dumps([direction, *values], salt=f"{_SALT}:{','.join(order_by)}")


def _read(cursor: str, order_by: Sequence[str]) -> tuple[list[Any], bool]:
    try:
        direction, *values = signing.loads(cursor, salt=f"{_SALT}:{','.join(order_by)}")
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadCursor from error
    return [_decode(value) for value in values], direction == "p"


def _encode(value: Any) -> Any:
    return ["t", value.isoformat()] if isinstance(value, datetime) else value


def _decode(value: Any) -> Any:
    return datetime.fromisoformat(value[1]) if isinstance(value, list) else value

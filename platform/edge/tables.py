"""The one writer of files that open in a spreadsheet."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

# What a spreadsheet takes for the beginning of a formula, in its plain form.
_FORMULA = "=+-@\N{MINUS SIGN}"
# Blanks, controls and invisible marks, which a spreadsheet may pass over.
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
# Without it Excel takes UTF-8 for the machine's own encoding, and Chinese is broken.
_BYTE_ORDER_MARK = "\ufeff"
_MONEY = re.compile(r"_(minor|nano)(_[a-z]{3})?$")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, value: str) -> str:
        return value


def csv_response(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    has_own_names: bool = True,
) -> StreamingHttpResponse:
    """Return a download called ``name`` with one line per row of plain values.

    UTF-8 behind a byte order mark, for Excel; Python reads it as ``utf-8-sig``.
    Text of others stays text: a cell that could be a formula gets an apostrophe, and so
    does a column's name, which is a value of others where it is not ``has_own_names``.
    Moments are written in the reader's time zone, with its offset. A column of
    money is named by its unit and its currency (``cost_nano_usd``), or by its unit
    (``total_minor``) in a table with a column ``currency``; else ``ValueError``.
    """
    if has_own_names:
        _require_currencies(columns)
    # The rows are written after the request is over, when no zone is active.
    zone = timezone.get_current_timezone()
    # Everything but numbers in quotes: no other separator can begin a cell inside.
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_NONNUMERIC)

    def lines() -> Iterator[str]:
        yield _BYTE_ORDER_MARK
        for row in chain([columns], rows):
            yield writer.writerow([_cell(value, zone) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: Any, zone: tzinfo) -> int | float | Decimal | str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return _harmless(str(value))


def _harmless(text: str) -> str:
    """Keep a spreadsheet from reading a user's text as a formula."""
    first = next(
        (char for char in text if unicodedata.category(char) not in _UNSEEN), ""
    )
    # Wide and small forms of the same signs count like the plain ones.
    is_formula = first and unicodedata.normalize("NFKC", first)[0] in _FORMULA
    # A leading control is dangerous by itself: some programs drop it and read on.
    is_control = text[:1] and unicodedata.category(text[0]) == "Cc"
    return f"'{text}" if is_formula or is_control else text


def _require_currencies(columns: Sequence[str]) -> None:
    for column in columns:
        money = _MONEY.search(column)
        if money and not money[2] and "currency" not in columns:
            raise ValueError(f"{column}: which currency is it in?")

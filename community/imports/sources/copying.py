"""Rows out of a plain dump of PostgreSQL, read without PostgreSQL.

``pg_dump`` writes each table as a ``COPY … FROM stdin`` block: a row to a line, fields
parted by tabs, ``\\N`` for nothing and a backslash before what would end a field or a
line (PostgreSQL's documentation of COPY, "Text Format"). All else is skipped.
"""

import re
from collections.abc import Iterator, Mapping
from gzip import GzipFile
from typing import IO

from community.imports.exceptions import BadExport

_COPY = re.compile(
    r'^COPY (?:"?\w+"?\.)?"?(?P<table>\w+)"? \((?P<columns>[^)]*)\) FROM stdin;$'
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_SAID = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# Discourse takes posts of 150 000 characters at most; a row is little more than one.
MAX_LINE = 16 * 1024 * 1024

Row = dict[str, str | None]


def rows_of_dump(
    file: IO[bytes] | GzipFile, wanted: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Row]]:
    """Yield rows of the wanted tables, with the name of the table.

    ``wanted`` names the columns without which a table is of no use. Raises
    ``BadExport`` when one is missing, or the file ends in the middle of a table.
    """
    columns: list[str] = []
    table = ""
    for line in _lines(file):
        if not columns:
            found = _COPY.match(line)
            if found:
                table = found["table"]
                columns = [
                    name.strip().strip('"') for name in found["columns"].split(",")
                ]
                _require(table, columns, wanted)
            continue
        if line == r"\.":
            columns = []
        elif table in wanted:
            fields = line.split("\t")
            if len(fields) != len(columns):
                raise BadExport(f"A row of the table {table} is cut off.")
            yield table, dict(zip(columns, map(_value, fields), strict=True))
    if columns:
        raise BadExport(f"The file ends in the middle of the table {table}.")


def _require(
    table: str, columns: list[str], wanted: Mapping[str, frozenset[str]]
) -> None:
    missing = wanted.get(table, frozenset()) - set(columns)
    if missing:
        names = ", ".join(sorted(missing))
        raise BadExport(f"The table {table} has no column {names}.")


def _lines(file: IO[bytes] | GzipFile) -> Iterator[str]:
    try:
        while line := file.readline(MAX_LINE):
            if len(line) == MAX_LINE:
                raise BadExport("A line of the file is longer than 16 MB.")
            yield line.decode("utf-8", "replace").removesuffix("\n")
    except (OSError, EOFError) as error:
        raise BadExport(f"The file cannot be read to its end: {error}") from error


def _value(field: str) -> str | None:
    if field == r"\N":
        return None
    return _ESCAPE.sub(_unescaped, field) if "\\" in field else field


def _unescaped(found: re.Match[str]) -> str:
    said = found[1]
    if said[0] == "x" and len(said) > 1:
        return chr(int(said[1:], 16))
    if said[0] in "01234567":
        return chr(int(said, 8))
    return _SAID.get(said, said)

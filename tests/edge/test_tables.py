"""Files that open in a spreadsheet: text stays text, units are named."""

import codecs
import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from edge.tables import csv_response
from tests.test_house_rules import mistakes

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def written(*cells: Any) -> str:
    return csv_response("x.csv", ["a"], [cells]).getvalue().decode("utf-8-sig")


def read(*cells: Any) -> list[str]:
    """Return the cells of the only row as a spreadsheet would see them."""
    return list(csv.reader(io.StringIO(written(*cells), newline="")))[1]


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\ufeff=1",
        "\u200b=1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "\ufe661",
        "\u22121",
        "\x00=1",
    ],
)
def test_text_that_could_be_a_formula_is_kept_from_being_one(text: str) -> None:
    (cell,) = read(text)

    assert cell == f"'{text}"


def test_the_name_of_a_column_is_no_formula_where_others_chose_it() -> None:
    columns = ["from", "=1+1", "spent_minor"]

    file = csv_response("x.csv", columns, [], has_own_names=False).getvalue()

    assert file.decode("utf-8-sig") == '"from","\'=1+1","spent_minor"\r\n'


@given(st.text())
def test_no_text_begins_a_cell_with_the_sign_of_a_formula(text: str) -> None:
    line = written(text).split("\r\n", 1)[1]

    # Whole in its quotes, so that a reader that splits at ; or tab finds no cell in it.
    assert line[0] == '"'
    assert line[1:2].strip() not in {"=", "+", "-", "@"} or not text
    (cell,) = read(text)
    assert cell.removeprefix("'") == text or cell == text


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    assert read(-5, Decimal("-1.50"), True, None, "") == ["-5", "-1.50", "true", "", ""]
    assert written(-5).endswith("\r\n-5\r\n")


def test_moments_are_told_in_the_readers_zone_also_after_the_request() -> None:
    with timezone.override(ZoneInfo("Asia/Shanghai")):
        response = csv_response("x.csv", ["at", "day"], [(NOON, date(2026, 9, 1))])

    body = response.getvalue().decode("utf-8-sig")
    assert "2026-09-01T20:00:00+08:00" in body
    assert "2026-09-01" in body


def test_a_file_says_that_it_is_utf_8_and_says_so_once() -> None:
    content = csv_response("x.csv", ["name"], [("密钥",), ("ada",)]).getvalue()

    assert content.startswith(codecs.BOM_UTF8)
    assert content.count(codecs.BOM_UTF8) == 1
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert list(rows) == [{"name": "密钥"}, {"name": "ada"}]
    # A table without rows says it as well.
    empty = csv_response("x.csv", ["name"], []).getvalue()
    assert empty == codecs.BOM_UTF8 + b'"name"\r\n'


def test_money_names_its_unit_and_its_currency() -> None:
    for columns in (["cost_nano"], ["total_minor", "name"]):
        with pytest.raises(ValueError, match="which currency"):
            csv_response("x.csv", columns, [])
    csv_response("x.csv", ["cost_nano_usd"], [])
    csv_response("x.csv", ["total_minor", "currency"], [])


def test_nothing_else_writes_such_files() -> None:
    found = mistakes(r"csv\.(writer|DictWriter)|text/csv|^import csv|from csv ")

    assert {line.partition(":")[0] for line in found} == {"platform/edge/tables.py"}

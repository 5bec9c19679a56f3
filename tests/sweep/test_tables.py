"""Every file that opens in a spreadsheet: whole, with units, and no formula in it."""

import ast
import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation
from activity.models import Visitor
from audit.services import record
from billing.conversion.models import Scenario
from edge import tables
from entitlements.features import Features
from entitlements.services import replace_for
from inference.keys.models import ApiKey, Project
from inference.usage.models import UsageEvent
from knowledge.models import Build, Gap
from tests.sweep.world import Address, forget_limits
from tests.test_house_rules import ROOT, python_files

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]

# What programs take for a formula, and what some of them drop before they look.
SIGNS = ("=", "+", "-", "@", "\t", "\r")
# Reports ask the read side, which a sweep does not feed: tests/analytics has them.
ELSEWHERE = "platform/analytics/views.py"
MONEY = re.compile(
    r"price|cost|amount|revenue|charge|profit|paid_minor|refunded|total_minor"
)
CURRENCY = re.compile(r"(^|_)(usd|eur|cny)$|_percent$|^break_even_")
SPAN = re.compile(r"latency|duration|median|slow|first_byte|total_ms|elapsed")
TOKENS = re.compile(r"^(in|out|cached|input|output)(_count)?$")
# A request reads whom it is from by such limits; what cuts a file is larger.
MOST_FOUND = 21


def writers() -> set[tuple[str, int]]:
    """Return where the product writes such a file: (file, line)."""
    found = set()
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text())):
            called = getattr(node, "func", None)
            if isinstance(called, ast.Name) and called.id == "csv_response":
                found.add((str(path.relative_to(ROOT)), called.lineno))
    return found


def names_from(sign: str, team: Organisation) -> None:
    """Give everything that people, callers and visitors name a name of this kind."""
    name = f"{sign}1+1"
    Organisation.objects.update(name=name)
    ApiKey.objects.update(name=name)
    Project.objects.update(name=name)
    Scenario.objects.update(name=name)
    UsageEvent.objects.update(client_request_id=name)
    Visitor.objects.update_or_create(
        pk="v_swept",
        defaults={
            **dict.fromkeys(("source", "medium", "campaign", "landing_path"), name),
            "first_seen_at": timezone.now(),
        },
    )
    Gap.objects.all().delete()
    build, _is_new = Build.objects.get_or_create(
        is_current=True, defaults={"finished_at": timezone.now()}
    )
    Gap.objects.create(build=build, kind="search", words=name, demand=3)
    record("key.created", actor=None, organisation=team, target=name)
    record("post.hidden", actor=None, target=name)


def read(answer: Any) -> list[list[str]]:
    """Return the cells of a file, which is UTF-8 and says so once."""
    content = b"".join(answer.streaming_content)
    assert content.startswith(codecs.BOM_UTF8)
    assert content.count(codecs.BOM_UTF8) == 1
    text = content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def faults_of(rows: list[list[str]]) -> Iterator[str]:
    """Yield what is wrong with a file: formulas, units, moments, ragged rows."""
    head = rows[0]
    has_currency = "currency" in head
    for column in head:
        if MONEY.search(column) and not (has_currency or CURRENCY.search(column)):
            yield f"{column} in which currency?"
        if SPAN.search(column) and not column.endswith(("_ms", "_seconds")):
            yield f"{column} in which unit?"
        if TOKENS.search(column):
            yield f"{column} of what?"
    for row in rows:
        if len(row) != len(head):
            yield f"{len(row)} cells under {len(head)} names"
        for cell in row:
            is_number = re.fullmatch(r"-?\d+(\.\d+)?(E[+-]\d+)?", cell)
            if cell.startswith(SIGNS) and not is_number:
                yield f"a formula: {cell!r}"
            is_moment = re.match(r"\d{4}-\d\d-\d\d.\d\d:", cell)
            if is_moment and datetime.fromisoformat(cell).tzinfo is None:
                yield f"{cell} in which zone?"


def cuts_of(statements: CaptureQueriesContext) -> list[str]:
    """Return the statements that stop at a number of rows."""
    found = [one["sql"] for one in statements.captured_queries]
    return [
        sql[-200:]
        for sql in found
        if any(int(most) > MOST_FOUND for most in re.findall(r"LIMIT (\d+)", sql))
    ]


def test_every_file_for_a_spreadsheet_is_harmless_whole_and_says_its_units(
    addresses: list[Address],
    client_of: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached: set[tuple[str, int]] = set()
    write = tables.csv_response

    def note(name: str, columns: Any, rows: Any, **rest: Any) -> Any:
        caller = sys._getframe(1)
        path = Path(caller.f_code.co_filename).relative_to(ROOT)
        reached.add((str(path), caller.f_lineno))
        return write(name, columns, rows, **rest)

    for path, _line in writers():
        module = path.removeprefix("platform/").removesuffix(".py").replace("/", ".")
        monkeypatch.setattr(f"{module}.csv_response", note)
    team = Organisation.objects.get(slug="team")
    replace_for(team.pk, Features(plan="team", audit_log=True), source="test")
    client = client_of("staff")
    faults: list[str] = []
    files: set[Address] = set()
    guarded = 0

    for number, sign in enumerate(SIGNS):
        names_from(sign, team)
        for address in addresses if number == 0 else files:
            forget_limits()
            with CaptureQueriesContext(connection) as statements:
                answer = client.get(f"{address.url}?format=csv&key=limits")
                if not answer.get("Content-Type", "").startswith("text/csv"):
                    continue
                rows = read(answer)
            files.add(address)
            faults += [f"{address.url}: {each}" for each in faults_of(rows)]
            faults += [f"{address.url} is cut: {sql}" for sql in cuts_of(statements)]
            guarded += sum(cell == f"'{sign}1+1" for row in rows for cell in row)

    named = {address.url for address in addresses if address.url.endswith(".csv")}
    assert faults == []
    assert named <= {address.url for address in files}
    assert {
        (path, line) for path, line in writers() - reached if path != ELSEWHERE
    } == (set())
    assert guarded >= len(SIGNS) * 6
    assert len(files) > 20

"""Who gets which answer at every address: ``docs/roles.md`` is the table.

What somebody may not see is not there (404); what they see but may not do is refused
(403); a stranger to the product is asked to sign in.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.accounts.world import ROLES, World, build

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORM = "application/x-www-form-urlencoded"
# Where an empty form is refused to everybody, one that says something.
FORMS = {
    "forum/t/<int:pk>/moderate/": "act=lock",
    "forum/t/<int:pk>/watch/": "level=muted",
    "forum/c/<slug:slug>/watch/": "level=muted",
    "forum/p/<int:pk>/vote/": "value=up",
    "forum/p/<int:pk>/react/": "kind=thanks&act=add",
}
# The words of the table for the two redirects that say why.
SIGN_IN = re.compile(r"^/accounts/login/(\?|$)")
SET_UP = "/settings/second-factor/"

Row = tuple[str, str]
Answers = tuple[str, ...]


def table() -> dict[Row, Answers]:
    """Return the answers of the documentation, by method and route."""
    rows = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 2 + len(ROLES) and cells[0] in METHODS:
            route = cells[1].strip("`").replace("\\|", "|")
            rows[cells[0], route] = tuple(cells[2:])
    return rows


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield every route of the product."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def ask(world: World, method: str, route: str, role: str) -> str:
    """Return what one request is answered, and undo what it did."""
    client: Client = world.client(role)
    with transaction.atomic():
        answer = client.generic(
            method, world.address(route), FORMS.get(route, ""), content_type=FORM
        )
        transaction.set_rollback(True)
    location = answer.get("Location", "")
    if answer.status_code == 302 and SIGN_IN.match(location):
        return "sign in"
    if answer.status_code == 302 and location == SET_UP:
        return "set up"
    return str(answer.status_code)


def written(row: Row, answers: Answers) -> str:
    """Return a row as the documentation has it."""
    route = row[1].replace("|", "\\|")
    return f"| {row[0]} | `{route}` | {' | '.join(answers)} |"


ROWS = table()
# Each builds a world of its own, so that workers share the work.
PARTS = 6


@pytest.fixture
def world(db: None) -> World:
    return build()


def test_the_table_knows_every_route_and_no_other() -> None:
    assert {route for _method, route in ROWS} == set(routes())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_everybody_gets_the_answer_of_the_table(part: int, world: World) -> None:
    wrong = []
    for row, expected in list(ROWS.items())[part::PARTS]:
        found = tuple(ask(world, *row, role) for role in ROLES)
        if found != expected:
            wrong.append(f"\n  table {written(row, expected)}")
            wrong.append(f"\n  found {written(row, found)}")

    assert not wrong, "".join(wrong)


@pytest.mark.timeout(600)
def test_no_other_method_is_answered(world: World) -> None:
    answered = [
        written((method, route), (found,))
        for route in routes()
        for method in (METHODS if route.startswith("api/v1/") else METHODS[:2])
        if (method, route) not in ROWS
        and (found := ask(world, method, route, "owner")) != "405"
    ]

    assert not answered, "\n".join(answered)

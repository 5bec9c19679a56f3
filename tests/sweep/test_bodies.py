"""No operation of the REST API passes over what is sent in its body."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from operations.schema import describe
from tests.signing_in import record_sign_in
from tests.sweep.test_json import PLAUSIBLE
from tests.sweep.world import Address, forget_limits

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
UNHEARD = "unheard_of"
# Who asks is refused before anybody looks at the body.
DECIDED_EARLIER = {401, 403, 404, 405}
NOTHING = [
    (b"", JSON),
    (b"{}", JSON),
    (b"null", JSON),
    (b"", FORM),
    (encode_multipart(BOUNDARY, {}), MULTIPART_CONTENT),
]


def operations() -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Yield (method, path, plausible body) of each operation; some take no body."""
    schema = describe()
    for path, described in schema["paths"].items():
        for method, operation in described.items():
            content = operation.get("requestBody", {}).get("content")
            if content is None:
                yield method.upper(), f"{path}{needed_query(operation)}", None
                continue
            assert list(content) == [JSON], path
            named = content[JSON]["schema"]["$ref"].rpartition("/")[2]
            fields = schema["components"]["schemas"][named]["properties"]
            yield method.upper(), path, {name: PLAUSIBLE[name] for name in fields}


def needed_query(operation: dict[str, Any]) -> str:
    """Return the query without which an operation says nothing else."""
    parameters = operation.get("parameters", [])
    needed = [each["name"] for each in parameters if each.get("required")]
    asked = {each["name"] for each in parameters if each["in"] == "query"}
    query = urlencode({name: "key" for name in needed if name in asked})
    return f"?{query}" if query else ""


def urls_of(path: str, addresses: list[Address], values: list[str]) -> Iterator[str]:
    """Yield addresses of an operation, until one of them leads somewhere.

    What only takes a write answers a reading with 405, whatever its number: it is
    found by trying what anything goes by.
    """
    path, mark, query = path.partition("?")
    pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    found = next(each.url for each in addresses if pattern.fullmatch(each.url))
    yield f"{found}{mark}{query}"
    head, _brace, tail = path.partition("{")
    if "{" in tail or head == path:
        return
    for value in values:
        yield f"{head}{quote(value, safe='')}{tail.partition('}')[2]}{mark}{query}"


def with_unheard(value: Any) -> Iterator[Any]:
    """Yield copies of a body, each with one field more, in it or inside of it."""
    if isinstance(value, dict):
        yield {**value, UNHEARD: 1}
        for name, part in value.items():
            for changed in with_unheard(part):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for place, part in enumerate(value):
            for changed in with_unheard(part):
                yield [*value[:place], changed, *value[place + 1 :]]


class Asking:
    """Sends a request as one after the other, until somebody is let in."""

    def __init__(
        self, addresses: list[Address], values: list[str], clients: list[Client]
    ) -> None:
        self.addresses = addresses
        self.values = values
        self.clients = clients
        self.judged: set[tuple[str, str]] = set()
        # Where each operation let somebody in.
        self.entries: dict[tuple[str, str], tuple[str, Client]] = {}
        self.decided_earlier: set[tuple[str, str]] = set()

    def send(self, method: str, path: str, body: bytes, kind: str) -> Any:
        """Return the answer; what it did is undone. None: nobody was let in."""
        for url, client in self._ways(method, path):
            forget_limits()
            with transaction.atomic():
                answer = client.generic(method, url, body, content_type=kind)
                transaction.set_rollback(True)
            if answer.status_code not in DECIDED_EARLIER:
                self.judged.add((method, path))
                self.entries[method, path] = url, client
                return answer
        self.decided_earlier.add((method, path))
        return None

    def _ways(self, method: str, path: str) -> Iterator[tuple[str, Client]]:
        if (method, path) in self.entries:
            yield self.entries[method, path]
            return
        for url in urls_of(path, self.addresses, self.values):
            for client in self.clients:
                yield url, client


@pytest.fixture
def asking(
    addresses: list[Address],
    candidates: dict[str, list[str]],
    people: dict[str, Any],
    client_of: Callable[[str], Client],
) -> Asking:
    """Ask as whoever may do most first, each signed in just now."""
    clients = []
    for role in ("staff", "owner", "member"):
        clients.append(client_of(role))
        record_sign_in(clients[-1], people[role])
    values = sorted({value for each in candidates.values() for value in each})
    return Asking(addresses, values, clients)


def test_a_field_nobody_knows_is_named_by_every_operation(asking: Asking) -> None:
    passed_over = []

    for method, path, body in operations():
        for sent in with_unheard(body or {}):
            answer = asking.send(method, path, json.dumps(sent).encode(), JSON)
            if answer and not names_it(answer):
                passed_over.append(f"{method} {path}: {answer.status_code} {sent}")

    assert passed_over == []
    assert asking.decided_earlier == set()
    assert len(asking.judged) > 90


def test_a_form_is_refused_where_json_is_read_and_where_nothing_is(
    asking: Asking,
) -> None:
    passed_over = []

    for method, path, body in operations():
        sent = urlencode({**(body or {}), UNHEARD: 1}).encode()
        answer = asking.send(method, path, sent, FORM)
        if not answer:
            continue
        is_refused = names_it(answer) if body is None else answer.status_code == 415
        if not is_refused:
            passed_over.append(f"{method} {path}: {answer.status_code}")

    assert passed_over == []
    assert asking.decided_earlier == set()
    assert len(asking.judged) > 90


def test_who_sends_nothing_where_nothing_is_taken_is_not_refused_for_it(
    asking: Asking,
) -> None:
    refused = []

    for method, path, body in operations():
        if body is not None:
            continue
        sent = [asking.send(method, path, *nothing) for nothing in NOTHING]
        answers = {answer and answer.status_code for answer in sent}
        if answers & {400, 415} or len(answers) > 1:
            refused.append(f"{method} {path}: {answers}")

    assert refused == []
    assert len(asking.judged) > 50


def names_it(answer: Any) -> bool:
    """Tell whether an answer refuses the field that nobody knows, by its name."""
    return answer.status_code == 400 and UNHEARD in str(answer.json()["errors"])

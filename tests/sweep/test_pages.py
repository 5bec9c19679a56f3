"""No value, in any place, from anybody, is an error of ours.

A request is undone as soon as it was answered, so every one meets the same world.
``SWEEP=all`` sends every value as everybody; by itself each role sends its share.
"""

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from tests.sweep.conftest import ROLES
from tests.sweep.values import BODIES, CONTENT_TYPES, HEADERS, METHODS, TEXTS
from tests.sweep.world import Address, Sweep, forget_limits, names_read

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]

IS_WHOLE = os.environ.get("SWEEP") == "all"
FORM = "application/x-www-form-urlencoded"
# What makes the rest of a form valid, so that the odd field is all that is odd.
PLAUSIBLE = {
    "title": "How do I begin?",
    "text": "Tell me.",
    "category": "1",
    "kind": "question",
    "email": "x@example.test",
    "name": "Somebody",
    "username": "somebody",
    "org": "team",
    "organisation": "team",
    "model": "doorstone-docs",
    "prompt": "Hi",
    "interval": "month",
    "seats": "1",
    "role": "member",
    "value": "up",
    "level": "watching",
    "act": "lock",
    "helpful": "yes",
    "language": "en",
    "theme": "dark",
    "pk": "1",
}
# They stand for all: two pages, a fragment, a form, a webhook, the REST API, a feed.
BEHIND_HEADERS = (
    *("/", "/forum/", "/forum/_similar/", "/accounts/login/", "/hooks/github/"),
    *("/api/v1/topics/", "/forum/feed.atom", "/search/", "/healthz", "/docs/"),
)


def share(role: str, number: int) -> list[str]:
    """Return the values that ``role`` sends to the field of that number.

    One of them, another one from each role and in each field.
    """
    if IS_WHOLE:
        return list(TEXTS)
    return [TEXTS[(ROLES.index(role) + number * 5) % len(TEXTS)]]


def query_of(name: str, value: str) -> str:
    return f"{quote(name)}={quote(value, safe='', errors='surrogateescape')}"


def names_of(sweep: Sweep, method: str, address: Address) -> list[str]:
    """Return the names that an address looks up, found by asking it.

    None where whoever asks is turned away: what is behind is for other roles.
    """
    form = "&".join(query_of(name, value) for name, value in PLAUSIBLE.items())
    with names_read() as names:
        if method == "GET":
            if sweep.send("GET", address.url) in {302, 403, 404, 405}:
                return []
            sweep.send("GET", f"{address.url}?{form}")
        else:
            status = sweep.send("POST", address.url, data=form, content_type=FORM)
            if status in {403, 404, 405}:
                return []
            sweep.send("POST", address.url)
    return sorted(names)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_value_of_a_query_or_a_form_is_an_error(
    method: str,
    role: str,
    addresses: list[Address],
    client_of: Callable[[str], Client],
) -> None:
    sweep = Sweep(client_of(role))
    everywhere: set[str] = set()
    asked = 0

    # The home page comes first; what it looks up, such as a campaign, every page does.
    for address in addresses:
        forget_limits()
        names = [
            name
            for name in names_of(sweep, method, address)
            if IS_WHOLE or name not in everywhere
        ]
        if address is addresses[0]:
            everywhere = set(names)
        asked += len(names)
        for number, name in enumerate(names):
            others = {
                other: value
                for other, value in PLAUSIBLE.items()
                if other in names and other != name
            }
            rest = "&".join(query_of(*item) for item in others.items())
            for value in share(role, number):
                sent = f"{query_of(name, value)}&{rest}"
                if method == "GET":
                    sweep.send("GET", f"{address.url}?{sent}", f"{name}={value}")
                else:
                    sweep.send(
                        *("POST", address.url, f"{name}={value}"),
                        data=sent,
                        content_type=FORM,
                    )

    assert not sweep.faults, "\n".join(sweep.faults)
    assert asked > 40


@pytest.mark.parametrize("role", ["anonymous", "staff"])
def test_no_value_in_an_address_is_an_error(
    role: str, addresses: list[Address], client_of: Callable[[str], Client]
) -> None:
    sweep = Sweep(client_of(role))

    for number, address in enumerate(addresses):
        forget_limits()
        for place, name in enumerate(address.parameters):
            for value in TEXTS if IS_WHOLE else TEXTS[number % 5 :: 5]:
                values = [*address.values]
                values[place] = value[:2000]
                url = address.with_values(values)
                sweep.send("GET", url, f"{name}={value}")
                sweep.send("POST", url, f"{name}={value}")

    assert not sweep.faults, "\n".join(sweep.faults)


def test_no_method_is_an_error(
    addresses: list[Address], client_of: Callable[[str], Client]
) -> None:
    sweep = Sweep(client_of("staff"))

    for address in addresses:
        for method in METHODS:
            sweep.send(method, address.url)

    assert not sweep.faults, "\n".join(sweep.faults)


def test_no_body_and_no_content_type_is_an_error(
    addresses: list[Address], client_of: Callable[[str], Client]
) -> None:
    sweep = Sweep(client_of("staff"))

    for number, address in enumerate(addresses):
        forget_limits()
        for kind in CONTENT_TYPES if IS_WHOLE else CONTENT_TYPES[number % 3 :: 3]:
            body = BODIES[number % len(BODIES)]
            sweep.send("POST", address.url, kind, data=body, content_type=kind)
        is_open = address.url.startswith(("/api/", "/hooks/"))
        for body in BODIES if is_open else ():
            for method in ("POST", "PUT"):
                sweep.send(
                    *(method, address.url, repr(body[:20])),
                    data=body,
                    content_type="application/json",
                )

    assert not sweep.faults, "\n".join(sweep.faults)


def test_no_header_and_no_cookie_is_an_error(
    client_of: Callable[[str], Client],
) -> None:
    sweep = Sweep(client_of("anonymous"))
    # A header is bytes: the server hands them on as Latin-1, without line ends.
    values = [
        value.encode("utf-8", "surrogateescape").decode("latin-1")
        for value in (*TEXTS, '"\\000"', "bytes=0-1,0-1", "Bearer dsp_\u00e9")
        if not {"\0", "\r"} & set(value)
    ]
    cookies = (
        "ds_session",
        "ds_csrf",
        "ds_language",
        "ds_theme",
        "messages",
        "ds_visit",
    )

    for url in BEHIND_HEADERS:
        forget_limits()
        for number, header in enumerate(HEADERS):
            for value in values if IS_WHOLE else values[number % 7 :: 7]:
                headers: dict[str, Any] = {header: value}
                sweep.send("GET", url, f"{header}: {value}", headers=headers)
                if url in {"/api/v1/topics/", "/hooks/github/", "/accounts/login/"}:
                    sweep.send("POST", url, f"{header}: {value}", headers=headers)
        for name in cookies:
            for value in ('"\\000"', '"\\377"', "x" * 4000, "\u00e9", '"'):
                headers = {"Cookie": f"{name}={value}"}
                sweep.send("GET", url, f"{name}={value}", headers=headers)

    assert not sweep.faults, "\n".join(sweep.faults)

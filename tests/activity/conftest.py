from collections.abc import Callable

import pytest
from django.test import Client

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
Browser = Callable[..., Client]


@pytest.fixture
def browser_of() -> Browser:
    """Return a function that opens a browser of its own; it sends what is given."""

    def open_one(agent: str = FIREFOX, **headers: str) -> Client:
        return Client(headers={"user-agent": agent, **headers})

    return open_one

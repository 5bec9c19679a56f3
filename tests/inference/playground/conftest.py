"""The gateway of the gateway's tests, and the whole product beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext

from tests.fakes.servers import asgi_command, free_port, product_environment, running
from tests.inference.gateway.conftest import (
    Gateway,
    gateway,
    gateway_process,
    offer,
    upstream,
)

__all__ = ["gateway", "gateway_process", "offer", "upstream"]


@pytest.fixture
def ada(client: Client, person: Callable[..., Any]) -> Any:
    user = person("ada")
    client.force_login(user)
    return user


@pytest.fixture
def connected(gateway: Gateway, settings: Any) -> Gateway:
    """Let the page find the gateway under the site's address."""
    settings.SITE_URL = gateway.url.removesuffix("/v1")
    return gateway


@pytest.fixture
def site(transactional_db: None, tmp_path: Any) -> Iterator[str]:
    """Run pages and ``/v1`` in one process, as the product does; return its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = asgi_command("config.asgi:application", port)
    environment = product_environment(SITE_URL=url)
    with running(command, environment, f"{url}/healthz", tmp_path / "site.log"):
        yield url


@pytest.fixture
def window(browser: Browser, site: str) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a window of its own, signed in as somebody."""
    opened: list[BrowserContext] = []

    def open_one(user: Any = None, **options: Any) -> BrowserContext:
        context = browser.new_context(base_url=site, **options)
        context.set_default_timeout(20_000)
        opened.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            context.add_cookies([{"name": name, "value": value, "url": site}])
        return context

    yield open_one
    for context in opened:
        context.close()

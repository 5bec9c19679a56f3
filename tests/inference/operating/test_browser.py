"""Staff's circuits, the simulator, the cache: every width, theme and language."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from inference.catalog.models import DeploymentPause
from inference.operating import services
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import WIDE_AND_PHONE, look, wanted
from tests.factories.inference import key_of, offered_model, used
from tests.inference.operating.test_queries import noted
from tests.inference.playground.conftest import site, window

__all__ = ["site", "window"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deployment_is_paused_and_resumed_without_scripts(
    window: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    staff = person("staff", is_staff=True)
    offered_model("tiny")
    page = window(staff, java_script_enabled=False).new_page()

    page.goto("/staff/circuits/")
    page.get_by_role("link", name="Pause").click()
    page.fill("#id_reason", "New driver")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Paused by staff")).to_be_visible()
    assert DeploymentPause.objects.get().reason == "New driver"

    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Calls go there again.")).to_be_visible()
    assert not DeploymentPause.objects.exists()


def test_the_pages_are_accessible_and_never_scroll_sideways(
    window: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    staff = person("staff", is_staff=True)
    organisation = personal_organisation(staff)
    addresses = _filled(staff, organisation)
    for screen in wanted(WIDE_AND_PHONE):
        context = window(staff, **screen.window)
        for name, address in addresses.items():
            page = context.new_page()
            complaints = collect_console_and_csp(page)
            page.goto(address)

            look(page, f"operating-{name}", screen)
            assert complaints.lines == []
            page.close()


def _filled(staff: Any, organisation: Any) -> dict[str, str]:
    """Make one of everything the pages show; return their addresses."""
    key = key_of(organisation, staff, name="night", cache_seconds=3600)
    places = [
        offered_model(
            slug, fallbacks=["vendor/wide:tag", "premium"] if not n else []
        ).deployments.get()
        for n, slug in enumerate(("tiny", "vendor/wide:tag", "limited", "fine"))
    ]
    offered_model("premium", edition="premium")
    services.pause_deployment(places[0], reason="New driver until noon", by=staff)
    noted(places[1], callers=(organisation.pk,))
    noted(places[2], why="limited")
    for _ in range(6):
        used(organisation, key, model="tiny", status="timed_out", upstream_status=504)
    used(organisation, key, tokens_in=0, tokens_out=0, price_nano=0, saved_nano=10**9)
    asked = f"model=tiny&key={key.public_id}&prompt=1000&answer=50&stream=on"
    return {
        "circuits": "/staff/circuits/",
        "pause": f"/staff/circuits/{places[3].pk}/pause/",
        "what-if": f"/staff/circuits/what-if/?{asked}",
        "cache": f"/console/{organisation.slug}/cache/",
        "key": f"/console/{organisation.slug}/keys/{key.public_id}/edit/",
        "price": f"/staff/models/{places[0].model_id}/price/",
        "requests": f"/console/{organisation.slug}/requests/",
    }

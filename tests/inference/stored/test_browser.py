"""The page of stored responses in a real browser: every width, theme and language."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from inference.stored.models import Storage
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import SCREENS, look, wanted
from tests.inference.playground.conftest import site, window

__all__ = ["site", "window"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_choice_is_made_and_taken_back_without_scripts(
    window: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    organisation = personal_organisation(ada)
    page = window(ada, java_script_enabled=False).new_page()

    page.goto(f"/console/{organisation.slug}/responses/")
    page.fill("#id_days", "7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Responses are stored")).to_be_visible()
    assert Storage.objects.get().days == 7

    page.get_by_role("button", name="Stop storing and delete all").click()
    expect(page.get_by_role("heading", name="Nothing is stored")).to_be_visible()
    assert not Storage.objects.exists()


def test_the_page_is_accessible_and_never_scrolls_sideways(
    window: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    organisation = personal_organisation(ada)
    for screen in wanted(SCREENS):
        Storage.objects.update_or_create(
            organisation=organisation, defaults={"days": 7, "chosen_by": ada}
        )
        page = window(ada, **screen.window).new_page()
        complaints = collect_console_and_csp(page)
        page.goto(f"/console/{organisation.slug}/responses/")

        look(page, "stored", screen)
        assert complaints.lines == []

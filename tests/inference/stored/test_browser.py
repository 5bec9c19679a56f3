"""The page of stored responses in a real browser: every width, theme and language."""

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from inference.stored.models import Storage
from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    axe_violations,
    collect_console_and_csp,
    settle,
)
from tests.inference.playground.conftest import site, window

__all__ = ["site", "window"]
pytestmark = pytest.mark.django_db(transaction=True)
# For who wants to look: a folder that pictures are put into.
PICTURES = os.environ.get("PICTURES")


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
    for width, theme, locale in product(
        (1280, 320), ("light", "dark"), ("en-US", "zh-CN")
    ):
        Storage.objects.update_or_create(
            organisation=organisation, defaults={"days": 7, "chosen_by": ada}
        )
        page = window(
            ada,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            locale=locale,
        ).new_page()
        complaints = collect_console_and_csp(page)
        page.goto(f"/console/{organisation.slug}/responses/")
        settle(page)

        assert axe_violations(page) == []
        assert_no_horizontal_scroll(page)
        assert complaints.lines == []
        if PICTURES:
            name = f"stored-{width}-{theme}-{locale}.png"
            page.screenshot(path=Path(PICTURES) / name, full_page=True)

"""The queue's pages hold on a narrow screen, in the dark, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from jobs.models import Job
from tests.browser.test_pages import states
from tests.operations.test_queue import give_up, one

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_staff_read_and_decide(
    open_context: Callable[..., BrowserContext], person: Any, locale: str
) -> None:
    staff = person("staff", is_staff=True)
    Job.objects.all().delete()
    give_up(3)
    page = open_context(locale=locale, user=staff).new_page()

    paths = ("/staff/operations/", f"/staff/operations/jobs/{one('webhook').pk}/")
    broken = {
        f"{path} {state}": lines
        for path in paths
        for state, lines in states(page, path)
        if lines
    }
    page.locator("form[action$='/ignore/'] button").first.click()

    assert broken == {}
    page.wait_for_load_state()
    assert one("webhook").state == "ignored"

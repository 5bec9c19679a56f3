"""The queue's pages hold on a narrow screen, in the dark, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from jobs.models import Job
from tests.browser.screens import Screen, each_screen, look
from tests.operations.test_queue import give_up, one

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@each_screen
def test_staff_read_and_decide(
    open_context: Callable[..., BrowserContext], person: Any, screen: Screen
) -> None:
    staff = person("staff", is_staff=True)
    Job.objects.all().delete()
    give_up(3)
    page = open_context(screen=screen, user=staff).new_page()

    for name, path in {
        "operations": "/staff/operations/",
        "operations-job": f"/staff/operations/jobs/{one('webhook').pk}/",
    }.items():
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        look(page, name, screen)
    page.locator("form[action$='/ignore/'] button").first.click()

    page.wait_for_load_state()
    assert one("webhook").state == "ignored"

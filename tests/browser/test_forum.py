"""The forum in a real browser: readable, reachable, at every width and theme."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from community.forum import services
from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    axe_violations,
    collect_console_and_csp,
)
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CODE = "Send it again:\n\n```python\nclient.retry(key)  # once\n```\n\n- it *waits*\n- then `ok`"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_a_topic_and_the_composer_are_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    width: int,
    theme: str,
) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category(name="Help", description="Ask how something works.")
    topic = forum.topic(ada, category=within, tags=["keys", "api"], text=CODE)
    forum.reply(topic, ada, "Does it happen every time?")
    services.accept_answer(forum.reply(topic, ben, CODE), by=ada)
    forum.topic(
        ben, category=within, title="我的模型调用超时了怎么办?", tags=["timeout"]
    )
    page = open_context(width=width, theme=theme, user=ada).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in {
        "list": "/forum/",
        "topic": topic.get_absolute_url(),
        "best": "/forum/?sort=top&period=week",
        "composer": "/forum/new/",
        "edit": f"/forum/p/{topic.posts.get(number=1).pk}/edit/",
        "search": "/search/?q=how+do+I+retry+with+a+key+nobody+has",
        "no search": "/search/",
        "profile": "/u/ben/",
    }.items():
        page.goto(url)
        if folder := os.environ.get("SCREENSHOTS"):
            file = Path(folder) / f"forum-{shown}-{width}-{theme}.png"
            page.screenshot(path=file, full_page=True)
        assert_no_horizontal_scroll(page)
        assert axe_violations(page) == [], shown
    assert complaints.lines == []

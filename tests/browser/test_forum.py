"""The forum in a real browser: readable, reachable, at every width and theme."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from community.forum import services
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, look, wide_and_phone_screens
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CODE = "Send it again:\n\n```python\nclient.retry(key)  # once\n```\n\n- it *waits*\n- then `ok`"


@wide_and_phone_screens
def test_the_list_a_topic_and_the_composer_are_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada, ben = person("ada", locale=screen.language), person("ben")
    within = forum.category(name="Help", description="Ask how something works.")
    topic = forum.topic(ada, category=within, tags=["keys", "api"], text=CODE)
    forum.reply(topic, ada, "Does it happen every time?")
    services.accept_answer(forum.reply(topic, ben, CODE), by=ada)
    forum.topic(
        ben, category=within, title="我的模型调用超时了怎么办?", tags=["timeout"]
    )
    page = open_context(screen=screen, user=ada).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in {
        "list": "/forum/",
        "topic": topic.get_absolute_url(),
        "best": "/forum/?sort=top&period=week",
        "composer": "/forum/new/",
        "edit": f"/forum/p/{topic.posts.get(number=1).pk}/edit/",
        "search": "/search/?q=how+do+I+retry+with+a+key+nobody+has",
        "no-search": "/search/",
        "profile": "/u/ben/",
    }.items():
        page.goto(url)
        look(page, f"forum-{shown}", screen)
    assert complaints.lines == []

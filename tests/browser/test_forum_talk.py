"""Comments, reactions, bookmarks and joining in a real browser, in both languages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext

from community.forum import services
from community.forum.models import Reaction
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, look, wide_and_phone_screens
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@wide_and_phone_screens
def test_what_is_said_under_a_post_and_done_to_a_topic_is_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada = person("ada", locale=screen.language, is_moderator=True, is_staff=True)
    ben = person("ben")
    topic = forum.topic(ada, tags=["keys"], title="How do I rotate a key in use?")
    answer = forum.reply(topic, ben, "Create a second one, `deploy` it, revoke this.")
    forum.reply(topic, ben, "Or let it expire.")
    for number in range(6):
        services.post_comment(
            answer,
            author=ada if number % 2 else ben,
            limited=False,
            text=f"Does that hold for `/v1/responses`, too? @ada, point {number}.",
        )
    for kind in (Reaction.Kind.THANKS, Reaction.Kind.INSIGHT):
        services.set_reaction(answer, by=ada, kind=kind, is_on=True)
    services.set_bookmark(
        answer,
        user=ada,
        note="Try it on Monday",
        remind_at=timezone.now() + timedelta(days=1),
    )
    page = open_context(screen=screen, user=ada).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in {
        "talk": topic.get_absolute_url(),
        "best": f"{topic.get_absolute_url()}?sort=votes",
        "comments": f"/forum/p/{answer.pk}/comments/",
        "bookmark": f"/forum/p/{answer.pk}/bookmark/",
        "bookmarks": "/forum/bookmarks/",
        "join": f"/forum/t/{topic.pk}/join/",
        "split": f"/forum/t/{topic.pk}/split/",
        "tags": "/forum/tags/",
        "tag": f"/forum/tags/{topic.tags.get().pk}/",
        "categories": "/forum/categories/",
        "category": f"/forum/categories/{topic.category_id}/",
        "list": "/forum/",
    }.items():
        page.goto(url)
        if shown == "talk":
            page.locator(".comments__write summary").first.click()
            page.locator(".post__foot .menu summary").first.click()
        look(page, f"talk-{shown}", screen)
    assert complaints.lines == []

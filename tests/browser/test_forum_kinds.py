"""Ideas, announcements, templates, polls and reported messages in a real browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext

from community.conversations.services import create_conversation, flag_message
from community.forum import services
from community.forum.services import PollValues
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, five_screens, look
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "A theme for reading the documentation at night, without the white boxes"


def world(person: Callable[..., Any]) -> tuple[Any, dict[str, str]]:
    """Make one of each; return who looks, and the pages by name."""
    staff = person("staff", is_staff=True, is_moderator=True, display_name="Mia 王")
    ada, ben = person("ada", display_name="Ada 李"), person("ben")
    within = forum.category(name="Help", name_zh="求助", slug="help")
    idea = forum.topic(ada, category=within, kind="idea", title=LONG, tags=["docs"])
    zh = forum.topic(ben, category=within, kind="idea", title="希望文档支持深色主题")
    for who in (ben, staff):
        services.vote(idea.posts.get(), by=who, value=1)
    services.set_idea_state(idea, by=staff, state="planned", word="In May.")
    services.set_idea_state(
        idea,
        by=staff,
        state="open",
        word="The person who began it has left us.\n再等等。",
    )
    services.set_idea_state(zh, by=staff, state="declined", word="与系统设置重复。")
    news = forum.topic(
        staff,
        category=within,
        kind="announcement",
        title="Version 2 is here: what changes for your keys",
        pinned_days=7,
    )
    asked = forum.topic(ada, category=within, kind="discussion", title="Which theme?")
    opening = asked.posts.get()
    poll = services.set_poll(
        opening,
        PollValues(
            question="Which theme should new readers see first? 默认用哪个主题？",
            options=("As the system has it", "Dark", "浅色", LONG),
            most_choices=2,
            is_anonymous=False,
            ends_at=timezone.now() + timedelta(days=3),
        ),
        by=ada,
    )
    options = list(poll.options.values_list("pk", flat=True))
    for who, chosen in ((ada, 0), (ben, 1), (staff, 0)):
        services.set_ballot(poll, by=who, options=[options[chosen]])
    open_one = forum.topic(
        staff, category=within, kind="discussion", title="What next?"
    )
    services.set_poll(
        open_one.posts.get(),
        PollValues(
            question="What should we build next?",
            options=("More models", "Better docs", "更便宜的价格"),
            results="voted",
        ),
        by=staff,
    )
    services.set_template(
        within,
        kind="question",
        text="### What I did\n\n### What happened instead",
        text_zh="### 我做了什么\n\n### 实际发生了什么",
        by=staff,
    )
    talk = create_conversation(
        [staff], by=ben, title="Keys", text="Buy cheap tokens at my shop, now."
    )
    message = talk.messages.get()
    case = flag_message(message, by=staff, reason="spam", limited=False).case
    return staff, {
        "ideas": "/forum/ideas/",
        "declined": "/forum/ideas/?state=declined",
        "idea": idea.get_absolute_url(),
        "decide": f"/forum/t/{idea.pk}/decide/",
        "announcement": news.get_absolute_url(),
        "list": "/forum/",
        "poll": asked.get_absolute_url(),
        "poll-open": open_one.get_absolute_url(),
        "poll-edit": f"/forum/p/{opening.pk}/poll/",
        "voters": f"/forum/p/{opening.pk}/poll/voters/",
        "composer": "/forum/new/?category=help",
        "category": f"/forum/categories/{within.pk}/",
        "templates": f"/forum/categories/{within.pk}/templates/",
        "report": f"/messages/m/{message.pk}/report/",
        "case": case.get_absolute_url(),
        "standing": "/settings/standing/",
    }


@five_screens
def test_every_page_of_kinds_and_polls_is_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    staff, pages = world(person)

    staff.locale = screen.language
    staff.save(update_fields=["locale"])
    page = open_context(screen=screen, user=staff).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in pages.items():
        page.goto(url)
        if shown == "composer":
            page.locator("details.panel summary").click()
        look(page, f"kinds-{shown}", screen)

    assert complaints.lines == []


def test_one_votes_with_the_keyboard_and_reads_the_result(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, kind="discussion")
    services.set_poll(
        topic.posts.get(),
        PollValues(question="Which?", options=("Dark", "Light"), results="voted"),
        by=ada,
    )
    page = open_context(user=ben).new_page()
    page.goto(topic.get_absolute_url())

    page.get_by_label("Light").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_text("1 vote, 100 %").wait_for()
    assert page.get_by_role("meter", name="Light").get_attribute("value") == "100"
    assert page.get_by_text("Change your vote").is_visible()

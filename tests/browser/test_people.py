"""People, messages and brought posts in a real browser, in both languages."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import BrowserContext

from community.conversations import services as conversations
from community.forum.models import Post
from community.people.models import Stance
from community.people.services import set_stance
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, look, wide_and_phone_screens
from tests.factories import forum
from tests.factories.imports import imported_person, imported_topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@wide_and_phone_screens
def test_people_and_what_they_say_to_each_other_is_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada = person(
        "ada", locale=screen.language, is_moderator=True, display_name="Ada Lovelace"
    )
    ben = person("ben", display_name="Ben Okafor")
    cy = person("cy", display_name="陈思远")
    topic = forum.topic(ben, tags=["keys"], title="How do I rotate a key in use?")
    forum.reply(topic, cy, "Create a second one, `deploy` it, revoke this.")
    Post.objects.filter(topic=topic).update(brought_score=17)
    brought = imported_topic(topic).person
    imported_person("2", email="ada@old.test")
    imported_person("3", claimed_by=ada)
    EmailAddress.objects.create(user=ada, email="ada@old.test", verified=True)
    talk = conversations.create_conversation(
        [ada, cy],
        by=ben,
        title="The key of the staging gateway",
        text="It stops at **512** tokens since Monday:\n\n```\nmax_tokens=512\n```",
    )
    conversations.create_message(talk, by=cy, text="我这里也是，重试之后就好了。")
    said = conversations.create_message(talk, by=ada, text="I look at it today.")
    flag = conversations.flag_message(
        talk.messages.get(number=1),
        by=cy,
        reason="other",
        note="It holds a key of ours.",
    )
    set_stance(ben, by=ada, kind=Stance.Kind.FOLLOW)
    set_stance(cy, by=ada, kind=Stance.Kind.MUTE)
    page = open_context(screen=screen, user=ada).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in {
        "profile": "/u/ben/",
        "placeholder": brought.placeholder.get_absolute_url(),
        "activity": "/u/ben/activity/",
        "directory": "/people/",
        "stances": "/settings/people/",
        "history": "/settings/history/",
        "brought": topic.get_absolute_url(),
        "messages": "/messages/",
        "write": "/messages/new/?to=ben",
        "conversation": talk.get_absolute_url(),
        "report": f"/messages/m/{said.pk - 1}/report/",
        "reach": "/messages/reach/",
        "case": f"/moderation/cases/{flag.case_id}/",
    }.items():
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 200, shown
        look(page, f"people-{shown}", screen)
    assert complaints.lines == []


def test_a_message_is_written_read_and_answered(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada, ben = person("ada"), person("ben")
    pages = []
    for who in (ada, ben):
        page = open_context(user=who).new_page()
        pages.append(page)
    first, second = pages

    first.goto("/u/ben/")
    first.get_by_role("link", name="Write a message").click()
    first.get_by_label("About").fill("Keys")
    first.get_by_label("Your message").fill("Which one is it?")
    first.get_by_role("button", name="Send").click()
    first.get_by_text("Which one is it?").wait_for()
    second.goto("/messages/")
    second.get_by_role("link", name="Keys").click()
    second.get_by_label("Your message").fill("The first.")
    second.get_by_role("button", name="Send").click()
    second.get_by_text("The first.").wait_for()
    first.reload()

    first.get_by_text("The first.").wait_for()

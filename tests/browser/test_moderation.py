"""Moderation, trust, following and drafts in a real browser: whole at every width."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from pytest_django.live_server_helper import LiveServer

from community.forum import services as forum_services
from community.moderation import services
from community.standing.services import sanction_person
from community.trust.models import BadgeAward
from drafts import services as drafts
from drafts.slots import Slot
from tests.browser.helpers import (
    collect_console_and_csp,
    enter,
)
from tests.browser.screens import Screen, look, three_screens
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "Why does the answer stop in the middle of a sentence when I stream it?"


def world(person: Callable[..., Any]) -> dict[str, Any]:
    """Make a queue, acts, a silenced person who appealed, follows and drafts."""
    ada, ben = person("ada", display_name="Ada 李"), person("ben")
    mod = person("mod", is_moderator=True, is_staff=True)
    within = forum.category(name="Help", name_zh="求助", slug="help")
    topic = forum.topic(ada, category=within, title=LONG, tags=["streaming"])
    zh = forum.topic(ben, category=within, title="流式输出在句子中间停止，怎么办？")
    bad = forum.reply(
        topic, ben, "Buy cheap tokens at my shop, best price, now now now"
    )
    case = services.raise_post_flag(
        bad, by=ada, reason="spam", note="Twice", limited=False
    )
    services.raise_post_flag(bad, by=person("cem"), reason="rude", limited=False)
    services.raise_post_flag(zh.posts.get(), by=ada, reason="off_topic", limited=False)
    act = services.treat_topics(
        [topic.pk, zh.pk], kind="tag", by=mod, value="new", reason="Tidy up."
    )
    sanction = sanction_person(
        ben, kind="silence", reason="Advertising.", until=None, by=mod
    )
    services.appeal_sanction(sanction, text="It was a joke. 那只是个玩笑。")
    for user, badge in ((ada, "solver"), (ada, "reader"), (mod, "guide")):
        BadgeAward.objects.create(user=user, badge=badge)
    for user in (ben, mod):
        forum_services.set_watch(within, user=user, level="watching")
        forum_services.set_watch(
            topic.tags.get(name="streaming"), user=user, level="muted"
        )
        drafts.keep(
            Slot(owner=user.public_id, place=f"forum.reply:{topic.pk}"),
            {"text": ["What I meant to say is that the stream ends too early."]},
            owner=drafts.Owner(user),
        )
    return {"mod": mod, "ben": ben, "case": case.case, "act": act, "post": bad}


@three_screens
def test_every_page_is_whole_and_accessible(
    open_context: Callable[..., BrowserContext],
    live_server: LiveServer,
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    made = world(person)
    context = open_context(screen=screen)
    page = context.new_page()
    complaints = collect_console_and_csp(page)
    for who, addresses in {
        "mod": {
            "queue": "/moderation/",
            "case": made["case"].get_absolute_url(),
            "topics": "/moderation/topics/",
            "acts": "/moderation/acts/",
            "act": made["act"].get_absolute_url(),
            "people": "/moderation/people/",
            "person": "/moderation/people/ben/",
            "log": "/moderation/log/",
            "profile": "/u/ada/",
        },
        "ben": {
            "flag": f"/forum/p/{made['post'].topic.posts.get(number=1).pk}/flag/",
            "standing": "/settings/standing/",
            "trust": "/settings/trust/",
            "badges": "/badges/",
            "board": "/contributors/?period=week",
            "watching": "/settings/watching/",
            "drafts": "/drafts/",
            "silenced": made["post"].topic.get_absolute_url(),
            "category": "/forum/c/help/",
        },
    }.items():
        enter(context, made[who], live_server.url)
        for shown, url in addresses.items():
            page.goto(url)
            look(page, f"moderation-{shown}", screen)
    assert complaints.lines == []

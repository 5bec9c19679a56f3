from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from community.forum import services
from community.forum.defaults import ensure_categories, ensure_category
from community.forum.models import Category, Topic, Visibility
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def test_the_counters_are_right_after_every_kind_of_change(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["keys"])
    hidden = forum.topic(ada, tags=["keys"])
    reply = forum.reply(topic, ben)
    services.vote(reply, by=ada, value=1)
    services.vote(topic.posts.get(number=1), by=ben, value=-1, limited=False)
    services.hide_post(forum.reply(topic, ben), by=mod, reason="Spam")
    services.hide_post(hidden.posts.get(number=1), by=mod, reason="Spam")
    services.move_topic(topic, by=mod, category=forum.category())
    services.move_topic(hidden, by=mod, category=forum.category())
    call_command("counters", "audit")
    services.restore_post(hidden.posts.get(number=1), by=mod)
    call_command("counters", "audit")


def test_a_wrong_counter_is_found_and_mended(person: Person) -> None:
    topic = forum.topic(person("ada"))
    Topic.objects.update(reply_count=7)
    with pytest.raises(CommandError, match="1 counters"):
        call_command("counters", "audit")
    call_command("counters", "repair")
    topic.refresh_from_db()
    assert topic.reply_count == 0
    call_command("counters", "audit")


def test_looks_are_added_to_their_topics(person: Person) -> None:
    ada = person("ada")
    often, once, never = (forum.topic(ada) for _ in range(3))

    services.add_views({often.pk: 7, once.pk: 1})
    services.add_views({often.pk: 2})

    topics = Topic.objects.in_bulk([often.pk, once.pk, never.pk])
    assert topics[often.pk].view_count == 9
    assert topics[once.pk].view_count == 1
    assert topics[never.pk].view_count == 0


def test_a_category_is_made_once_and_comes_last() -> None:
    ensure_categories()
    before = Category.objects.count()

    made = ensure_category("members", ("Members", "会员区"), Visibility.MEMBERS)
    again = ensure_category("members", ("Others", "其他"), Visibility.STAFF)

    assert Category.objects.count() == before + 1
    assert again == made
    made.refresh_from_db()
    assert (made.name, made.name_zh) == ("Members", "会员区")
    assert made.visibility == Visibility.MEMBERS
    assert made.position == before

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from community.forum import services
from community.forum.models import Topic
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
    services.vote(topic.posts.get(number=1), by=ben, value=-1)
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

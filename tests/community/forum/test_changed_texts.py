"""What follows from a text follows from what it says now, no longer what it said."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from notifications.letters import letter_about
from notifications.models import EmailMessage, Notification
from tests.factories import forum

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
Deliver = Callable[[], int]


def kinds(user: Any) -> list[str]:
    return list(Notification.objects.visible_to(user).values_list("kind", flat=True))


def bell(user: Any) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/notifications/").content.decode()


def over_rest(user: Any) -> dict[str, Any]:
    client = Client()
    client.force_login(user)
    (message,) = client.get("/api/v1/notifications/").json()["results"]
    assert isinstance(message, dict)
    return message


@pytest.mark.parametrize("is_opening", [True, False])
def test_who_is_called_by_an_edit_is_told_once(
    person: Person, deliver_outbox: Deliver, is_opening: bool
) -> None:
    ada, ben, cat = person("ada"), person("ben"), person("cat")
    topic = forum.topic(ada, text="Hello @ben")
    post = topic.posts.get() if is_opening else forum.reply(topic, ada, "Hello @ben")
    deliver_outbox()
    Notification.objects.filter(user=ben).delete()

    for text in ("Hello @ben and @cat", "Hello @ben and @cat!"):
        services.edit_post(post, editor=ada, text=text)
        deliver_outbox()

    assert kinds(cat) == ["mention"]
    assert Notification.objects.get(user=cat).count == 1
    assert kinds(ben) == []


def test_who_is_called_no_longer_when_the_fact_is_heard_is_not_told(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, cat = person("ada"), person("cat")
    post = forum.topic(ada).posts.get()

    services.edit_post(post, editor=ada, text="Hello @cat")
    services.edit_post(post, editor=ada, text="Hello")
    deliver_outbox()

    assert kinds(cat) == []


def test_an_edit_calls_nobody_who_may_not_read_it(
    person: Person, deliver_outbox: Deliver
) -> None:
    mod, cat = person("mod", is_staff=True), person("cat")
    post = forum.topic(mod, category=forum.category("staff")).posts.get()

    services.edit_post(post, editor=mod, text="Hello @cat")
    deliver_outbox()

    assert not Notification.objects.filter(user=cat).exists()


def test_a_comment_calls_whom_it_names_after_a_change(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, cat = person("ada"), person("cat")
    post = forum.topic(ada).posts.get()
    comment = services.post_comment(post, author=ada, text="Yes.", limited=False)
    deliver_outbox()

    services.edit_comment(comment, editor=ada, text="Yes, @cat.")
    deliver_outbox()

    assert kinds(cat) == ["mention"]


def test_the_bell_says_what_the_post_says_now(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="My key is sk-123, why?")
    reply = forum.reply(topic, ben, "My password is hunter2")
    deliver_outbox()
    assert "sk-123" in bell(ada)
    assert over_rest(ada)["body"] == "My password is hunter2"

    services.edit_post(reply, editor=ben, text="Never mind")
    services.edit_topic(topic, by=ada, title="Why does my key not work?")

    assert "sk-123" not in bell(ada)
    assert "Why does my key not work?" in bell(ada)
    assert over_rest(ada)["body"] == "Never mind"
    assert over_rest(ada)["title"] == "ben replied: Why does my key not work?"


def test_a_mail_that_has_not_left_says_what_the_post_says_now(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="Is sk-123 my key?")
    reply = forum.reply(topic, ben, "My password is hunter2")
    deliver_outbox()
    mail = EmailMessage.objects.get(user=ada, sent_at=None)
    assert mail.notification_id is not None

    services.edit_post(reply, editor=ben, text="Never mind")
    services.edit_topic(topic, by=ada, title="Which key is mine?")
    letter = letter_about(mail.notification_id, user=ada)

    assert letter is not None
    assert letter.subject == "ben replied: Which key is mine?"
    assert "Never mind" in letter.text
    assert "hunter2" not in f"{letter.text}{letter.html}"


def test_the_bell_says_what_a_comment_says_now(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    post = forum.topic(ada).posts.get()
    comment = services.post_comment(post, author=ben, text="hunter2", limited=False)
    deliver_outbox()

    services.edit_comment(comment, editor=ben, text="Never mind")

    assert over_rest(ada)["body"] == "Never mind"


def test_the_note_of_a_bookmark_stays_the_readers_own(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada, title="Which title?")
    kept = services.set_bookmark(topic.posts.get(), user=ada, note="Mine")
    type(kept).objects.update(remind_at="2026-01-01T00:00Z")
    services.notify_of_reminders()

    services.edit_topic(topic, by=ada, title="Another title?")

    assert over_rest(ada)["body"] == "Mine"
    assert over_rest(ada)["title"] == "You wanted to come back to: Another title?"


def test_the_bell_asks_the_same_for_one_message_and_for_many(
    person: Person, deliver_outbox: Deliver, django_assert_max_num_queries: Any
) -> None:
    ada, ben = person("ada"), person("ben")
    client = Client()
    client.force_login(ada)
    # What is done once for a person is done before anything is counted.
    client.get("/notifications/")
    counts = []
    for _ in range(2):
        for _ in range(5):
            forum.reply(forum.topic(ada), ben)
        deliver_outbox()
        with django_assert_max_num_queries(40) as asked:
            client.get("/notifications/")
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_the_language_of_a_topic_is_that_of_its_text_now(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada, title="How do I rotate it?", text="It does not say.")

    services.edit_post(
        topic.posts.get(), editor=ada, title="如何轮换密钥？", text="文档里没有写。"
    )

    topic.refresh_from_db()
    assert topic.locale == "zh-hans"

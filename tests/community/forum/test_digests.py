"""The Monday letter: by the reader's clock and language, once, stopped by one click."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from community.forum import digests, services
from community.forum.models import Topic
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage, Preference
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
# A Monday in summer, when clocks differ by an hour more, and one in winter.
MONDAYS = (datetime(2026, 7, 6, tzinfo=UTC), datetime(2026, 12, 7, tzinfo=UTC))


def wanting(person: Person, name: str, **fields: Any) -> Any:
    user = person(name, **fields)
    Preference.objects.create(user=user, kind="digest", by_email=True)
    return user


def ask(by: Any, at: datetime, **fields: Any) -> Topic:
    topic = forum.topic(by, **fields)
    Topic.objects.filter(pk=topic.pk).update(created_at=at - timedelta(days=2))
    return topic


def leave(at: datetime) -> EmailMultiAlternatives:
    """Have what was written down at that moment leave; return the mail."""
    EmailMessage.objects.update(created_at=at)
    sweep("mail")
    mail = django_mail.outbox[-1]
    assert isinstance(mail, EmailMultiAlternatives)
    return mail


@pytest.mark.parametrize("monday", MONDAYS)
@pytest.mark.parametrize(
    ("zone", "hour"),
    [("UTC", 8), ("Asia/Shanghai", 0), ("America/Los_Angeles", None), ("", 8)],
)
def test_it_comes_at_eight_by_the_readers_own_clock(
    person: Person, monday: datetime, zone: str, hour: int | None
) -> None:
    wanting(person, "ada", time_zone=zone)
    ask(person("ben"), monday)
    if hour is None:
        hour = 15 if monday.month == 7 else 16

    sent = [
        number
        for number in range(24)
        if digests.send_digests(monday + timedelta(hours=number, minutes=10))
    ]

    assert sent == [hour]


def test_it_is_written_once_a_week_in_the_readers_language(person: Person) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    wanting(person, "ada", locale="zh-hans")
    topic = ask(person("ben"), at, title="How do zeppelins land?")

    assert digests.send_digests(at) == 1
    assert digests.send_digests(at + timedelta(minutes=30)) == 0
    letter = leave(at)
    assert "zeppelins" in letter.body
    assert topic.get_absolute_url() in str(letter.alternatives[0][0])
    assert "您" in letter.body
    headers = letter.extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    Topic.objects.update(created_at=at + timedelta(days=3))
    assert digests.send_digests(at + timedelta(days=7)) == 1


def test_one_click_stops_it(client: Client, person: Person) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    wanting(person, "ada")
    ask(person("ben"), at)
    digests.send_digests(at)
    link = leave(at).extra_headers["List-Unsubscribe"]

    client.post(f"/unsubscribe/{link.strip('<>').rpartition('/unsubscribe/')[2]}")

    Topic.objects.update(created_at=at + timedelta(days=3))
    assert digests.send_digests(at + timedelta(days=7)) == 0


@pytest.mark.parametrize("act", ["move", "hide"])
def test_what_was_moved_or_hidden_before_it_leaves_is_not_in_it(
    person: Person, act: str
) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    wanting(person, "ada")
    ben, mod = person("ben"), person("mod", is_moderator=True)
    secret = ask(ben, at, title="How do zeppelins land?")
    shown = ask(ben, at, title="How do balloons land?")
    digests.send_digests(at)
    assert "zeppelin" not in EmailMessage.objects.get(kind="digest").subject

    if act == "move":
        services.move_topic(secret, by=mod, category=forum.category("staff"))
    else:
        services.hide_post(secret.posts.get(), by=mod, reason="x")
    letter = leave(at)

    assert "zeppelins" not in letter.body + str(letter.alternatives[0][0])
    assert shown.title in letter.body


def test_a_letter_with_nothing_left_to_say_does_not_leave(person: Person) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    wanting(person, "ada")
    topic = ask(person("ben"), at)
    digests.send_digests(at)

    mod = person("mod", is_moderator=True)
    services.hide_post(topic.posts.get(), by=mod, reason="x")
    EmailMessage.objects.update(created_at=at)
    sweep("mail")

    assert django_mail.outbox == []
    assert Job.objects.get(kind="mail").state == "ignored"


def test_it_holds_what_its_reader_may_read_and_has_not_and_wants(
    person: Person,
) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    ada, ben = wanting(person, "ada"), person("ben")
    shown = ask(ben, at)
    mod = person("mod", is_moderator=True)
    ask(mod, at, category=forum.category("staff"))
    services.hide_post(ask(ben, at).posts.get(), by=mod, reason="x")
    services.mark_read(ask(ben, at), user=ada, number=1)
    services.set_level(ask(ben, at), user=ada, level="muted")
    loud = forum.category()
    ask(ben, at, category=loud)
    services.set_watch(loud, user=ada, level="muted")
    ask(ada, at)
    old = ask(ben, at)
    Topic.objects.filter(pk=old.pk).update(created_at=at - timedelta(days=8))

    assert digests.best_of_week(ada, at) == [shown]


def test_nobody_gets_it_unasked_and_no_week_without_news_is_a_mail(
    person: Person,
) -> None:
    at = MONDAYS[0] + timedelta(hours=8)
    person("ben")
    ada = wanting(person, "ada")
    assert digests.send_digests(at) == 0
    ask(ada, at)
    assert digests.send_digests(at) == 0
    assert not EmailMessage.objects.filter(kind="digest").exists()

"""Bookmarks: nobody else's business, and a reminder that comes once, by one's clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community.forum import services
from community.forum.exceptions import ReminderInThePast, TooManyBookmarks
from community.forum.models import Bookmark, Category, Visibility
from community.forum.reminders import morning_in
from community.forum.services import bookmarks
from notifications.models import EmailMessage, Notification
from tests.factories import forum
from tests.forms import send
from tests.races import together

Person = Callable[..., Any]
JSON = "application/json"


def reminders(user: Any) -> list[str]:
    seen = Notification.objects.visible_to(user).filter(kind="reminder")
    return list(seen.values_list("title", flat=True))


def due(post: Any, user: Any) -> Bookmark:
    """Keep a post with a reminder that is due by now."""
    kept = services.set_bookmark(
        post, user=user, remind_at=timezone.now() + timedelta(hours=1)
    )
    Bookmark.objects.filter(pk=kept.pk).update(
        remind_at=timezone.now() - timedelta(seconds=1)
    )
    return kept


@pytest.mark.django_db
def test_a_post_is_kept_with_a_note_found_again_and_let_go_of(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="How do I find it again?")
    opening = topic.posts.get(number=1)
    client.force_login(ben)
    page = f"/forum/p/{opening.pk}/bookmark/"

    assert send(client, page, "note", note="For Monday").status_code == 302

    listed = client.get("/forum/bookmarks/").content.decode()
    assert "How do I find it again?" in listed
    assert "For Monday" in listed
    assert "Bookmarked" in client.get(topic.get_absolute_url()).content.decode()
    client.force_login(ada)
    assert "For Monday" not in client.get("/forum/bookmarks/").content.decode()
    assert "Bookmarked" not in client.get(topic.get_absolute_url()).content.decode()
    client.force_login(ben)
    gone = client.post(f"{page}remove/", {"list": "1"})
    assert gone["Location"] == "/forum/bookmarks/"
    assert not Bookmark.objects.exists()


@pytest.mark.django_db
def test_a_bookmark_of_what_one_may_no_longer_read_is_not_shown_or_reminded_of(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="A secret by tomorrow?")
    due(topic.posts.get(number=1), ben)
    services.move_topic(topic, by=mod, category=forum.category(Visibility.STAFF))
    client.force_login(ben)

    assert services.notify_of_reminders() == 1

    assert "A secret" not in client.get("/forum/bookmarks/").content.decode()
    assert client.get("/api/v1/bookmarks/").json()["results"] == []
    assert not Notification.objects.filter(user=ben, kind="reminder").exists()


@pytest.mark.django_db
def test_a_reminder_comes_once_in_the_product_and_by_mail(person: Person) -> None:
    ada, ben = person("ada"), person("ben", locale="zh-hans")
    topic = forum.topic(ada, title="怎样轮换密钥？")
    kept = due(topic.posts.get(number=1), ben)
    early = services.set_bookmark(
        topic.posts.get(number=1),
        user=ada,
        remind_at=timezone.now() + timedelta(minutes=1),
    )

    assert [services.notify_of_reminders() for _ in range(3)] == [1, 0, 0]

    assert len(reminders(ben)) == 1
    assert "怎样轮换密钥？" in reminders(ben)[0]
    assert EmailMessage.objects.filter(user=ben, kind="reminder").count() == 1
    kept.refresh_from_db()
    early.refresh_from_db()
    assert (kept.is_waiting, early.is_waiting) == (False, True)


@pytest.mark.django_db
def test_a_reminder_set_anew_comes_again_and_a_removed_one_never(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    due(opening, ben)
    services.notify_of_reminders()
    due(opening, ben)
    Notification.objects.update(read_at=timezone.now())
    assert services.notify_of_reminders() == 1

    due(opening, ben)
    services.remove_bookmark(opening, user=ben)

    assert services.notify_of_reminders() == 0


@pytest.mark.django_db
def test_a_changed_note_does_not_remind_again(person: Person) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)
    kept = due(opening, ada)
    kept.refresh_from_db()
    services.notify_of_reminders()

    services.set_bookmark(opening, user=ada, note="Read it", remind_at=kept.remind_at)

    assert services.notify_of_reminders() == 0


@pytest.mark.django_db(transaction=True)
def test_of_four_workers_at_once_each_reminder_comes_from_one(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookmarks, "BATCH", 3)
    ada = person("ada")
    topic = forum.topic(ada)
    people = [person(f"p{number}") for number in range(12)]
    for user in people:
        due(topic.posts.get(number=1), user)

    done = together(*[services.notify_of_reminders for _ in range(4)])

    assert sum(done) == 12
    told = Notification.objects.filter(kind="reminder")
    assert sorted(told.values_list("user", flat=True)) == sorted(u.pk for u in people)
    assert set(told.values_list("count", flat=True)) == {1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "typed", "moment"),
    [
        ("Asia/Shanghai", "2030-07-01T09:30", datetime(2030, 7, 1, 1, 30, tzinfo=UTC)),
        (
            "America/New_York",
            "2030-07-01T09:30",
            datetime(2030, 7, 1, 13, 30, tzinfo=UTC),
        ),
        (
            "America/New_York",
            "2030-01-02T09:30",
            datetime(2030, 1, 2, 14, 30, tzinfo=UTC),
        ),
        ("", "2030-07-01T09:30", datetime(2030, 7, 1, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_by_the_clock_of_who_typed_it(
    client: Client, person: Person, zone: str, typed: str, moment: datetime
) -> None:
    ada = person("ada", time_zone=zone)
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ada)
    page = f"/forum/p/{opening.pk}/bookmark/"

    send(client, page, "note", when="at", at=typed)

    assert Bookmark.objects.get().remind_at == moment
    assert f'value="{typed}"' in client.get(page).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "at"),
    [
        # Clocks go from two to three in between; and there is no such time.
        ("Europe/Berlin", "2031-03-30T02:30"),
        ("Europe/Berlin", "2020-03-30T12:00"),
        ("Europe/Berlin", "9999-12-31T23:59"),
        ("Europe/Berlin", "tomorrow"),
        ("Europe/Berlin", ""),
    ],
)
def test_a_time_that_cannot_come_is_refused_with_what_was_typed(
    client: Client, person: Person, zone: str, at: str
) -> None:
    ada = person("ada", time_zone=zone)
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ada)

    refused = send(
        client,
        f"/forum/p/{opening.pk}/bookmark/",
        "note",
        note="Keep me",
        when="at",
        at=at,
    )

    assert refused.status_code == 422
    assert "at" in refused.context["form"].errors
    assert "Keep me" in refused.content.decode()
    assert not Bookmark.objects.exists()


def test_a_morning_is_nine_o_clock_also_across_a_change_of_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    with timezone.override(berlin):
        mornings = [morning_in(days).astimezone(berlin) for days in range(1, 366)]

    assert {(each.hour, each.minute) for each in mornings} == {(9, 0)}
    assert len({each.utcoffset() for each in mornings}) == 2


@pytest.mark.django_db
def test_rest_keeps_lists_and_lets_go(client: Client, person: Person) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ada)
    address = f"/api/v1/posts/{opening.pk}/bookmark/"
    later = (timezone.now() + timedelta(days=1)).isoformat()

    kept = client.put(address, {"note": "A", "remind_at": later}, JSON)

    assert (kept.status_code, kept.json()["note"]) == (200, "A")
    assert len(client.get("/api/v1/bookmarks/").json()["results"]) == 1
    past = client.put(address, {"remind_at": "2020-01-01T00:00:00Z"}, JSON)
    assert (past.status_code, past.json()["code"]) == (400, "reminder_in_the_past")
    unknown = client.put(address, {"remind": later}, JSON)
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["remind"])
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/bookmarks/").json()["results"] == []
    client.logout()
    assert client.get("/api/v1/bookmarks/").status_code in {401, 403}


@pytest.mark.django_db
def test_nobody_is_reminded_of_the_past_or_keeps_everything(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    first, second = topic.posts.get(number=1), forum.reply(topic, ada)
    with pytest.raises(ReminderInThePast):
        services.set_bookmark(first, user=ada, remind_at=timezone.now())
    monkeypatch.setattr(bookmarks, "MOST", 1)
    services.set_bookmark(first, user=ada)
    services.set_bookmark(first, user=ada, note="Again")
    with pytest.raises(TooManyBookmarks):
        services.set_bookmark(second, user=ada)
    assert Bookmark.objects.get().note == "Again"


@pytest.mark.django_db
def test_the_list_costs_the_same_for_one_bookmark_and_twenty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    within = forum.category()
    assert Category.objects.count() == 1
    services.set_bookmark(
        forum.topic(ada, category=within).posts.get(number=1), user=ada
    )
    client.force_login(ada)
    client.get("/forum/bookmarks/")
    with CaptureQueriesContext(connection) as one:
        client.get("/forum/bookmarks/")
    for _ in range(19):
        services.set_bookmark(
            forum.topic(ada, category=within).posts.get(number=1), user=ada
        )

    with CaptureQueriesContext(connection) as twenty:
        client.get("/forum/bookmarks/")

    assert len(twenty) == len(one)

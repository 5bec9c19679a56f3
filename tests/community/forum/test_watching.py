"""PlaceWatch levels of topic, category and tag, as the fan-out respects them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from community.forum import notices, services
from community.forum.models import Category, PlaceWatch, Topic
from community.forum.rest.places import present_values
from notifications.models import Notification
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def heard(user: Any) -> list[str]:
    told = Notification.objects.filter(user=user).order_by("pk")
    return list(told.values_list("kind", flat=True))


def opened(author: Any, within: Category, **fields: Any) -> Topic:
    topic = forum.topic(author, category=within, **fields)
    notices.notify_of_topic(topic.pk)
    return topic


def replied(topic: Topic, author: Any, text: str = "Like this.") -> None:
    notices.notify_of_reply(forum.reply(topic, author, text).pk)


@pytest.mark.parametrize("kind", ["category", "tag"])
def test_who_watches_a_place_hears_of_new_topics(person: Person, kind: str) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    tag = forum.topic(person("cem"), category=within, tags=["news"]).tags.get()
    thing = within if kind == "category" else tag

    services.set_watch(thing, user=ben, level="tracking")
    opened(ada, within, tags=["news"])
    assert heard(ben) == []
    services.set_watch(thing, user=ben, level="watching")
    opened(ada, within, tags=["news"])
    assert heard(ben) == ["watched"]
    services.set_watch(thing, user=ben, level="normal")
    assert not PlaceWatch.objects.exists()
    opened(ada, within, tags=["news"])
    assert heard(ben) == ["watched"]


def test_replies_are_heard_by_place_until_something_else_is_chosen_for_the_topic(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    topic = forum.topic(ada, category=within)
    services.set_watch(within, user=ben, level="watching")
    # Reading alone chooses nothing.
    services.mark_read(topic, user=ben, number=1)

    replied(topic, ada)
    assert heard(ben) == ["watched"]
    services.set_level(topic, user=ben, level="normal")
    Notification.objects.all().delete()
    replied(topic, ada)
    assert heard(ben) == []
    services.set_level(topic, user=ben, level="watching")
    replied(topic, ada)
    assert heard(ben) == ["watched"]


def test_a_muted_place_silences_a_watched_one(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    topic = forum.topic(ada, category=within, tags=["loud"])
    services.set_watch(within, user=ben, level="watching")
    services.set_watch(topic.tags.get(), user=ben, level="muted")

    opened(ada, within, tags=["loud"])
    replied(topic, ada)

    assert heard(ben) == []


def test_in_a_muted_topic_a_mention_is_not_heard_either(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    services.set_level(topic, user=ben, level="muted")
    replied(topic, ada, "@ben look")
    assert heard(ben) == []


def test_who_may_not_read_hears_nothing_of_what_they_watch(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    within = forum.category("staff")
    for user in (ben, mod):
        PlaceWatch.objects.create(user=user, category=within, level="watching")

    topic = opened(ada, within)
    replied(topic, ada)

    assert heard(ben) == []
    assert heard(mod) == ["watched"]


def test_telling_costs_the_same_for_one_who_watches_and_for_two_hundred(
    person: Person,
) -> None:
    ada = person("ada")
    counts = []
    for number in (1, 200):
        within = forum.category()
        people = User.objects.bulk_create(
            User(email=f"w{number}x{n}@example.test", username=f"w{number}x{n}")
            for n in range(number)
        )
        PlaceWatch.objects.bulk_create(
            PlaceWatch(user=each, category=within, level="watching") for each in people
        )
        topic = forum.topic(ada, category=within)
        with CaptureQueriesContext(connection) as queries:
            notices.notify_of_topic(topic.pk)
        counts.append(len(queries))
        assert Notification.objects.filter(about_id=topic.posts.get().pk).count() == (
            number
        )
    assert counts[0] == counts[1]


def test_muted_places_are_left_out_of_the_list_of_all(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    quiet, loud = forum.category(), forum.category(slug="loud")
    shown = forum.topic(ada, category=quiet)
    forum.topic(ada, category=loud)
    tagged = forum.topic(ada, category=quiet, tags=["noise"])
    client.force_login(ben)
    services.set_watch(loud, user=ben, level="muted")
    services.set_watch(tagged.tags.get(), user=ben, level="muted")

    rows = client.get("/forum/").context["rows"]
    assert [row.topic.pk for row in rows] == [shown.pk]
    inside = client.get("/forum/c/loud/").context["rows"]
    assert len(inside) == 1
    client.force_login(ada)
    assert len(client.get("/forum/").context["rows"]) == 3


def test_what_is_tracked_stays_new_until_it_is_opened(
    client: Client, person: Person
) -> None:
    ben = person("ben")
    long_ago = timezone.now() - timedelta(days=60)
    User.objects.filter(pk=ben.pk).update(date_joined=long_ago)
    within = forum.category(slug="news")
    services.set_watch(within, user=ben, level="tracking")
    PlaceWatch.objects.update(chosen_at=long_ago)
    topic = forum.topic(person("ada"), category=within)
    other = forum.topic(person("cem"))
    Topic.objects.update(created_at=timezone.now() - timedelta(days=20))
    client.force_login(ben)

    def news() -> dict[int, bool]:
        rows = client.get("/forum/").context["rows"]
        return {row.topic.pk: row.is_new for row in rows}

    assert news() == {topic.pk: True, other.pk: False}
    client.get(topic.get_absolute_url())
    assert news() == {topic.pk: False, other.pk: False}


def test_levels_are_chosen_in_the_browser_and_over_rest(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category(slug="news")
    topic = forum.topic(ada, category=within, tags=["one"])
    client.force_login(ben)

    client.post("/forum/c/news/watch/", {"level": "watching"})
    client.post("/forum/tag/one/watch/", {"level": "tracking"})
    chosen = client.get("/settings/watching/").context["page"]
    assert sorted(each.level for each in chosen) == ["tracking", "watching"]
    assert client.get("/forum/c/news/").context["watch_level"] == "watching"
    assert client.get("/forum/tag/one/").context["watch_level"] == "tracking"
    back = client.post("/forum/c/news/watch/", {"level": "normal", "list": "1"})
    assert back["Location"] == "/settings/watching/"
    for path in ("categories/news", "tags/one"):
        answer = client.put(
            f"/api/v1/{path}/watch/",
            {"level": "muted"},
            content_type="application/json",
        )
        assert answer.json() == {"level": "muted"}
    assert set(PlaceWatch.objects.values_list("level", flat=True)) == {"muted"}
    assert client.post("/forum/c/news/watch/", {}).status_code == 403
    assert client.post(f"/forum/t/{topic.pk}/watch/", {"level": "tracking"})
    assert topic.readers.get(user=ben).level == "tracking"


def test_who_watches_a_tag_watches_the_one_it_is_merged_into(person: Person) -> None:
    ada, ben, cat, mod = (person(name) for name in ("ada", "ben", "cat", "mod"))
    within = forum.category()
    topic = forum.topic(ada, category=within, tags=["js", "JavaScript"])
    js, javascript = topic.tags.get(name="js"), topic.tags.get(name="JavaScript")
    services.set_watch(js, user=ben, level="watching")
    services.set_watch(js, user=cat, level="watching")
    services.set_watch(javascript, user=cat, level="muted")

    services.merge_tag(js, into=javascript, by=mod)
    opened(ada, within, tags=["JavaScript"])

    assert heard(ben) == ["watched"]
    assert heard(cat) == []
    assert not PlaceWatch.objects.filter(tag=js).exists()


def test_what_is_followed_and_may_be_seen_no_more_is_named_no_more(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    within = forum.category(name="Zeppelins")
    topic = forum.topic(mod, category=within, tags=["Airships"])
    services.set_watch(within, user=ada, level="watching")
    services.set_watch(topic.tags.get(), user=ada, level="tracking")
    client.force_login(ada)
    assert "Zeppelins" in client.get("/settings/watching/").content.decode()

    values = present_values(within)
    values["visibility"] = "staff"
    services.edit_category(within, values, by=mod)

    page = client.get("/settings/watching/").content.decode()
    assert "Zeppelins" not in page
    assert "Airships" not in page
    assert PlaceWatch.objects.filter(user=ada).count() == 2

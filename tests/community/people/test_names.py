"""The name menu: who is offered behind an “@”, in which order, and to whom."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from community.forum.models import Post, Visibility
from community.people.models import Stance
from community.people.queries import MOST_NAMES, suggest_people
from community.people.services import set_stance
from tests.factories import forum

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def named(people: list[User]) -> list[str]:
    return [each.username for each in people]


def offered(client: Client, **query: str) -> list[str]:
    answer = client.get(reverse("people:names"), query)
    assert answer.status_code == 200
    return re.findall(r'data-username="([^"]+)"', answer.content.decode())


def test_names_begin_with_what_is_typed_in_either_name(person: Person) -> None:
    ada = person("ada")
    person("ben", display_name="Adam Okafor")
    person("chen", display_name="陈思远")
    person("cleo")

    assert named(suggest_people("AD", to=ada)) == ["ben"]
    assert named(suggest_people("陈", to=ada)) == ["chen"]
    assert named(suggest_people("c", to=ada)) == ["chen", "cleo"]
    assert suggest_people("", to=ada) == []


def test_who_takes_part_comes_first_and_is_there_before_a_letter(
    person: Person,
) -> None:
    ada, zoe = person("ada"), person("zara")
    person("zac")
    hidden = person("zed")
    topic = forum.topic(ada)
    forum.reply(topic, zoe)
    taken_back = forum.reply(topic, hidden)
    Post.objects.filter(pk=taken_back.pk).update(hidden_at=timezone.now())

    assert named(suggest_people("z", to=ada, topic=topic)) == ["zara", "zac", "zed"]
    assert named(suggest_people("", to=ada, topic=topic)) == ["zara"]


def test_only_readers_of_the_topic_are_offered(client: Client, person: Person) -> None:
    staff = person("staff", is_staff=True)
    person("mona", is_moderator=True)
    person("max")
    topic = forum.topic(staff, category=forum.category(Visibility.STAFF))

    assert named(suggest_people("m", to=staff, topic=topic)) == ["mona"]
    assert named(suggest_people("m", to=staff)) == ["max", "mona"]


def test_a_topic_that_is_not_theirs_to_read_is_not_there(
    client: Client, person: Person
) -> None:
    topic = forum.topic(
        person("staff", is_staff=True), category=forum.category(Visibility.STAFF)
    )
    client.force_login(person("ada"))

    for key in (topic.pk, 0, 10**17, ""):
        answer = client.get(reverse("people:names"), {"q": "s", "topic": key})
        assert answer.status_code == 404, key
    wrong = client.get(reverse("people:names"), {"q": "s", "topic": "one"})
    assert wrong.status_code == 400
    assert "topic" in wrong.content.decode()


@pytest.mark.parametrize("kind", [Stance.Kind.MUTE, Stance.Kind.BLOCK])
def test_who_is_muted_or_gone_is_left_out_and_muting_shows_nowhere(
    client: Client, person: Person, kind: Stance.Kind
) -> None:
    ada, muted = person("ada"), person("mute")
    person("gone", is_active=False)
    muted_by = person("muse")
    set_stance(muted, by=ada, kind=kind)
    set_stance(ada, by=muted_by, kind=kind)
    client.force_login(ada)

    assert offered(client, q="mu") == ["muse"]
    assert offered(client, q="gon") == []
    assert offered(client, q="ada") == []


def test_a_name_from_outside_is_text(client: Client, person: Person) -> None:
    person("mallory", display_name='<img src=x onerror="alert(1)">')
    client.force_login(person("ada"))

    answer = client.get(reverse("people:names"), {"q": "mal"})

    assert "<img" not in answer.content.decode()
    assert "&lt;img" in answer.content.decode()


def test_a_few_are_offered_in_one_query(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    for number in range(MOST_NAMES + 3):
        forum.reply(topic, person(f"kim{number}"))

    with CaptureQueriesContext(connection) as queries:
        found = suggest_people("kim", to=ada, topic=topic)

    assert len(found) == MOST_NAMES
    assert len(queries) == 1


def test_the_directory_cannot_be_copied_through_it(
    client: Client, person: Person
) -> None:
    client.force_login(person("ada"))

    answers = [client.get(reverse("people:names"), {"q": "a"}) for _ in range(125)]

    codes = [answer.status_code for answer in answers]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert int(answers[-1]["Retry-After"]) >= 1


def test_visitors_are_offered_nobody(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"))

    page = client.get(topic.get_absolute_url())

    assert "data-composer" in page.content.decode()
    assert "data-names-url" not in page.content.decode()
    assert client.get(reverse("people:names"), {"q": "a"}).status_code == 302


def test_a_composer_asks_for_the_readers_of_its_topic(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    wanted = f'data-names-url="{reverse("people:names")}?topic={topic.pk}"'

    edit = reverse("forum:post-edit", args=[topic.posts.get().pk])
    for address in (topic.get_absolute_url(), edit):
        assert wanted in client.get(address).content.decode(), address
    new = client.get(reverse("forum:topic-create")).content.decode()
    assert f'data-names-url="{reverse("people:names")}"' in new

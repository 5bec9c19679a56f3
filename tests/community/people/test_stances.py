"""Following, muting and blocking: what is told, and that nobody learns of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community.forum.models import Topic, Visibility
from community.people import services
from community.people.exceptions import OwnPerson, TooManyStances
from community.people.models import Stance
from community.people.queries import find_people
from notifications.models import EmailMessage, Kind, Notification
from notifications.services import notify
from tests.factories import forum
from tests.pages import said_by
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
Deliver = Callable[[], int]
FOLLOW, MUTE, BLOCK = Stance.Kind.FOLLOW, Stance.Kind.MUTE, Stance.Kind.BLOCK


def told(user: Any) -> list[str]:
    return list(Notification.objects.visible_to(user).values_list("kind", flat=True))


def test_who_follows_is_told_of_a_topic_once(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    services.set_stance(ada, by=ben, kind=FOLLOW)

    topic = forum.topic(ada, title="How do I begin here?")
    forum.reply(topic, ada)
    deliver_outbox()

    message = Notification.objects.get(user=ben)
    assert message.kind == Kind.FOLLOWED
    assert "How do I begin here?" in message.title
    assert told(cy) == []
    assert not EmailMessage.objects.filter(user=ben).exists()


def test_nobody_is_told_of_what_they_may_not_read(
    person: Person, deliver_outbox: Deliver
) -> None:
    mod, ben = person("mod", is_staff=True), person("ben")
    services.set_stance(mod, by=ben, kind=FOLLOW)

    forum.topic(mod, category=forum.category(Visibility.STAFF))
    hidden = forum.topic(mod)
    Topic.objects.filter(pk=hidden.pk).update(hidden_at=timezone.now())
    deliver_outbox()

    assert Notification.objects.filter(user=ben).count() == 0


@pytest.mark.parametrize("kind", [MUTE, BLOCK])
def test_nothing_is_told_of_who_is_muted(
    kind: Stance.Kind, person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    services.set_stance(ben, by=ada, kind=kind)

    forum.reply(topic, ben, text="@ada look")
    deliver_outbox()

    assert Notification.objects.filter(user=ada).count() == 0
    assert not EmailMessage.objects.filter(user=ada).exists()


def test_what_was_told_before_goes_and_comes_back(
    person: Person, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")
    forum.reply(forum.topic(ada), ben)
    deliver_outbox()
    assert told(ada) == [Kind.REPLY]

    services.set_stance(ben, by=ada, kind=MUTE)
    muted = told(ada)
    services.set_stance(ben, by=ada, kind=None)

    assert muted == []
    assert told(ada) == [Kind.REPLY]


def test_what_concerns_security_and_what_nobody_did_is_always_told(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    services.set_stance(ben, by=ada, kind=BLOCK)

    notify(ada.pk, Kind.SECURITY, dedupe_key="a", url="/", title="A", actor_id=ben.pk)
    notify(ada.pk, Kind.BILLING, dedupe_key="b", url="/", title="B")

    assert sorted(told(ada)) == [Kind.BILLING, Kind.SECURITY]


def test_there_is_one_stance_and_the_last_wish_holds(person: Person) -> None:
    ada, ben = person("ada"), person("ben")

    for kind in (FOLLOW, MUTE, BLOCK, BLOCK):
        services.set_stance(ada, by=ben, kind=kind)

    assert Stance.objects.get().kind == BLOCK
    services.set_stance(ada, by=ben, kind=None)
    assert not Stance.objects.exists()
    with pytest.raises(OwnPerson):
        services.set_stance(ada, by=ada, kind=FOLLOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Stance.objects.create(user=ada, person=ada, kind=FOLLOW)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_row(person: Person) -> None:
    ada, ben = person("ada"), person("ben")

    outcomes = together(
        *[lambda: services.set_stance(ada, by=ben, kind=FOLLOW) for _ in range(4)]
    )

    assert outcomes == [None] * 4
    assert Stance.objects.count() == 1


def test_a_list_has_an_end(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 1)
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    services.set_stance(ada, by=ben, kind=FOLLOW)

    with pytest.raises(TooManyStances):
        services.set_stance(cy, by=ben, kind=FOLLOW)

    services.set_stance(ada, by=ben, kind=MUTE)
    assert Stance.objects.get().kind == MUTE


def test_people_are_found_by_how_their_names_begin(person: Person) -> None:
    ada = person("ada", display_name="Zoë Lovelace")
    person("adam", is_active=False)
    person("ben")

    assert list(find_people("@AD")) == [ada]
    assert list(find_people("zoë")) == [ada]
    assert list(find_people("lovelace")) == []
    assert list(find_people("%")) == []
    assert find_people("").count() == 2


def test_the_directory_costs_the_same_for_one_and_many(
    person: Person, client: Client
) -> None:
    client.force_login(person("ada"))
    client.get(reverse("people:directory"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("people:directory"))
    for number in range(8):
        person(f"b{number}")
    with CaptureQueriesContext(connection) as many:
        page = client.get(reverse("people:directory"), {"q": "b"})

    assert len(many) == len(few)
    assert page.content.decode().count("@b") == 8


def test_the_profile_and_the_list_set_and_end_it(
    person: Person, client: Client
) -> None:
    ada, ben = person("ada"), person("ben")
    client.force_login(ben)
    address = reverse("people:stance-set", args=["ada"])

    client.post(address, {"kind": "follow"})
    profile = client.get("/u/ada/").content.decode()
    listed = client.get(reverse("people:stance-list")).content.decode()
    strange = client.post(address, {"kind": "adore"})
    ended = client.post(address, {"kind": "none", "list": "1"})

    assert "Followed" in profile
    assert "ada" in listed
    assert strange.status_code == 400
    assert ended["Location"] == reverse("people:stance-list")
    assert not Stance.objects.exists()
    client.force_login(ada)
    assert "ben" not in said_by(client.get(reverse("people:stance-list")))


def test_activity_shows_what_the_reader_may_see(person: Person, client: Client) -> None:
    ada = person("ada", is_staff=True)
    forum.topic(ada, title="Open to everybody")
    secret = forum.category(Visibility.STAFF)
    forum.topic(ada, title="Only for the team", category=secret)
    address = reverse("profiles:activity", args=["ada"])

    seen = client.get(address).content.decode()
    client.force_login(ada)
    own = client.get(address, {"kind": "topics"}).content.decode()

    assert "Open to everybody" in seen
    assert "Only for the team" not in seen
    assert "Only for the team" in own
    assert client.get(address, {"kind": "x"}).status_code == 400
    assert client.get(address, {"kind": "comments"}).status_code == 200

"""Reactions: a small fixed set, counted right however many react at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from community.forum.counting import differences, repair
from community.forum.exceptions import PostHidden
from community.forum.models import Reaction, ReactionCount
from community.reputation.models import Entry
from core.errors import RateLimited
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
THANKS = Reaction.Kind.THANKS


def counts(post: Any) -> dict[str, int]:
    kept = ReactionCount.objects.filter(post=post, count__gt=0)
    return dict(kept.values_list("kind", "count"))


@pytest.mark.django_db(transaction=True)
def test_forty_people_react_at_once_and_forty_are_counted(person: Person) -> None:
    opening = forum.topic(person("ada")).posts.get(number=1)
    people = [person(f"p{number}") for number in range(40)]

    came = together(
        *[
            partial(services.set_reaction, opening, by=by, kind=THANKS, is_on=True)
            for by in people
        ]
    )

    assert came == [None] * 40
    assert counts(opening) == {"thanks": 40}
    assert Reaction.objects.count() == 40
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_one_person_who_clicks_ten_times_at_once_is_counted_once(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    react = partial(services.set_reaction, opening, by=ben, kind=THANKS)

    together(*[partial(react, is_on=True) for _ in range(10)])
    assert counts(opening) == {"thanks": 1}
    together(*[partial(react, is_on=False) for _ in range(10)])
    assert counts(opening) == {}
    together(*[partial(react, is_on=bool(number % 2)) for number in range(10)])
    assert list(differences()) == []


@pytest.mark.django_db
def test_a_reaction_earns_nothing_and_a_person_has_many_kinds(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    opening = topic.posts.get(number=1)
    client.force_login(ben)
    address = f"/forum/p/{opening.pk}/react/"

    for kind in ("thanks", "insight"):
        client.post(address, {"kind": kind, "act": "add"})
    page = client.get(topic.get_absolute_url()).content.decode()

    assert counts(opening) == {"thanks": 1, "insight": 1}
    assert "Thank you" in page
    assert not Entry.objects.exists()
    client.post(address, {"kind": "thanks", "act": "remove"})
    assert counts(opening) == {"insight": 1}


@pytest.mark.django_db
def test_rest_reacts_and_says_how_many_did(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ben)
    address = f"/api/v1/posts/{opening.pk}/reactions"

    assert client.put(f"{address}/thanks/").json()["reactions"] == {"thanks": 1}
    assert client.put(f"{address}/thanks/").json()["reactions"] == {"thanks": 1}
    assert client.put(f"{address}/poop/").status_code == 404
    assert client.delete(f"{address}/thanks/").json()["reactions"] == {}
    client.logout()
    assert client.put(f"{address}/thanks/").status_code in {401, 403}
    assert counts(opening) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("sent", [{}, {"kind": "thanks"}, {"act": "add"}])
def test_half_a_reaction_is_none(
    client: Client, person: Person, sent: dict[str, str]
) -> None:
    opening = forum.topic(person("ada")).posts.get(number=1)
    client.force_login(person("ben"))

    assert client.post(f"/forum/p/{opening.pk}/react/", sent).status_code == 403
    unknown = {"kind": "poop", "act": "add"}
    assert client.post(f"/forum/p/{opening.pk}/react/", unknown).status_code == 400
    assert not Reaction.objects.exists()


@pytest.mark.django_db
def test_nobody_reacts_to_what_is_hidden_or_all_day(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    topic = forum.topic(ada)
    opening, answer = topic.posts.get(number=1), forum.reply(topic, ada)
    services.hide_post(answer, by=mod, reason="Spam")

    with pytest.raises(PostHidden):
        services.set_reaction(answer, by=ben, kind=THANKS, is_on=True)
    for _ in range(199):
        services.set_reaction(opening, by=ben, kind=THANKS, is_on=True)
    with pytest.raises(RateLimited):
        services.set_reaction(opening, by=ben, kind=Reaction.Kind.INSIGHT, is_on=True)
    assert counts(opening) == {"thanks": 1}


@pytest.mark.django_db
def test_a_wrong_count_is_found_and_mended(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    services.set_reaction(opening, by=ben, kind=THANKS, is_on=True)
    ReactionCount.objects.update(count=7)

    assert [(each.kept, each.counted) for each in differences()] == [(7, 1)]
    assert repair() == 1
    assert counts(opening) == {"thanks": 1}

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from tests.factories import forum
from tests.factories.reputation import earned
from tests.queries import queries_of

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def test_a_profile_shows_what_somebody_asked_answered_and_earned(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="How do I begin here?")
    services.accept_answer(forum.reply(topic, ben), by=ada)
    page = client.get("/u/ben/").content.decode()
    assert "How do I begin here?" in page
    assert "+15" in page
    assert client.get("/u/nobody/").status_code == 404


def test_a_profile_costs_the_same_for_one_post_and_ten(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    forum.reply(topic, ada)
    client.get("/u/ada/")
    one = queries_of(client, "/u/ada/")
    for _ in range(9):
        forum.reply(forum.topic(ada), ada)
    assert queries_of(client, "/u/ada/") == one
    # Their contributions are a part of the page.
    assert one <= 13


def test_the_leaderboard_is_in_order_at_the_same_cost(
    client: Client, person: Person
) -> None:
    earned(person("ada"))
    client.get("/contributors/")
    one = queries_of(client, "/contributors/")
    earned(person("ben"), "contribution_merged")
    page = client.get("/contributors/").content.decode()
    assert page.index("/u/ben/") < page.index("/u/ada/")
    assert queries_of(client, "/contributors/") == one


def test_a_newcomers_website_is_shown_and_is_no_link(
    client: Client, person: Callable[..., Any]
) -> None:
    website = "https://buy.example/now"
    for name, is_link in (("new", False), ("known", True)):
        someone = person(name, website=website, is_moderator=is_link)

        page = client.get(someone.get_absolute_url()).content.decode()

        assert website in page
        assert (f'href="{website}"' in page) is is_link

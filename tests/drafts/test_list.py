"""The page of all drafts: named, gone on with, thrown away, and one's own only."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from drafts import services
from drafts.models import Draft
from drafts.slots import Slot
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def keep(user: Any, place: str, **fields: str) -> None:
    services.keep(
        Slot(owner=user.public_id, place=place),
        {name: [value] for name, value in fields.items()},
        owner=services.Owner(user),
    )


def test_drafts_are_named_and_lead_to_where_they_are_gone_on_with(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(person("ben"), title="How do I keep it?")
    post = topic.posts.get()
    keep(ada, f"forum.reply:{topic.pk}", text="My half answer")
    keep(ada, f"forum.comment:{post.pk}", comment="Which")
    keep(ada, "/forum/new/", title="A title", text="A much longer text")
    keep(ada, "keys.new:ada", name="CI")
    client.force_login(ada)

    rows = client.get("/drafts/").context["rows"]

    named = {str(place.title): (place.url, text) for _draft, text, place in rows}
    assert named["Reply: How do I keep it?"] == (
        f"{topic.get_absolute_url()}#reply",
        "My half answer",
    )
    assert named["Comment: How do I keep it?"][1] == "Which"
    assert named["New topic"] == ("/forum/new/", "A much longer text")
    assert named["A form of another page"] == ("", "CI")
    page = client.get(topic.get_absolute_url()).content.decode()
    assert "My half answer" in page


def test_the_title_of_what_may_not_be_read_any_more_is_not_shown(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(
        person("mod", is_moderator=True),
        title="A secret plan of ours",
        category=forum.category("staff"),
    )
    keep(ada, f"forum.reply:{topic.pk}", text="What I wrote is mine")
    client.force_login(ada)

    page = client.get("/drafts/").content.decode()

    assert "A secret plan" not in page
    assert "What I wrote is mine" in page


def test_one_is_thrown_away_and_nobody_elses(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    keep(ada, "/forum/new/", text="Mine")
    draft = Draft.objects.get()
    client.force_login(ben)
    assert client.post(f"/drafts/{draft.pk}/remove/").status_code == 404
    assert "Mine" not in client.get("/drafts/").content.decode()
    client.force_login(ada)
    assert client.post(f"/drafts/{draft.pk}/remove/").status_code == 302
    assert client.get("/drafts/").context["rows"] == []
    draft.refresh_from_db()
    assert draft.body == ""
    assert client.post(f"/drafts/{draft.pk}/remove/").status_code == 404


def test_the_list_costs_the_same_for_one_and_for_twenty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)
    counts = []
    for number in (1, 20):
        for _ in range(number):
            topic = forum.topic(person(f"p{Draft.objects.count()}"))
            keep(ada, f"forum.reply:{topic.pk}", text="x")
        client.get("/drafts/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/drafts/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_key_of_a_draft_may_be_anything(client: Client, person: Person) -> None:
    ada = person("ada")
    for place in (
        "forum.reply:x",
        "forum.reply:",
        "forum.comment:99999999999999999999",
    ):
        keep(ada, place, text="x")
    keep(ada, "/forum/p/1/edit/", text="x")
    client.force_login(ada)
    assert client.get("/drafts/").status_code == 200

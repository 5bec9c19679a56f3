from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from community.forum.models import Post, Topic
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_a_topic_is_opened_answered_and_solved(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    client.force_login(ada)
    body = {"category": within.slug, "title": "How do I begin?", "text": "Tell me."}
    made = client.post("/api/v1/topics/", body, JSON)
    assert made.status_code == 201
    client.force_login(ben)
    url = f"/api/v1/topics/{made.json()['id']}/posts/"
    answer = client.post(url, {"text": "Like **this**."}, JSON)
    assert (answer.status_code, answer.json()["number"]) == (201, 2)
    acceptance = f"/api/v1/posts/{answer.json()['id']}/acceptance/"
    assert client.put(acceptance).status_code == 403
    client.force_login(ada)
    assert client.put(acceptance).json()["is_solved"] is True
    again = client.put(acceptance)
    assert (again.status_code, again.json()["code"]) == (409, "already_solved")
    vote = f"/api/v1/posts/{answer.json()['id']}/vote/"
    assert client.put(vote, {"value": 1}, JSON).json()["vote_score"] == 1
    assert client.delete(acceptance).json()["is_solved"] is False
    assert [post["number"] for post in client.get(url).json()["results"]] == [1, 2]


def test_an_unknown_field_and_a_stranger_are_refused(
    client: Client, person: Person
) -> None:
    body = {"category": forum.category().slug, "title": "A good title", "text": "Text"}
    assert client.post("/api/v1/topics/", body, JSON).status_code in (401, 403)
    client.force_login(person("ada"))
    refused = client.post("/api/v1/topics/", {**body, "pinned": True}, JSON)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert Topic.objects.count() == 0


def test_lists_are_narrowed_by_category_and_tag_and_nothing_else(
    client: Client, person: Person
) -> None:
    ada, show = person("ada"), forum.category(slug="show")
    forum.topic(ada, title="How do I begin?")
    shown = services.create_topic(
        show, author=ada, title="Look what I made", text="This.", tags=["demo"]
    )

    def ids(query: str) -> list[int]:
        found = client.get(f"/api/v1/topics/?{query}").json()["results"]
        return [topic["id"] for topic in found]

    assert len(ids("")) == 2
    assert ids("category=show") == ids("tag=demo") == [shown.pk]
    assert ids("category=show&tag=demo&sort=top") == [shown.pk]
    for query in ("kind=question", "sort=newest", "category=none", "tag=none"):
        refused = client.get(f"/api/v1/topics/?{query}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
        assert query.partition("=")[0] in refused.json()["errors"]


def test_a_token_stands_for_what_was_sent_with_it(
    client: Client, person: Person
) -> None:
    client.force_login(person("ada"))
    body = {"category": forum.category().slug, "title": "How do I begin?"}
    body |= {"text": "Tell me.", "client_token": "one"}
    made = client.post("/api/v1/topics/", body, JSON).json()
    posts = f"/api/v1/topics/{made['id']}/posts/"

    again = client.post("/api/v1/topics/", body, JSON)
    other = client.post("/api/v1/topics/", {**body, "text": "Another."}, JSON)
    reply = client.post(posts, {"text": "Tell me.", "client_token": "one"}, JSON)

    assert again.json()["id"] == made["id"]
    for refused in (other, reply):
        assert refused.status_code == 409
        assert refused.json()["code"] == "client_token_reused"
    assert Topic.objects.count() == Post.objects.count() == 1


def test_a_form_sent_again_with_another_text_asks_once_more(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    url = f"/forum/t/{topic.pk}/reply/"
    client.post(url, {"text": "The first.", "client_token": "one"})

    refused = client.post(url, {"text": "The second.", "client_token": "one"})

    assert refused.status_code == 422
    form = refused.context["form"]
    fresh = form["client_token"].value()
    assert form["text"].value() == "The second."
    assert fresh != "one"
    client.post(url, {"text": "The second.", "client_token": fresh})
    assert Post.objects.count() == 3

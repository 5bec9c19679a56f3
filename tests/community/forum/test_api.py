from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum.models import Topic
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

"""Moderation over REST, as a program of a moderator does it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.tokens import create_token
from community.forum.models import Category, Tag
from community.moderation.models import Case
from community.standing.models import Sanction
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


class Program:
    """What calls the REST API with the token of a person."""

    def __init__(self, user: Any, scopes: tuple[str, ...] = ("forum:write",)) -> None:
        self.client = Client()
        self.secret = create_token(user, name="CI", scopes=list(scopes))[1]

    def __call__(self, method: str, path: str, **body: Any) -> Any:
        return self.client.generic(
            method,
            f"/api/v1/{path}",
            data=json.dumps(body) if body else "",
            content_type="application/json",
            headers={"authorization": f"Bearer {self.secret}"},
        )


def test_a_report_goes_through_the_queue(person: Person) -> None:
    post = forum.topic(person("ada")).posts.get()
    member = Program(person("ben"))
    moderator = Program(person("mod", is_moderator=True))

    wordless = member("POST", f"posts/{post.pk}/flag/", reason="other")
    unknown = member("POST", f"posts/{post.pk}/flag/", reason="spam", score=99)
    made = member("POST", f"posts/{post.pk}/flag/", reason="spam", note="Ads")

    assert (wordless.status_code, unknown.status_code) == (400, 400)
    assert "note" in wordless.json()["errors"]
    assert made.status_code == 201
    assert member("GET", "cases/").status_code == 403
    (case,) = moderator("GET", "cases/?kind=report").json()["results"]
    assert (case["post"], case["score"], case["person"]) == (post.pk, 1, "ada")
    address = f"cases/{case['id']}/"
    assert moderator("PUT", f"{address}claim/").json()["claimed_by"] == "mod"
    decided = moderator("PUT", f"{address}decision/", outcome="agreed", note="Ads")
    assert decided.json()["outcome"] == "agreed"
    post.refresh_from_db()
    assert post.hidden_at
    assert moderator("PUT", f"{address}decision/", outcome="ignored").status_code == 409
    assert moderator("DELETE", f"{address}decision/").json()["outcome"] == ""
    post.refresh_from_db()
    assert post.hidden_at is None
    assert moderator("DELETE", f"{address}claim/").status_code == 200


def test_a_moderator_silences_and_lifts(person: Person) -> None:
    ada = person("ada")
    moderator = Program(person("mod", is_moderator=True))
    address = "people/ada/sanctions/"

    past = moderator(
        "POST", address, kind="silence", reason="x", until="2020-01-01T00:00:00Z"
    )
    made = moderator("POST", address, kind="silence", reason="Rude.", until=None)

    assert (past.status_code, past.json()["code"]) == (400, "end_in_the_past")
    assert made.status_code == 201
    assert Sanction.objects.in_force().get().user == ada
    (listed,) = moderator("GET", address).json()
    assert (listed["reason"], listed["is_in_force"]) == ("Rude.", True)
    lifted = moderator("DELETE", f"sanctions/{listed['id']}/")
    assert lifted.json()["is_in_force"] is False
    assert moderator("DELETE", f"sanctions/{listed['id']}/").status_code == 409
    assert Program(ada)("GET", address).status_code == 403


def test_a_token_without_the_scope_moderates_nothing(person: Person) -> None:
    person("ada")
    reader = Program(person("mod", is_moderator=True), scopes=("read",))

    made = reader(
        "POST", "people/ada/sanctions/", kind="silence", reason="x", until=None
    )

    assert made.status_code == 403
    assert not Sanction.objects.exists()


def test_staff_look_after_categories(person: Person) -> None:
    staff = Program(person("staff", is_staff=True))
    moderator = Program(person("mod", is_moderator=True))

    made = staff("POST", "categories/", slug="news", name="News", topics_by="team")
    assert made.status_code == 201
    assert made.json()["topics_by"] == "team"
    again = staff("POST", "categories/", slug="news", name="News")
    assert "slug" in again.json()["errors"]
    changed = staff("PATCH", "categories/news/", name_zh="公告")
    assert (changed.json()["name_zh"], changed.json()["name"]) == ("公告", "News")
    assert moderator("PATCH", "categories/news/", name="Mine").status_code == 403
    assert moderator("POST", "categories/", slug="x", name="X").status_code == 403
    assert Category.objects.get(slug="news").name == "News"


def test_moderators_look_after_tags(person: Person) -> None:
    moderator = Program(person("mod", is_moderator=True))
    topic = forum.topic(person("ada"), tags=["py", "rust"])

    renamed = moderator("PATCH", "tags/py/", name="python")
    assert renamed.json()["name"] == "python"
    assert renamed.json()["synonyms"] == ["py"]
    more = moderator("POST", "tags/python/synonyms/", name="python3")
    assert more.json()["synonyms"] == ["py", "python3"]
    missing = moderator("PUT", "tags/rust/merge/", name="nothing")
    assert "name" in missing.json()["errors"]
    merged = moderator("PUT", "tags/rust/merge/", name="python")
    assert merged.json()["name"] == "python"
    assert list(topic.tags.values_list("name", flat=True)) == ["python"]
    assert Program(person("ben"))("PATCH", "tags/python/", name="x").status_code == 403
    assert Tag.objects.get(slug="python").name == "python"
    assert not Case.objects.exists()

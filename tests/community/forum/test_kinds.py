"""Kinds of topics: which a category takes, announcements, and templates."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone, translation

from audit.models import Record
from community.forum import services
from community.forum.exceptions import KindNotTaken, NotAnIdea, WordMissing
from community.forum.models import (
    Category,
    IdeaDecision,
    Topic,
    TopicTemplate,
)
from community.forum.queries import pinned_topics
from tests.factories import forum
from tests.forms import form_of, send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def titles(page: Any) -> list[str]:
    return [row.topic.title for row in page.context["rows"]]


def test_a_category_takes_its_kinds_and_no_others(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    help_ = forum.category(name="Help", kinds=["question"])
    client.force_login(ada)

    with pytest.raises(KindNotTaken):
        forum.topic(ada, category=help_, kind="idea")
    page = send(
        client,
        "/forum/new/",
        "title",
        kind="idea",
        category=str(help_.pk),
        title="A dark theme for the docs",
        text="At night.",
    )
    answer = client.post(
        "/api/v1/topics/",
        {"category": help_.slug, "kind": "idea", "title": "A dark theme", "text": "x"},
        JSON,
    )

    assert page.status_code == 422
    assert "In “Help” these are opened: Question." in page.content.decode()
    assert "At night." in page.content.decode()
    assert answer.status_code == 400
    assert "kind" in answer.json()["errors"]
    assert not Topic.objects.exists()


def test_a_category_takes_at_least_one_kind_that_there_is() -> None:
    category = forum.category()

    for kinds in ([], ["poem"]):
        with pytest.raises(IntegrityError), transaction.atomic():
            Category.objects.filter(pk=category.pk).update(kinds=kinds)


def test_staff_choose_the_kinds_of_a_category(client: Client, person: Person) -> None:
    category = forum.category(name="Help")
    client.force_login(person("staff", is_staff=True))
    page = f"/forum/categories/{category.pk}/"

    sent = send(client, page, "name_zh", kinds=["idea", "question"])
    none = send(client, page, "name_zh", kinds=[])

    assert sent.status_code == 302
    assert none.status_code == 422
    category.refresh_from_db()
    assert category.kinds == ["question", "idea"]
    named = f"/api/v1/categories/{category.slug}/"
    changed = client.patch(named, {"kinds": ["announcement", "question"]}, JSON)
    assert changed.json()["kinds"] == ["question", "announcement"]
    assert client.patch(named, {"kinds": ["poem"]}, JSON).status_code == 400


def test_only_the_team_announces_and_for_a_time_it_is_on_top(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    category = forum.category()
    values = {
        "kind": "announcement",
        "category": str(category.pk),
        "title": "Version 2 is here",
        "text": "Read the changelog.",
        "pinned_days": "3",
    }
    client.force_login(ada)
    assert "announcement" not in client.get("/forum/new/").content.decode()
    assert send(client, "/forum/new/", "title", **values).status_code == 422
    with pytest.raises(KindNotTaken):
        forum.topic(ada, category=category, kind="announcement")

    client.force_login(mod)
    sent = send(client, "/forum/new/", "title", **values)

    topic = Topic.objects.get()
    assert sent.status_code == 302
    assert topic.is_pinned
    assert topic.pinned_until is not None
    left = topic.pinned_until - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    later = forum.topic(ada, category=category, title="Which key is the newest?")
    assert titles(client.get("/forum/")) == [topic.title, later.title]
    # When its time is over it stands where it belongs, without anybody's doing.
    Topic.objects.filter(pk=topic.pk).update(pinned_until=timezone.now())
    topic.refresh_from_db()
    assert not topic.is_pinned
    assert pinned_topics(Topic.objects.all()) == []
    assert titles(client.get("/forum/")) == [later.title, topic.title]


def test_a_sixth_pinned_topic_is_found_where_it_belongs(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topics = [forum.topic(ada, title=f"Pinned topic {n}") for n in range(6)]
    for topic in topics:
        services.set_pinned(topic, by=mod, is_pinned=True)

    found = titles(client.get("/forum/"))

    assert sorted(found) == sorted(topic.title for topic in topics)


def test_a_moderator_pins_for_some_days_and_over_rest_until_a_time(
    client: Client, person: Person
) -> None:
    topic = forum.topic(person("ada"))
    client.force_login(person("mod", is_moderator=True))
    page = f"/forum/t/{topic.pk}/moderate/"

    client.post(page, {"act": "pin", "days": "7"})
    topic.refresh_from_db()
    assert topic.pinned_until is not None
    assert "On top until" in client.get(topic.get_absolute_url()).content.decode()
    client.post(page, {"act": "unpin"})
    topic.refresh_from_db()
    assert topic.pinned_at is None
    assert not topic.is_pinned
    named = f"/api/v1/topics/{topic.pk}/"
    past = client.patch(
        named, {"is_pinned": True, "pinned_until": "2020-01-01T00:00:00Z"}, JSON
    )
    until = client.patch(
        named, {"is_pinned": True, "pinned_until": "2199-01-01T00:00:00Z"}, JSON
    )
    assert past.status_code == 400
    assert until.json()["pinned_until"] == "2199-01-01T00:00:00Z"
    assert client.post(page, {"act": "pin", "days": "8"}).status_code == 400


def test_the_service_refuses_what_the_pages_do(person: Person) -> None:
    staff = person("staff", is_staff=True)
    idea, question = forum.topic(staff, kind="idea"), forum.topic(staff)

    with pytest.raises(WordMissing):
        services.set_idea_state(idea, by=staff, state="declined")
    with pytest.raises(NotAnIdea):
        services.set_idea_state(question, by=staff, state="done")

    assert not IdeaDecision.objects.exists()


def test_a_new_topic_begins_with_the_template_in_the_readers_language(
    client: Client, person: Person
) -> None:
    category = forum.category(name="Help")
    staff = person("staff", is_staff=True)
    client.force_login(staff)
    page = f"/forum/categories/{category.pk}/templates/"

    sent = send(
        client, page, "question", question="### Version", question_zh="### 版本"
    )

    assert sent.status_code == 302
    assert TopicTemplate.objects.get().kind == "question"
    new = f"/forum/new/?category={category.slug}"
    assert form_text(client, new) == "### Version"
    with translation.override("zh-hans"):
        chinese = client.get(new, headers={"Accept-Language": "zh-Hans"})
    assert form_of(chinese.content.decode(), "title").values["text"] == "### 版本"
    # Other kinds have none.
    assert form_text(client, f"{new}&kind=idea") == ""
    # The headings alone ask nothing.
    bare = send(client, new, "title", title="How do I begin here?")
    assert bare.status_code == 422
    assert "under the template" in bare.content.decode()
    send(client, page, "question", question="", question_zh="")
    assert not TopicTemplate.objects.exists()
    assert Record.objects.filter(action="category.template_changed").count() == 2


def form_text(client: Client, page: str) -> str:
    form = form_of(client.get(page).content.decode(), "title")
    return str(form.values["text"])


def test_a_template_never_takes_the_place_of_what_was_typed(
    client: Client, person: Person
) -> None:
    category = forum.category(name="Help")
    bare = forum.category(name="Show")
    TopicTemplate.objects.create(category=category, kind="idea", text="### Why")
    client.force_login(person("ada"))
    typed = {
        "title": "A dark theme",
        "kind": "idea",
        "category": str(category.pk),
        "text": "At night.",
        "tags": "theme",
        "act": "template",
    }

    added = send(client, "/forum/new/", "title", **typed)
    form = form_of(added.content.decode(), "title").values
    again = client.post("/forum/new/", {**form, "act": "template"})
    none = client.post(
        "/forum/new/", {**form, "category": str(bare.pk), "act": "template"}
    )

    assert added.status_code == 200
    assert form["text"] == "At night.\n\n### Why"
    assert (form["title"], form["tags"]) == ("A dark theme", "theme")
    assert form_of(again.content.decode(), "title").values["text"] == form["text"]
    assert "There is no template" in none.content.decode()
    assert form_of(none.content.decode(), "title").values["text"] == form["text"]
    assert not Topic.objects.exists()


def test_a_draft_is_there_instead_of_the_template(
    client: Client, person: Person
) -> None:
    category = forum.category(name="Help")
    TopicTemplate.objects.create(category=category, kind="question", text="### Version")
    client.force_login(person("ada"))
    # Sent and refused: it is a draft from now on.
    send(client, "/forum/new/", "title", title="x", text="I typed this.")

    assert form_text(client, "/forum/new/") == "I typed this."


def test_templates_are_read_and_written_over_rest(
    client: Client, person: Person
) -> None:
    category = forum.category()
    place = f"/api/v1/categories/{category.slug}/templates/idea/"
    client.force_login(person("ada"))
    assert client.put(place, {"text": "### Why"}, JSON).status_code == 403

    client.force_login(person("staff", is_staff=True))
    client.put(place, {"text": "### Why"}, JSON)

    client.logout()
    assert client.get(place).json() == {"text": "### Why", "text_zh": ""}
    assert client.get(place.replace("idea", "poem")).status_code == 404
    assert client.get(place.replace("idea", "question")).json()["text"] == ""


@pytest.mark.django_db
def test_an_idea_that_was_something_else_is_as_it_was_decided(person: Any) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)
    idea = forum.topic(ada, kind="idea")
    services.set_idea_state(idea, by=staff, state="done", word="In 1.2.")

    services.set_kind(idea, by=staff, kind="discussion")
    again = services.set_kind(idea, by=staff, kind="idea")

    assert again.idea_state == again.decisions.latest("pk").state == "done"

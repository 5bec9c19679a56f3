"""Kinds of topics: what each category takes, ideas and announcements, templates."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import KindNotTaken, NotAnIdea, WordMissing
from community.forum.models import (
    Category,
    IdeaDecision,
    Topic,
    TopicTemplate,
    TopicUser,
)
from community.forum.queries import list_ideas, pinned_topics
from community.reputation.queries import points_of
from notifications.models import Notification
from outbox.models import Event
from tests.factories import forum
from tests.forms import form_of, send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def titles(page: Any) -> list[str]:
    return [row.topic.title for row in page.context["rows"]]


def test_an_idea_begins_open_and_no_other_kind_has_a_state(person: Person) -> None:
    ada = person("ada")
    idea = forum.topic(ada, kind="idea")
    question = forum.topic(ada)

    assert (idea.idea_state, question.idea_state) == ("open", "")
    for wrong, state in ((idea, ""), (question, "open")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Topic.objects.filter(pk=wrong.pk).update(idea_state=state)


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


def test_ideas_are_listed_by_state_by_votes_and_by_age(
    client: Client, person: Person
) -> None:
    ada, ben, staff = person("ada"), person("ben"), person("staff", is_staff=True)
    within = forum.category()
    dark = forum.topic(ada, kind="idea", title="A dark theme", category=within)
    light = forum.topic(ada, kind="idea", title="A light theme")
    done = forum.topic(ada, kind="idea", title="A theme at all")
    hidden = forum.topic(ada, kind="idea", title="A hidden theme")
    forum.topic(ada, title="Which theme is the default?")
    services.vote(dark.posts.get(), by=ben, value=1)
    services.set_idea_state(done, by=staff, state="done")
    services.hide_post(hidden.posts.get(), by=staff, reason="x")

    assert titles(client.get("/forum/ideas/")) == [dark.title, light.title]
    newest = client.get("/forum/ideas/?sort=newest")
    assert titles(newest) == [light.title, dark.title]
    assert titles(client.get("/forum/ideas/?state=done")) == [done.title]
    assert titles(client.get("/forum/ideas/?state=declined")) == []
    only = client.get(f"/forum/ideas/?category={within.slug}")
    assert titles(only) == [dark.title]
    assert client.get("/forum/ideas/?category=nowhere").status_code == 404
    assert client.get("/forum/ideas/?state=lost").status_code == 400
    asked = client.get(f"/api/v1/ideas/?category={within.slug}&state=open")
    assert [each["id"] for each in asked.json()["results"]] == [dark.pk]
    assert client.get("/api/v1/ideas/?category=no").status_code == 400


def test_a_list_of_ideas_costs_the_same_for_one_and_for_thirty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)
    forum.topic(ada, kind="idea")
    client.get("/forum/ideas/")
    with CaptureQueriesContext(connection) as one:
        client.get("/forum/ideas/")
    for _ in range(29):
        forum.topic(ada, kind="idea")
    with CaptureQueriesContext(connection) as thirty:
        client.get("/forum/ideas/")

    assert len(thirty) == len(one) <= 9


def test_the_pages_of_ideas_follow_without_a_gap_or_a_repeat(person: Person) -> None:
    ada = person("ada")
    every = {forum.topic(ada, kind="idea").pk for _ in range(45)}

    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = list_ideas(
            Topic.objects.visible_to(ada), state="open", sort="top", cursor=cursor
        )
        seen += [topic.pk for topic in page.items]
        cursor = page.next_cursor
        if not cursor:
            break

    assert len(seen) == len(set(seen)) == 45
    assert set(seen) == every


def test_staff_decide_with_a_word_and_who_follows_is_told(
    client: Client,
    person: Person,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)
    idea = forum.topic(ada, kind="idea", title="A dark theme")
    client.force_login(staff)
    page = f"/forum/t/{idea.pk}/decide/"

    silent = send(client, page, "word", state="declined", word=" ")
    assert silent.status_code == 422
    assert "Say why it is declined" in silent.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        sent = send(
            client, page, "word", state="declined", word="Nobody reads at night."
        )

    idea.refresh_from_db()
    assert sent.status_code == 302
    assert idea.idea_state == "declined"
    assert Record.objects.filter(action="topic.decided").count() == 1
    services.set_idea_state(
        idea, by=staff, state="declined", word="Nobody reads at night."
    )
    assert IdeaDecision.objects.count() == 1
    from community.forum.notices import notify_of_decision

    if not Notification.objects.filter(user=ada).exists():
        notify_of_decision(idea.decisions.get().pk)
    told = Notification.objects.get(user=ada)
    assert told.title == "An idea is now “Declined”: A dark theme"
    assert told.body == "Nobody reads at night."
    client.force_login(ada)
    shown = client.get(idea.get_absolute_url()).content.decode()
    assert "Nobody reads at night." in shown
    assert f"/forum/t/{idea.pk}/decide/" not in shown
    told.refresh_from_db()
    assert told.read_at is not None


def test_a_decision_that_was_taken_back_is_told_to_nobody(person: Person) -> None:
    from community.forum.notices import notify_of_decision

    ada, staff = person("ada"), person("staff", is_staff=True)
    idea = forum.topic(ada, kind="idea")
    services.set_idea_state(idea, by=staff, state="planned")
    services.set_idea_state(idea, by=staff, state="open", word="Not yet.")

    first, last = idea.decisions.order_by("pk")
    notify_of_decision(first.pk)
    assert not Notification.objects.exists()
    notify_of_decision(last.pk)
    assert Notification.objects.get().user == ada
    facts = Event.objects.filter(name__endswith="IdeaDecided").order_by("pk")
    assert [(f.payload["before"], f.payload["state"]) for f in facts] == [
        ("open", "planned"),
        ("planned", "open"),
    ]


def test_who_mutes_an_idea_hears_nothing_of_it(person: Person) -> None:
    from community.forum.notices import notify_of_decision

    ada, staff = person("ada"), person("staff", is_staff=True)
    idea = forum.topic(ada, kind="idea")
    services.set_level(idea, user=ada, level=TopicUser.Level.MUTED)
    services.set_idea_state(idea, by=staff, state="planned")

    notify_of_decision(idea.decisions.get().pk)

    assert not Notification.objects.exists()


@pytest.mark.parametrize("who", ["author", "moderator"])
def test_nobody_but_staff_decides(client: Client, person: Person, who: str) -> None:
    ada = person("ada", is_moderator=who == "moderator")
    idea = forum.topic(ada, kind="idea")
    client.force_login(ada)

    assert client.get(f"/forum/t/{idea.pk}/decide/").status_code == 403
    answer = client.put(f"/api/v1/topics/{idea.pk}/decision/", {"state": "done"}, JSON)
    assert answer.status_code == 403
    idea.refresh_from_db()
    assert idea.idea_state == "open"


def test_over_rest_staff_decide_and_everybody_reads_it(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    idea, question = forum.topic(ada, kind="idea"), forum.topic(ada)
    client.force_login(person("staff", is_staff=True))
    place = f"/api/v1/topics/{idea.pk}/decision/"

    wrong = client.put(place, {"state": "declined"}, JSON)
    right = client.put(place, {"state": "planned", "word": "In May."}, JSON)
    none = client.put(
        f"/api/v1/topics/{question.pk}/decision/", {"state": "done"}, JSON
    )

    assert (wrong.status_code, wrong.json()["code"]) == (400, "word_missing")
    assert right.json()["idea_state"] == "planned"
    assert (none.status_code, none.json()["code"]) == (409, "not_an_idea")
    client.logout()
    decisions = client.get(place).json()
    assert [(each["state"], each["word"]) for each in decisions] == [
        ("planned", "In May.")
    ]


def test_the_service_refuses_what_the_pages_do(person: Person) -> None:
    staff = person("staff", is_staff=True)
    idea, question = forum.topic(staff, kind="idea"), forum.topic(staff)

    with pytest.raises(WordMissing):
        services.set_idea_state(idea, by=staff, state="declined")
    with pytest.raises(NotAnIdea):
        services.set_idea_state(question, by=staff, state="done")

    assert not IdeaDecision.objects.exists()


def test_a_topic_of_another_kind_loses_what_only_the_old_one_had(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    services.accept_answer(forum.reply(topic, ben), by=ada)
    assert points_of(ben.pk) > 0
    client.force_login(mod)

    client.post(f"/forum/t/{topic.pk}/moderate/", {"act": "kind", "kind": "idea"})

    topic.refresh_from_db()
    assert (topic.kind, topic.idea_state, topic.solution) == ("idea", "open", None)
    assert points_of(ben.pk) == 0
    assert differences() == []
    changed = client.patch(f"/api/v1/topics/{topic.pk}/", {"kind": "discussion"}, JSON)
    assert changed.json()["idea_state"] == ""
    client.force_login(ada)
    refused = client.patch(f"/api/v1/topics/{topic.pk}/", {"kind": "idea"}, JSON)
    assert refused.status_code == 403
    with pytest.raises(KindNotTaken):
        services.set_kind(topic, by=ada, kind="announcement")


def test_replies_split_off_may_become_an_idea(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    topic = forum.topic(mod)
    reply = forum.reply(topic, mod)

    new = services.split_topic(
        topic,
        numbers=[reply.number],
        title="A dark theme",
        category=topic.category,
        kind="idea",
        by=mod,
    )

    assert new.idea_state == "open"


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

"""Ideas: listed by state and votes, decided by staff, told to who follows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import KindNotTaken
from community.forum.models import (
    IdeaDecision,
    Topic,
    TopicUser,
)
from community.forum.queries import list_ideas
from community.reputation.queries import points_of
from notifications.models import Notification
from outbox.models import Event
from tests.factories import forum
from tests.forms import send

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

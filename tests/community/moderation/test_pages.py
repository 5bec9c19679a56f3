"""Moderation in the browser: the queue, many topics, people, the log."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum.models import Topic
from community.moderation import services
from community.moderation.models import Act, Case
from community.standing.models import Sanction, Trust
from community.standing.services import sanction_person
from tests.factories import forum
from tests.forms import send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def reported(person: Person, count: int) -> list[Case]:
    ben = person("ben")
    topic = forum.topic(person("ada"))
    return [
        services.raise_post_flag(
            forum.reply(topic, topic.author), by=ben, reason="spam", limited=False
        ).case
        for _ in range(count)
    ]


def test_a_member_reports_and_a_moderator_decides_and_undoes(
    client: Client, person: Person
) -> None:
    topic = forum.topic(person("ada"))
    post = forum.reply(topic, topic.author)
    client.force_login(person("ben"))
    page = client.get(topic.get_absolute_url()).content.decode()
    assert f"/forum/p/{post.pk}/flag/" in page

    empty = send(client, f"/forum/p/{post.pk}/flag/", "note", note="Look.")
    other = send(client, f"/forum/p/{post.pk}/flag/", "note", reason="other", note="")
    sent = send(client, f"/forum/p/{post.pk}/flag/", "note", reason="spam")

    assert empty.status_code == other.status_code == 422
    assert "Look." in empty.content.decode()
    assert "Say in a few words" in other.content.decode()
    assert sent.status_code == 302
    case = Case.objects.get()
    client.force_login(person("mod", is_moderator=True))
    address = case.get_absolute_url()
    assert client.post(address, {"act": "claim"}).status_code == 302
    assert client.post(address, {"act": "agreed", "note": "Ads."}).status_code == 302
    post.refresh_from_db()
    assert post.hidden_reason == "Ads."
    assert client.post(address, {"act": "ignored"}).status_code == 409
    assert client.post(address, {"act": "reopen"}).status_code == 302
    post.refresh_from_db()
    assert post.hidden_at is None
    assert client.post(address, {}).status_code == 409


def test_ticked_cases_are_decided_together_and_undone(
    client: Client, person: Person
) -> None:
    cases = reported(person, 3)
    client.force_login(person("mod", is_moderator=True))
    keys = [str(case.pk) for case in cases[:2]]

    none = client.post("/moderation/", {"act": "agreed", "note": "Ads."})
    done = client.post("/moderation/", {"act": "agreed", "note": "Ads.", "pk": keys})

    assert none.status_code == 422
    assert "Ads." in none.content.decode()
    act = Act.objects.get()
    assert done["Location"] == act.get_absolute_url()
    assert Case.objects.undecided().count() == 1
    assert client.post(act.get_absolute_url()).status_code == 302
    assert Case.objects.undecided().count() == 3
    assert client.post(act.get_absolute_url()).status_code == 409
    assert client.post("/moderation/", {"act": "claim", "pk": keys}).status_code == 302
    assert Case.objects.exclude(claimed_by=None).count() == 2
    mine = client.get("/moderation/?view=mine").context["page"]
    assert {case.pk for case in mine} == {case.pk for case in cases[:2]}


def test_ticked_topics_are_hidden_with_a_reason(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"))
    client.force_login(person("mod", is_moderator=True))
    tick = {"pk": [str(topic.pk)]}

    without = client.post("/moderation/topics/", {"act": "hide", **tick})
    tagless = client.post("/moderation/topics/", {"act": "tag", **tick})
    sent = client.post("/moderation/topics/", {"act": "hide", "reason": "x", **tick})

    assert without.status_code == tagless.status_code == 422
    assert re.search(rf'value="{topic.pk}"\s+checked', without.content.decode())
    assert sent.status_code == 302
    topic.refresh_from_db()
    assert topic.hidden_at
    hidden = client.get("/moderation/topics/?state=hidden").context["page"]
    assert [each.pk for each in hidden] == [topic.pk]
    wrong = client.post("/moderation/topics/", {"act": "hide", "pk": "x"})
    assert wrong.status_code == 400


def test_the_queue_costs_the_same_for_one_case_and_for_twenty(
    client: Client, person: Person, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    mod = person("mod", is_moderator=True)
    client.force_login(mod)
    reported(person, 1)
    client.get("/moderation/")
    with CaptureQueriesContext(connection) as one:
        client.get("/moderation/")
    ben, topic = Topic.objects.get().author, Topic.objects.get()
    for number in range(20):
        post = forum.reply(topic, person(f"p{number}"))
        services.raise_post_flag(post, by=ben, reason="spam", limited=False)
    with CaptureQueriesContext(connection) as many:
        page = client.get("/moderation/")

    assert len(page.context["page"].items) == 21
    assert len(many) == len(one)


def test_a_person_is_silenced_told_appeals_and_is_heard(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(person("mod", is_moderator=True))
    address = "/moderation/people/ada/"

    empty = client.post(address, {"act": "sanction", "kind": "silence", "days": "7"})
    sent = send(
        client, address, "reason", act="sanction", kind="silence", reason="Rude."
    )

    assert empty.status_code == 422
    assert sent.status_code == 302
    sanction = Sanction.objects.get()
    assert sanction.until is not None
    assert (sanction.until - sanction.created_at).days in {6, 7}
    client.force_login(ada)
    page = client.get("/settings/standing/").content.decode()
    assert "Rude." in page
    appealed = send(client, "/settings/standing/", "text", text="I was not.")
    assert appealed.status_code == 302
    case = Case.objects.get(kind="appeal")
    again = client.post(
        "/settings/standing/", {"sanction": sanction.pk, "text": "Once more."}
    )
    assert again.status_code == 409
    assert Case.objects.count() == 1
    mia = person("mia", is_moderator=True)
    services.judge_case(case, outcome="agreed", by=mia)
    assert not Sanction.objects.in_force().exists()
    services.reopen_case(case, by=mia)
    assert Sanction.objects.in_force().get().until == sanction.until


def test_nobody_appeals_for_another(client: Client, person: Person) -> None:
    mod = person("mod", is_moderator=True)
    sanction = sanction_person(
        person("ada"), kind="silence", reason="x", until=None, by=mod
    )
    client.force_login(person("ben"))
    sent = client.post(
        "/settings/standing/", {"sanction": sanction.pk, "text": "For her."}
    )
    assert sent.status_code == 404
    assert not Case.objects.exists()


def test_moderators_lift_and_staff_alone_choose_levels(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    sanction = sanction_person(ada, kind="suspension", reason="x", until=None, by=mod)
    address = "/moderation/people/ada/"
    client.force_login(mod)

    listed = client.get("/moderation/people/")
    assert [each.user for each in listed.context["page"]] == [ada]
    found = client.get("/moderation/people/?person=@ADA")
    assert found["Location"] == address
    level = {"act": "level", "level": "3", "is_locked": "on"}
    assert client.post(address, level).status_code == 403
    lifted = client.post(address, {"act": "lift", "sanction": sanction.pk})
    assert lifted.status_code == 302
    assert not Sanction.objects.in_force().exists()
    over = client.post(address, {"act": "lift", "sanction": sanction.pk})
    assert over.status_code == 409
    client.force_login(person("staff", is_staff=True))
    assert client.post(address, level).status_code == 302
    assert Trust.objects.get(user=ada).level == 3


def test_the_log_is_narrowed_and_taken_along(client: Client, person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    act = services.treat_topics([topic.pk], kind="hide", by=mod, reason="=1+1")
    services.undo_act(act, by=person("mia", is_moderator=True))
    client.force_login(mod)

    shown = client.get("/moderation/log/?person=mod&action=post").context["page"]
    assert [each.action for each in shown] == ["post.hidden"]
    about = client.get(f"/moderation/log/?target=act:{act.pk}").context["page"]
    assert [each.action for each in about] == ["act.undone", "act.hide"]
    assert not client.get("/moderation/log/?until=2020-01-01").context["page"].items
    taken = client.get("/moderation/log/records.csv?person=mod")
    rows = list(csv.DictReader(io.StringIO(b"".join(taken).decode("utf-8-sig"))))
    assert [row["action"] for row in rows][:2] == ["act.hide", "post.hidden"]
    page = client.get("/moderation/log/").content.decode()
    assert "Change</th>" in page
    assert "Network</th>" not in page


def test_the_pages_speak_chinese(client: Client, person: Person) -> None:
    reported(person, 1)
    client.force_login(person("mod", is_moderator=True, locale="zh-hans"))
    for address in ("", "topics/", "acts/", "people/", "people/ada/", "log/"):
        page = client.get(f"/moderation/{address}")
        assert page.status_code == 200
        assert "处理" in page.content.decode() or "社区" in page.content.decode()

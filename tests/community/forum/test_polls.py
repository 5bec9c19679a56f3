"""Polls: asked in the composer, kept with their post, seen by who may see it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from community.forum import services
from community.forum.counting import differences, repair
from community.forum.exceptions import (
    PollBegun,
    PollMisplaced,
    PostHidden,
    TokenReused,
)
from community.forum.models import Ballot, Poll, PollOption, Topic
from community.forum.services import PollValues
from community.standing.services import sanction_person
from tests.community.forum.asked_polls import keys, poll_on, vote
from tests.factories import forum
from tests.forms import form_of, send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_a_poll_is_asked_in_the_composer(client: Client, person: Person) -> None:
    ada = person("ada")
    category = forum.category()
    client.force_login(ada)

    sent = send(
        client,
        "/forum/new/",
        "title",
        category=str(category.pk),
        kind="discussion",
        title="Which theme should be first?",
        text="Vote, please.",
        poll_question="Which theme?",
        poll_options="Dark\r\n\r\n  Light \r\nBoth",
        poll_most="2",
        poll_is_named="on",
        poll_results="voted",
    )

    assert sent.status_code == 302
    poll = Poll.objects.get()
    assert [option.text for option in poll.options.all()] == ["Dark", "Light", "Both"]
    assert (poll.most_choices, poll.is_anonymous, poll.results) == (2, False, "voted")
    shown = client.get(sent["Location"]).content.decode()
    assert "Which theme?" in shown
    assert "Results are shown after voting." in shown


def test_a_topic_without_a_poll_has_none(client: Client, person: Person) -> None:
    client.force_login(person("ada"))
    category = forum.category()

    sent = send(
        client,
        "/forum/new/",
        "title",
        category=str(category.pk),
        title="How do I begin here?",
        text="Tell me.",
    )

    assert sent.status_code == 302
    assert not Poll.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("poll_options", {"poll_options": "Dark"}, "two to 20 options; these are 1"),
        ("poll_options", {"poll_options": "Dark\ndark"}, "Two options say the same."),
        ("poll_options", {"poll_options": f"a\n{'b' * 121}"}, "has 121 characters"),
        ("poll_options", {"poll_options": "\n".join("abcdefghijklmnopqrstu")}, "21"),
        ("poll_question", {"poll_question": ""}, "Say what the poll asks."),
        ("poll_most", {"poll_most": "3"}, "as many as there are options"),
        ("poll_ends_at", {"poll_results": "ended"}, "need an end"),
        ("poll_ends_at", {"poll_ends_at": "2020-01-01T00:00"}, "still to come"),
    ],
)
def test_a_wrong_poll_is_told_at_its_field_and_nothing_typed_is_lost(
    client: Client, person: Person, field: str, typed: dict[str, str], said: str
) -> None:
    client.force_login(person("ada"))
    category = forum.category()
    values = {
        "category": str(category.pk),
        "title": "Which theme should be first?",
        "text": "Vote, please.",
        "poll_question": "Which theme?",
        "poll_options": "Dark\nLight",
        **typed,
    }

    sent = send(client, "/forum/new/", "title", **values)

    assert sent.status_code == 422
    assert said in " ".join(sent.context["form"].errors[field])
    again = form_of(sent.content.decode(), "title").values
    kept = {name: again[name] for name in values if name in again}
    assert kept == values | {"poll_options": values["poll_options"].replace("\r", "")}
    assert not Topic.objects.exists()


def test_a_poll_is_not_changed_under_those_who_voted(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    poll = poll_on(topic)
    client.force_login(ada)
    page = f"/forum/p/{poll.post_id}/poll/"
    changed = send(client, page, "poll_question", poll_options="Dark\nLight")
    assert changed.status_code == 302
    poll = Poll.objects.get()
    assert len(keys(poll)) == 2
    vote(poll, ben, keys(poll)[0])

    late = send(client, page, "poll_question", poll_options="Light\nDark")

    assert late.status_code == 422
    assert "Somebody voted already" in late.content.decode()
    assert Poll.objects.get().pk == poll.pk
    with pytest.raises(PollBegun):
        services.remove_poll(poll, by=ada)
    client.force_login(mod)
    assert client.post(f"{page}remove/").status_code == 302
    assert not Poll.objects.exists()


def test_a_poll_stands_on_the_first_post(client: Client, person: Person) -> None:
    ada = person("ada")
    reply = forum.reply(forum.topic(ada), ada)

    with pytest.raises(PollMisplaced):
        services.set_poll(reply, PollValues(question="a", options=("b", "c")), by=ada)
    with pytest.raises(ValueError, match="options"):
        services.set_poll(
            reply.topic.posts.get(number=1),
            PollValues(question="a", options=("b",)),
            by=ada,
        )

    assert not Poll.objects.exists()


def test_with_its_topic_a_poll_is_hidden(client: Client, person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    poll = poll_on(forum.topic(ada), is_anonymous=False)
    vote(poll, ben, keys(poll)[0])
    place = f"/api/v1/posts/{poll.post_id}/poll/"
    services.hide_post(poll.post, by=mod, reason="x")
    client.force_login(ben)

    assert client.get(place).status_code == 404
    assert client.get(f"{place}votes/").status_code == 404
    assert client.get(f"/forum/p/{poll.post_id}/poll/voters/").status_code == 404
    own = client.put(f"{place}vote/", {"options": keys(poll)[1:2]}, JSON)
    assert own.status_code == 404
    with pytest.raises(PostHidden):
        vote(poll, ben, keys(poll)[1])
    assert client.get("/api/v1/ballots/").json()["results"] == []
    services.restore_post(poll.post, by=mod)
    assert client.get(place).json()["people"] == 1


def test_a_person_takes_their_votes_along(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    poll = poll_on(forum.topic(ada), most_choices=2)
    vote(poll, ben, *keys(poll)[:2])
    vote(poll, ada, keys(poll)[2])
    client.force_login(ben)

    mine = client.get("/api/v1/ballots/").json()["results"]

    assert [(each["question"], each["options"]) for each in mine] == [
        ("Which theme?", ["Dark", "Light"])
    ]


def test_the_audit_of_counters_knows_polls(person: Person) -> None:
    ada = person("ada")
    poll = poll_on(forum.topic(ada))
    vote(poll, ada, keys(poll)[0])
    Poll.objects.update(ballot_count=7)
    PollOption.objects.filter(pk=keys(poll)[1]).update(vote_count=3)

    found = {(each.table, each.kept, each.counted) for each in differences()}

    assert found == {("forum_poll", 7, 1), ("forum_polloption", 3, 0)}
    assert repair() == 2
    assert differences() == []


def test_who_may_not_write_asks_and_votes_for_nothing(person: Person) -> None:
    from community.standing.exceptions import Sanctioned

    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    poll = poll_on(forum.topic(ada))
    sanction_person(ben, kind="suspension", reason="x", until=None, by=mod)

    with pytest.raises(Sanctioned):
        vote(poll, ben, keys(poll)[0])

    assert not Ballot.objects.exists()


def test_only_who_may_edit_the_post_asks_ends_and_removes(
    client: Client, person: Person
) -> None:
    poll = poll_on(forum.topic(person("ada")))
    client.force_login(person("ben"))
    page, rest = f"/forum/p/{poll.post_id}/poll/", f"/api/v1/posts/{poll.post_id}/poll/"
    body = {"question": "Which?", "options": ["a", "b"]}

    answers = [
        client.get(page),
        client.post(f"{page}end/"),
        client.post(f"{page}remove/"),
        client.put(rest, body, JSON),
        client.delete(rest),
        client.post(f"{rest}end/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert Poll.objects.get().ends_at is None


def test_over_rest_a_poll_is_asked_with_a_topic_or_later(
    client: Client, person: Person
) -> None:
    client.force_login(person("ada"))
    category = forum.category()
    body = {
        "category": category.slug,
        "title": "Which theme should be first?",
        "text": "Vote.",
        "kind": "discussion",
        "poll": {"question": "Which?", "options": ["Dark", "Light"]},
    }

    made = client.post("/api/v1/topics/", body, JSON)
    wrong = client.post(
        "/api/v1/topics/",
        body | {"poll": {"question": "Which?", "options": ["Dark", "dark"]}},
        JSON,
    )

    assert made.status_code == 201
    assert wrong.status_code == 400
    assert "Two options say the same." in wrong.content.decode()
    poll = Poll.objects.get()
    place = f"/api/v1/posts/{poll.post_id}/poll/"
    asked = client.put(
        place, {"question": "Which one?", "options": ["Dark", "Light", "Both"]}, JSON
    )
    assert [each["text"] for each in asked.json()["options"]] == [
        "Dark",
        "Light",
        "Both",
    ]
    assert client.post(f"{place}end/").json()["has_ended"] is True
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


def test_a_poll_moves_where_its_post_moves(client: Client, person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic, other = forum.topic(ada), forum.topic(ada)
    poll = poll_on(topic)
    vote(poll, mod, keys(poll)[0])

    services.join_topics(topic, into=other, by=mod)

    page = client.get(other.get_absolute_url()).content.decode()
    assert f'id="poll-{poll.post_id}"' in page
    assert differences() == []


def test_a_topic_with_a_poll_costs_two_queries_more(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    address = topic.get_absolute_url()
    client.get(address)
    with CaptureQueriesContext(connection) as without:
        client.get(address)
    poll = poll_on(topic)
    for n in range(5):
        vote(poll, person(f"voter{n}"), keys(poll)[n % 3])
    with CaptureQueriesContext(connection) as with_poll:
        client.get(address)

    assert len(with_poll) - len(without) == 2


def test_bars_are_read_by_name_and_number(client: Client, person: Person) -> None:
    ada, ben, eve = person("ada"), person("ben"), person("eve")
    poll = poll_on(forum.topic(ada))
    for who, option in ((ada, 0), (ben, 0), (eve, 1)):
        vote(poll, who, keys(poll)[option])

    page = " ".join(
        client.get(poll.post.topic.get_absolute_url()).content.decode().split()
    )

    assert 'aria-label="Dark">67</meter>' in page
    assert "2 votes, 67 %" in page
    assert "3 people voted." in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {"most_choices": 2},
        {"is_anonymous": False},
        {"results": "voted"},
        {"question": "What then?"},
        {"options": ("a", "c")},
    ],
)
def test_a_used_token_is_refused_for_a_poll_that_asks_in_another_way(
    person: Any, other: dict[str, Any]
) -> None:
    ada, within = person("ada"), forum.category()
    asked: dict[str, Any] = {"question": "Which?", "options": ("a", "b")}
    sent: dict[str, Any] = {"category": within, "title": "One of two, please"}
    first = forum.topic(
        ada, poll=services.PollValues(**asked), client_token="one", **sent
    )
    again = forum.topic(
        ada, poll=services.PollValues(**asked), client_token="one", **sent
    )
    assert again == first

    with pytest.raises(TokenReused):
        forum.topic(
            ada,
            poll=services.PollValues(**asked | other),
            client_token="one",
            **sent,
        )

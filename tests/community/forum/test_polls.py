"""Polls: asked in the composer, voted in once by each, counted exactly."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from community.forum import services
from community.forum.counting import differences, repair
from community.forum.exceptions import (
    PollBegun,
    PollEnded,
    PollMisplaced,
    PostHidden,
    WrongOptions,
)
from community.forum.models import Ballot, BallotChoice, Poll, PollOption, Topic
from community.forum.services import PollValues
from community.standing.services import sanction_person
from tests.factories import forum
from tests.forms import form_of, send
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def poll_on(topic: Topic, **values: Any) -> Poll:
    asked = {"question": "Which theme?", "options": ("Dark", "Light", "Both"), **values}
    return services.set_poll(
        topic.posts.get(number=1), PollValues(**asked), by=topic.author
    )


def keys(poll: Poll) -> list[int]:
    return list(poll.options.values_list("pk", flat=True))


def counts(poll: Poll) -> list[int]:
    return list(poll.options.values_list("vote_count", flat=True))


def vote(poll: Poll, by: Any, *options: int) -> None:
    services.set_ballot(poll, by=by, options=options, limited=False)


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


def test_each_person_votes_once_and_may_change_it(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    poll = poll_on(forum.topic(ada))
    dark, light, _both = keys(poll)

    vote(poll, ben, dark)
    vote(poll, ben, dark)
    assert counts(poll) == [1, 0, 0]
    vote(poll, ben, light)
    assert counts(poll) == [0, 1, 0]
    poll.refresh_from_db()
    assert poll.ballot_count == 1
    # The rule is the database's, not only the service's.
    with pytest.raises(IntegrityError), transaction.atomic():
        Ballot.objects.create(poll=poll, user=ben)
    with pytest.raises(IntegrityError), transaction.atomic():
        BallotChoice.objects.create(ballot=poll.ballots.get(), option_id=light)
    vote(poll, ben)
    poll.refresh_from_db()
    assert (counts(poll), poll.ballot_count) == ([0, 0, 0], 0)
    assert not Ballot.objects.exists()
    assert differences() == []


def test_more_than_may_be_chosen_is_no_vote(person: Person) -> None:
    ada = person("ada")
    single = poll_on(forum.topic(ada))
    double = poll_on(forum.topic(ada), most_choices=2)

    with pytest.raises(WrongOptions) as one:
        vote(single, ada, *keys(single)[:2])
    with pytest.raises(WrongOptions) as two:
        vote(double, ada, *keys(double))
    with pytest.raises(WrongOptions):
        vote(single, ada, keys(double)[0])
    vote(double, ada, *keys(double)[:2])

    assert str(one.value) == "Choose one of the options of this poll."
    assert "at most 2" in str(two.value)
    assert (counts(single), counts(double)) == ([0, 0, 0], [1, 1, 0])
    assert differences() == []


def test_nobody_votes_after_the_end(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    poll = poll_on(
        forum.topic(ada), ends_at=timezone.now() + timedelta(hours=1), results="ended"
    )
    vote(poll, ben, keys(poll)[0])
    address = poll.post.topic.get_absolute_url()
    assert "1 vote," not in client.get(address).content.decode()

    services.mark_ended(poll, by=ada)

    with pytest.raises(PollEnded):
        vote(poll, ben, keys(poll)[1])
    with pytest.raises(PollEnded):
        services.mark_ended(poll, by=ada)
    assert counts(poll) == [1, 0, 0]
    page = client.get(address).content.decode()
    assert "1 vote, 100 %" in page
    assert "It ended on" in page
    assert Record.objects.filter(action="poll.ended").count() == 1


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


def test_results_are_shown_when_the_poll_says_so(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    poll = poll_on(forum.topic(ada), results="voted")
    vote(poll, ada, keys(poll)[0])
    place = f"/api/v1/posts/{poll.post_id}/poll/"
    client.force_login(ben)

    before = client.get(place).json()
    after = client.put(f"{place}vote/", {"options": [keys(poll)[1]]}, JSON).json()

    assert [each["votes"] for each in before["options"]] == [None, None, None]
    assert [each["votes"] for each in after["options"]] == [1, 1, 0]
    assert [each["is_mine"] for each in after["options"]] == [False, True, False]
    gone = client.delete(f"{place}vote/").json()
    assert (gone["people"], gone["options"][0]["votes"]) == (1, None)


def test_of_an_anonymous_poll_nobody_sees_who_chose_what(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    secret = poll_on(forum.topic(ada))
    named = poll_on(forum.topic(ada), is_anonymous=False)
    for poll in (secret, named):
        vote(poll, ben, keys(poll)[0])
    client.force_login(person("staff", is_staff=True, is_moderator=True))

    for place in (
        f"/forum/p/{secret.post_id}/poll/voters/",
        f"/api/v1/posts/{secret.post_id}/poll/votes/",
    ):
        assert client.get(place).status_code == 404
    page = client.get(f"/forum/p/{named.post_id}/poll/voters/").content.decode()
    votes = client.get(f"/api/v1/posts/{named.post_id}/poll/votes/").json()["results"]

    assert ben.name in page
    assert [(each["username"], each["options"]) for each in votes] == [
        ("ben", ["Dark"])
    ]
    assert list(Ballot.objects.visible_to(ada)) == [named.ballots.get()]
    assert Ballot.objects.visible_to(ben).count() == 2


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


def test_of_a_deleted_account_the_vote_stays_counted_and_is_nobodys(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    poll = poll_on(forum.topic(ada), is_anonymous=False)
    vote(poll, ben, keys(poll)[0])
    name = ben.name

    ben.delete()

    poll.refresh_from_db()
    assert (poll.ballot_count, counts(poll)) == (1, [1, 0, 0])
    assert differences() == []
    page = client.get(f"/forum/p/{poll.post_id}/poll/voters/").content.decode()
    assert name not in page
    assert "A deleted account" in page
    votes = client.get(f"/api/v1/posts/{poll.post_id}/poll/votes/").json()["results"]
    assert votes[0]["username"] is None


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


def test_a_refused_vote_is_told_in_the_poll_with_what_was_chosen(
    client: Client, person: Person
) -> None:
    poll = poll_on(forum.topic(person("ada")), most_choices=2)
    client.force_login(person("ben"))

    sent = client.post(
        f"/forum/p/{poll.post_id}/poll/vote/", {"option": [str(k) for k in keys(poll)]}
    )

    page = sent.content.decode()
    assert sent.status_code == 400
    assert "Choose at most 2 of the options" in page
    chosen = form_of(page, "option").values["option"]
    assert chosen == [str(key) for key in keys(poll)]
    nonsense = client.post(f"/forum/p/{poll.post_id}/poll/vote/", {"option": "²"})
    assert nonsense.status_code == 400
    voted = send(
        client, poll.post.topic.get_absolute_url(), "option", option=str(keys(poll)[0])
    )
    assert voted["Location"].endswith(f"#poll-{poll.post_id}")
    assert counts(poll) == [1, 0, 0]


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


@pytest.mark.django_db(transaction=True)
def test_forty_people_who_vote_at_once_are_forty(person: Person) -> None:
    poll = poll_on(forum.topic(person("ada")), most_choices=2)
    options = keys(poll)
    people = [person(f"voter{n}") for n in range(40)]

    came = together(
        *(
            partial(vote, poll, people[n], options[n % 3], options[(n + 1) % 3])
            for n in range(40)
        )
    )

    assert came == [None] * 40
    poll.refresh_from_db()
    assert poll.ballot_count == Ballot.objects.count() == 40
    assert sum(counts(poll)) == BallotChoice.objects.count() == 80
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_one_person_who_votes_twenty_times_at_once_has_one_vote(
    person: Person,
) -> None:
    poll = poll_on(forum.topic(person("ada")))
    options, ben = keys(poll), person("ben")

    came = together(*(partial(vote, poll, ben, options[n % 3]) for n in range(20)))

    assert came == [None] * 20
    poll.refresh_from_db()
    assert poll.ballot_count == Ballot.objects.count() == 1
    assert sum(counts(poll)) == 1
    assert differences() == []

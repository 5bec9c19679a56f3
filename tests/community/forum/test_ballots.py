"""Voting in a poll: once for each person, counted exactly, shown when it says so."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import (
    PollEnded,
    WrongOptions,
)
from community.forum.models import Ballot, BallotChoice
from tests.community.forum.asked_polls import counts, keys, poll_on, vote
from tests.factories import forum
from tests.forms import form_of, send
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


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
    assert "Ended:" in page
    assert Record.objects.filter(action="poll.ended").count() == 1


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


def test_of_a_deleted_account_the_vote_stays_counted_and_is_nobodys(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    # Who owns nothing and wrote nothing may be deleted; others are closed.
    gone = User.objects.create(
        username="gone", display_name="Gone Girl", email="gone@example.test"
    )
    poll = poll_on(forum.topic(ada), is_anonymous=False)
    vote(poll, gone, keys(poll)[0])

    gone.delete()

    poll.refresh_from_db()
    assert (poll.ballot_count, counts(poll)) == (1, [1, 0, 0])
    assert differences() == []
    page = client.get(f"/forum/p/{poll.post_id}/poll/voters/").content.decode()
    assert "Gone Girl" not in page
    assert "A deleted account" in page
    votes = client.get(f"/api/v1/posts/{poll.post_id}/poll/votes/").json()["results"]
    assert votes[0]["username"] is None


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

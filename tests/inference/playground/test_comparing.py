"""Blind comparisons: nothing is told before the vote, and one vote a person."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.queries import personal_organisation
from inference.playground import services
from inference.playground.exceptions import AlreadyVoted, NotToVoteOn, NotYetRevealed
from inference.playground.models import Vote
from outbox.models import Event
from tests.factories import playground
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db


def test_a_blind_comparison_tells_nothing_before_the_vote(
    client: Client, ada: Any
) -> None:
    offered_model("tiny")
    offered_model("grand")
    chat = playground.chat(
        ada, columns=["tiny", "grand"], answers=["One.", "Other."], is_blind=True
    )
    address = chat.get_absolute_url()
    answer = chat.messages.filter(role="assistant")[0]

    html = client.get(address).content.decode()
    fragment = client.get(f"{address}answers/").content.decode()
    code = client.post("/playground/code/", {"chat": chat.public_id, "prompt": "x"})

    body = html.split("data-conversation")[1].split("data-status")[0]
    for name in ("tiny", "grand", "Tiny", "Grand"):
        assert name not in body
        assert name not in fragment
    # The first of the alphabet, wherever it stands.
    assert "grand" in code.content.decode()
    assert client.get(f"{address}code/{answer.pk}/").status_code == 409
    assert client.post(f"{address}fork/", {"message": answer.pk}).status_code == 409
    assert client.post(f"{address}post/").status_code == 409


def test_the_order_of_a_blind_comparison_is_drawn_and_kept(ada: Any) -> None:
    names = ["tiny", "grand"]

    orders = [
        tuple(playground.chat(ada, columns=names, is_blind=True).columns)
        for _ in range(40)
    ]

    # Both come up; by chance alone not, once in 2^39 times.
    assert set(orders) == {("tiny", "grand"), ("grand", "tiny")}
    assert playground.chat(ada, columns=names).columns == names


def test_one_person_votes_once_and_the_vote_is_a_fact(
    ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    chat = playground.chat(ada, columns=["tiny", "grand"], is_blind=True)

    made = services.vote(chat, "1", by=ada)

    assert made.winner == chat.columns[1]
    assert not services.is_hidden(chat)
    with pytest.raises(AlreadyVoted):
        services.vote(chat, "tie", by=ada)
    assert Vote.objects.get() == made
    event = Event.objects.get(name="ModelsCompared")
    assert event.payload["winner"] == made.winner
    assert event.payload["user_id"] == ada.pk


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("A plain answer.", True),
        ("Both know tiny, as in model='tiny'.", True),
        ("I am {own}, at your service.", False),
        ("I was made by {spaced} people.", False),
    ],
)
def test_an_answer_that_names_its_model_is_not_ranked(
    text: str, counts: bool, ada: Any
) -> None:
    chat = services.start_chat(
        services.Prompt(text="Who are you?"),
        owner=ada,
        organisation=personal_organisation(ada),
        columns=["tiny", "grand"],
        is_blind=True,
    )
    own = chat.columns[0]
    other = "It is tiny, too." if "Both" in text else "Another."
    words = text.format(own=own.title(), spaced="-".join(own))
    playground.answered(chat, words, other)

    assert services.vote(chat, "tie", by=ada).is_counted is counts


def test_there_is_no_vote_on_what_is_not_blind_or_not_whole(ada: Any) -> None:
    named = playground.chat(ada, columns=["tiny", "grand"])
    waiting = services.start_chat(
        services.Prompt(text="Hi"),
        owner=ada,
        organisation=named.organisation,  # type: ignore[arg-type]
        columns=["tiny", "grand"],
        is_blind=True,
    )
    half = playground.chat(
        ada, columns=["tiny", "grand"], answers=["Something.", ""], is_blind=True
    )

    for chat in (named, waiting, half):
        with pytest.raises(NotToVoteOn):
            services.vote(chat, "0", by=ada)

    assert Vote.objects.count() == 0
    with pytest.raises(NotYetRevealed):
        services.fork(half, at=half.messages.all()[0], by=ada, organisation=None)


def test_a_vote_outlives_its_chat_without_a_word_of_it(ada: Any) -> None:
    chat = playground.chat(ada, columns=["tiny", "grand"], is_blind=True)
    services.vote(chat, "bad", by=ada)

    services.delete(chat)

    vote = Vote.objects.get()
    assert (vote.chat, vote.verdict, vote.winner) == (None, "bad", "")

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from community.forum import services
from community.forum.exceptions import AlreadySolved
from community.forum.models import Post, Topic, Vote
from community.reputation.models import Balance, Entry
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run ``acts`` at once, each on its own connection; return what came of each."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return act()
        except Exception as error:  # noqa: BLE001 - what came of it is the result
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_of_two_answers_accepted_at_once_one_is_the_solution(person: Person) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    topic = forum.topic(ada)
    first, second = forum.reply(topic, ben), forum.reply(topic, cem)
    came = together(
        lambda: services.accept_answer(first, by=ada),
        lambda: services.accept_answer(second, by=ada),
    )
    assert sum(isinstance(result, AlreadySolved) for result in came) == 1
    topic.refresh_from_db()
    assert topic.solution in (first, second)
    assert Entry.objects.get().user == topic.solution.author
    assert Balance.objects.get(points__gt=0).points == 15


def test_twenty_replies_at_once_take_the_numbers_two_to_twenty_one(
    person: Person,
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    came = together(*[lambda: forum.reply(topic, ada) for _ in range(20)])
    assert sorted(post.number for post in came) == list(range(2, 22))
    topic.refresh_from_db()
    assert (topic.highest_number, topic.reply_count) == (21, 20)


def test_a_double_click_makes_one_topic_and_one_reply(person: Person) -> None:
    ada = person("ada")
    within = forum.category()
    topics = together(
        *[
            lambda: forum.topic(ada, category=within, title="Twice?", client_token="a")
            for _ in range(4)
        ]
    )
    assert len({topic.pk for topic in topics}) == 1
    replies = together(
        *[lambda: forum.reply(topics[0], ada, client_token="b") for _ in range(4)]
    )
    assert len({reply.pk for reply in replies}) == 1
    assert (Topic.objects.count(), Post.objects.count()) == (1, 2)
    within.refresh_from_db()
    assert within.topic_count == 1


def test_the_same_vote_sent_at_once_counts_once(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    together(*[lambda: services.vote(opening, by=ben, value=1) for _ in range(5)])
    opening.refresh_from_db()
    assert (opening.vote_score, Vote.objects.count()) == (1, 1)
    assert Balance.objects.get(user=ada).points == 10

"""The replies of a topic, the most useful first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from community.forum.models import Post, TopicUser
from community.forum.windows import WINDOW, best_window_of
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def test_replies_come_by_votes_and_of_equals_the_older_first(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answers = [forum.reply(topic, ada, text=f"Answer {n}") for n in range(4)]
    services.vote(answers[2], by=ben, value=1, limited=False)
    services.vote(answers[0], by=ben, value=-1, limited=False)

    window = best_window_of(topic, user=ben, cursor="")
    page = client.get(f"{topic.get_absolute_url()}?sort=votes").content.decode()
    listed = client.get(f"/api/v1/topics/{topic.pk}/posts/?sort=votes").json()

    assert [row.post.number for row in window.posts] == [4, 3, 5, 2]
    places = [page.index(f"Answer {n}") for n in (2, 1, 3, 0)]
    assert places == sorted(places)
    # Over REST the question is one of the posts.
    assert [post["number"] for post in listed["results"]] == [4, 1, 3, 5, 2]
    refused = client.get(f"/api/v1/topics/{topic.pk}/posts/?sort=age")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["sort"])


def test_pages_by_votes_hold_every_reply_once(client: Client, person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    for _ in range(2 * WINDOW + 5):
        forum.reply(topic, ada)
    # Many equal scores, so that the cursor has to tell them apart.
    for post in Post.objects.filter(topic=topic, number__gt=1):
        Post.objects.filter(pk=post.pk).update(vote_score=post.number % 3)

    numbers, cursor = [], ""
    for _page in range(3):
        window = best_window_of(topic, user=ada, cursor=cursor)
        numbers += [row.post.number for row in window.posts]
        cursor = window.next_cursor

    assert cursor == ""
    assert sorted(numbers) == list(range(2, 2 * WINDOW + 7))
    assert (
        client.get(f"{topic.get_absolute_url()}?sort=votes&cursor=x").status_code == 400
    )


def test_a_page_by_votes_counts_as_read_only_when_it_is_all_there_is(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    short, long = forum.topic(ada), forum.topic(ada)
    forum.reply(short, ada)
    for _ in range(WINDOW + 1):
        forum.reply(long, ada)
    client.force_login(ben)

    for topic in (short, long):
        client.get(f"{topic.get_absolute_url()}?sort=votes")

    read = dict(
        TopicUser.objects.filter(user=ben).values_list("topic", "last_read_number")
    )
    assert read == {short.pk: 2, long.pk: 1}


def test_what_is_hidden_is_not_among_the_best(client: Client, person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    answer = forum.reply(topic, mod, text="Only the team reads this")
    services.hide_post(answer, by=person("staff", is_staff=True), reason="No")

    page = client.get(f"{topic.get_absolute_url()}?sort=votes").content.decode()

    assert "Only the team reads this" not in page

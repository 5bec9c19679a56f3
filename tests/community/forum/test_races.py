from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError

from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import EditConflict
from community.forum.models import Post, Topic, Vote
from community.reputation.models import Balance, Entry
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_answers_accepted_at_once_one_is_the_solution(person: Person) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    topic = forum.topic(ada)
    first, second = forum.reply(topic, ben), forum.reply(topic, cem)
    together(
        *[
            partial(services.accept_answer, answer, by=ada)
            for answer in (first, second) * 5
        ]
    )
    topic.refresh_from_db()
    assert topic.solution in (first, second)
    assert Balance.objects.get(points__gt=0).user == topic.solution.author
    assert sum(entry.delta for entry in Entry.objects.all()) == 15
    assert differences() == []


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


def test_an_answer_accepted_while_it_is_hidden_never_stays_the_solution(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    for _ in range(5):
        topic = forum.topic(ada)
        answer = forum.reply(topic, ben)
        came = together(
            partial(services.accept_answer, answer, by=ada),
            partial(services.hide_post, answer, by=mod, reason="Spam"),
        )
        assert not any(isinstance(result, OperationalError) for result in came)
        topic.refresh_from_db()
        assert topic.solution is None
    assert not Balance.objects.filter(user=ben, points__gt=0).exists()


def test_votes_acceptance_edit_and_hiding_at_once_never_wait_for_each_other(
    person: Person,
) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    mod = person("mod", is_moderator=True)
    for _ in range(5):
        topic = forum.topic(ada, tags=["keys", "api"])
        opening, answer = topic.posts.get(number=1), forum.reply(topic, ben)
        came = together(
            partial(services.accept_answer, answer, by=ada),
            partial(services.vote, answer, by=cem, value=1),
            partial(services.vote, opening, by=ben, value=1),
            partial(
                services.edit_post, opening, editor=ada, text="New", title="A new one"
            ),
            partial(services.mark_read, topic, user=ben, number=2),
            partial(services.hide_post, opening, by=mod, reason="Spam"),
            partial(
                services.post_reply, topic, author=cem, text="Me too", limited=False
            ),
        )
        assert [result for result in came if isinstance(result, Exception)] == []
    assert list(differences()) == []


def test_topics_with_the_same_tags_in_any_order_never_wait_for_each_other(
    person: Person,
) -> None:
    ada = person("ada")
    within = forum.category()
    for round_number in range(4):
        names = [f"{letter}{round_number}" for letter in "abcd"]
        came = together(
            partial(forum.topic, ada, category=within, tags=names),
            partial(forum.topic, ada, category=within, tags=names[::-1]),
            partial(forum.topic, ada, category=within, tags=names[1:]),
        )
        assert [result for result in came if isinstance(result, Exception)] == []
    assert list(differences()) == []


def test_of_two_edits_from_one_text_the_second_is_refused(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    post = forum.topic(ada, text="Before").posts.get(number=1)
    base = post.fingerprint
    came = together(
        partial(services.edit_post, post, editor=ada, text="Hers", base=base),
        partial(services.edit_post, post, editor=mod, text="Theirs", base=base),
    )
    refused = [result for result in came if isinstance(result, EditConflict)]
    kept = next(result for result in came if isinstance(result, Post))
    assert len(refused) == 1
    assert Post.objects.get(pk=post.pk).source_md == kept.source_md


def test_a_title_and_a_text_changed_at_once_both_stay(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    for number in range(5):
        topic = forum.topic(ada, text="Before")
        post = topic.posts.get(number=1)
        title, text = f"A better title, {number}", f"A better text, {number}"
        came = together(
            partial(services.edit_topic, topic, by=mod, title=title),
            partial(services.edit_post, post, editor=ada, text=text),
        )
        assert [each for each in came if isinstance(each, Exception)] == []
        post.refresh_from_db()
        assert (post.topic.title, post.source_md) == (title, text)


def test_opposite_votes_of_two_people_at_once_add_up(person: Person) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    opening = forum.topic(ada).posts.get(number=1)
    together(
        partial(services.vote, opening, by=ben, value=1),
        partial(services.vote, opening, by=cem, value=-1, limited=False),
    )
    opening.refresh_from_db()
    assert opening.vote_score == 0
    assert Balance.objects.get(user=ada).points == 8
    assert list(differences()) == []

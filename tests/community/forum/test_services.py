from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Record
from community.forum import permissions, services
from community.forum.exceptions import (
    EditConflict,
    NotAnAnswer,
    OwnPost,
    TopicLocked,
)
from community.forum.models import Category, Post, PostRevision, Tag, Topic, Vote
from community.reputation.models import Balance
from core.errors import RateLimited
from design import markdown
from search.finding import search
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def points(user: User) -> int:
    balance = Balance.objects.filter(user=user).first()
    return balance.points if balance else 0


def test_a_topic_has_a_first_post_its_tags_and_is_counted(person: Person) -> None:
    within = forum.category()
    topic = forum.topic(person("ada"), category=within, tags=["Keys", "keys", "api"])
    within.refresh_from_db()
    assert (topic.highest_number, topic.reply_count) == (1, 0)
    assert sorted(topic.tags.values_list("name", flat=True)) == ["Keys", "api"]
    assert within.topic_count == 1
    assert Tag.objects.get(slug="keys").topic_count == 1


def test_the_same_token_gives_the_same_topic_and_the_same_reply(person: Person) -> None:
    ada = person("ada")
    within = forum.category()
    sent = {"category": within, "title": "How do I rotate it?", "client_token": "one"}
    first = forum.topic(ada, **sent)
    assert forum.topic(ada, **sent) == first
    answer = forum.reply(first, ada, client_token="two")
    assert forum.reply(first, ada, client_token="two") == answer
    assert Topic.objects.count() == 1
    assert Post.objects.count() == 2


def test_an_accepted_answer_earns_fifteen(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    topic.refresh_from_db()
    assert topic.solution == answer
    assert points(ben) == 15


def test_another_answer_takes_the_place_and_the_points_of_the_first(
    person: Person,
) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    topic = forum.topic(ada)
    first, second = forum.reply(topic, ben), forum.reply(topic, cem)
    services.accept_answer(first, by=ada)
    services.accept_answer(second, by=ada)
    services.accept_answer(second, by=ada)
    topic.refresh_from_db()
    assert topic.solution == second
    assert (points(ben), points(cem)) == (0, 15)


def test_taking_the_mark_off_and_putting_it_back_ends_at_fifteen(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    services.unaccept_answer(topic, by=ada)
    assert points(ben) == 0
    services.unaccept_answer(topic, by=ada)
    assert points(ben) == 0
    services.accept_answer(answer, by=ada)
    assert points(ben) == 15


def test_answering_oneself_earns_nothing(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    services.accept_answer(forum.reply(topic, ada), by=ada)
    assert points(ada) == 0


def test_a_question_is_not_its_own_answer(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    with pytest.raises(NotAnAnswer):
        services.accept_answer(topic.posts.get(number=1), by=ada)
    talk = forum.topic(ada, kind=Topic.Kind.DISCUSSION)
    with pytest.raises(NotAnAnswer):
        services.accept_answer(forum.reply(talk, ada), by=ada)


def test_a_vote_counts_once_and_is_taken_back(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    opening = topic.posts.get(number=1)
    services.vote(opening, by=ben, value=1)
    services.vote(opening, by=ben, value=1)
    topic.refresh_from_db()
    assert (topic.vote_score, points(ada)) == (1, 10)
    services.vote(opening, by=ben, value=-1, limited=False)
    topic.refresh_from_db()
    assert (topic.vote_score, points(ada)) == (-1, -2)
    services.vote(opening, by=ben, value=0)
    opening.refresh_from_db()
    assert (opening.vote_score, points(ada)) == (0, 0)
    assert Vote.objects.count() == 0


def test_nobody_votes_for_themselves(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    with pytest.raises(OwnPost):
        services.vote(topic.posts.get(number=1), by=ada, value=1)
    assert Vote.objects.count() == 0


def test_a_locked_topic_takes_no_reply_but_a_moderators(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    services.set_locked(topic, by=mod, is_locked=True)
    with pytest.raises(TopicLocked):
        forum.reply(topic, ada)
    assert forum.reply(topic, mod).number == 2
    assert Record.objects.filter(action="topic.locked").count() == 1


def test_an_early_edit_leaves_no_trace_and_a_late_one_does(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada, text="Before")
    post = topic.posts.get(number=1)
    services.edit_post(post, editor=ada, text="At once")
    assert PostRevision.objects.count() == 0
    Post.objects.update(created_at=post.created_at - permissions.GRACE)
    services.edit_post(post, editor=ada, text="Later", reason="Clearer")
    revision = PostRevision.objects.get()
    assert (revision.source_md, revision.reason) == ("At once", "Clearer")


def test_hiding_the_solution_opens_the_question_again(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    services.hide_post(answer, by=mod, reason="Spam")
    topic.refresh_from_db()
    assert (topic.solution, topic.reply_count, points(ben)) == (None, 0, 0)
    services.restore_post(answer, by=mod)
    topic.refresh_from_db()
    assert topic.reply_count == 1


def test_a_hidden_topic_leaves_the_counts_and_the_search(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    within = forum.category()
    topic = forum.topic(
        ada, category=within, title="Where do zeppelins land?", tags=["air"]
    )
    assert len(search(ada, "zeppelins", kinds=["topic"])) == 1
    services.hide_post(topic.posts.get(number=1), by=mod, reason="Off topic")
    assert search(ada, "zeppelins", kinds=["topic"]) == []
    assert Category.objects.get(pk=within.pk).topic_count == 0
    assert Tag.objects.get(slug="air").topic_count == 0


def test_moving_a_topic_moves_who_may_find_it(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_staff=True)
    topic = forum.topic(ada, title="Where do zeppelins land?")
    services.move_topic(topic, by=mod, category=forum.category("staff"))
    assert search(ada, "zeppelins", kinds=["topic"]) == []
    assert len(search(mod, "zeppelins", kinds=["topic"])) == 1


def test_a_new_member_opens_five_topics_a_day(person: Person) -> None:
    ada = person("ada")
    within = forum.category()
    for number in range(5):
        services.create_topic(within, author=ada, title=f"Topic {number}", text="Text")
    with pytest.raises(RateLimited):
        services.create_topic(within, author=ada, title="Topic 6", text="Text")
    assert Topic.objects.count() == 5


def test_hiding_the_last_reply_shows_the_one_before_in_the_list(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["keys"])
    first = forum.reply(topic, ada)
    spam = forum.reply(topic, ben, "Buy now")
    services.hide_post(spam, by=mod, reason="Spam")
    topic.refresh_from_db()
    assert (topic.last_poster, topic.bumped_at) == (ada, first.created_at)
    assert topic.topic_tags.get().bumped_at == first.created_at
    services.restore_post(spam, by=mod)
    topic.refresh_from_db()
    assert (topic.last_poster, topic.bumped_at) == (ben, spam.created_at)


def test_hiding_twice_counts_once(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    reply = forum.reply(topic, ada)
    services.hide_post(reply, by=mod, reason="Spam")
    services.hide_post(reply, by=mod, reason="Spam")
    services.restore_post(reply, by=mod)
    services.restore_post(reply, by=mod)
    topic.refresh_from_db()
    assert topic.reply_count == 1
    assert Record.objects.filter(action__startswith="post.").count() == 2


def test_an_edit_of_a_text_that_changed_meanwhile_is_refused(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    post = forum.topic(ada, text="Before").posts.get(number=1)
    base = post.fingerprint
    services.edit_post(post, editor=mod, text="Mended", base=base)
    with pytest.raises(EditConflict):
        services.edit_post(post, editor=ada, text="Mine", base=base)
    post.refresh_from_db()
    assert post.source_md == "Mended"
    assert PostRevision.objects.count() == 1


def test_a_long_tag_is_cut_before_it_gets_an_address(person: Person) -> None:
    ada = person("ada")
    first = forum.topic(ada, tags=["." * 39 + "a" + "b" * 30])
    second = forum.topic(ada, tags=["." * 39 + "a" + "c" * 30])
    assert first.tags.get() == second.tags.get()


def test_a_title_of_the_world_has_an_address(client: Client, person: Person) -> None:
    ada = person("ada")
    for title in (
        "怎样轮换密钥？",
        "🎉🎉🎉🎉🎉🎉🎉🎉",
        "هل يعمل هذا؟",
        "% / ? # & \\ ..",
        "Ünïcödé ﬁ",
    ):
        topic = forum.topic(ada, title=title)
        assert client.get(topic.get_absolute_url()).status_code == 200, title
        assert client.get(f"/forum/t/{topic.pk}/", follow=True).status_code == 200


def test_a_vote_taken_back_leaves_room_under_the_daily_cap(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    opening = forum.topic(ada).posts.get(number=1)
    for _ in range(25):
        services.vote(opening, by=ben, value=1, limited=False)
        services.vote(opening, by=ben, value=0, limited=False)
    services.vote(opening, by=ben, value=1, limited=False)
    assert points(ada) == 10


def test_a_hidden_reply_cannot_be_accepted_from_an_old_page(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    answer = forum.reply(forum.topic(ada), ben)
    services.hide_post(Post.objects.get(pk=answer.pk), by=mod, reason="Spam")
    with pytest.raises(NotAnAnswer):
        services.accept_answer(answer, by=ada)
    assert points(ben) == 0


def test_the_same_question_sent_again_at_once_is_the_same_topic(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    asked = {"category": within, "title": "How do I begin?", "text": "I cannot."}
    first = forum.topic(ada, client_token="one", **asked)
    assert forum.topic(ada, client_token="two", **asked) == first
    assert forum.topic(ben, **asked) != first
    assert forum.topic(ada, **{**asked, "text": "I still cannot."}) != first
    Post.objects.update(created_at=first.created_at - services.writing.AGAIN)
    assert forum.topic(ada, **asked) != first


def test_what_earlier_rules_rendered_is_shown_and_stored_by_todays(
    person: Person, client: Client
) -> None:
    topic = forum.topic(person("ada"), text="Safe *now*.")
    forged = '<img src="https://evil.test/p.png"><h2 id="main">x</h2>'
    Post.objects.update(html=forged, render_version=markdown.VERSION - 1)

    page = client.get(topic.get_absolute_url()).content.decode()
    feed = client.get("/forum/feed.atom").content.decode()
    before = Post.objects.get().html
    renewed = [services.render_again(batch=1), services.render_again()]

    assert "evil.test" not in page + feed
    assert "<em>now</em>" in page
    assert "&lt;em&gt;now&lt;/em&gt;" in feed
    assert before == forged
    assert renewed == [1, 0]
    assert Post.objects.get().html == "<p>Safe <em>now</em>.</p>\n"

"""Joining and splitting topics: posts keep what is theirs, and addresses lead on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import CannotJoin, CannotSplit, NotJoined
from community.forum.models import (
    MovedPost,
    Post,
    Reaction,
    Topic,
    TopicUser,
    Visibility,
)
from community.reputation.models import Balance
from core.errors import Contended
from search.models import IndexEntry
from tests.factories import forum
from tests.forms import send
from tests.races import together

Person = Callable[..., Any]
JSON = "application/json"


def numbers(topic: Topic) -> list[tuple[int, str]]:
    posts = Post.objects.filter(topic=topic).order_by("number")
    return [(post.number, post.source_md) for post in posts]


def indexed(topic: Topic) -> list[int]:
    found = IndexEntry.objects.filter(kind="topic", object_id=topic.pk)
    return sorted(found.values_list("part", flat=True))


def two(ada: Any, ben: Any) -> tuple[Topic, Topic]:
    """Make two topics of two posts each."""
    within = forum.category()
    first = forum.topic(ada, category=within, text="A1", tags=["keys"])
    forum.reply(first, ben, "A2")
    second = forum.topic(ben, category=within, text="B1", tags=["api"])
    forum.reply(second, ada, "B2")
    return first, second


@pytest.mark.django_db
def test_posts_come_behind_those_of_the_other_topic_with_all_that_is_theirs(
    person: Person,
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    answer = second.posts.get(number=2)
    services.vote(answer, by=ben, value=1)
    services.post_comment(answer, author=ada, text="Mine")
    services.set_reaction(answer, by=ben, kind=Reaction.Kind.THANKS, is_on=True)
    services.set_bookmark(answer, user=ben)
    written = answer.created_at

    services.join_topics(second, into=first, by=mod)

    assert numbers(first) == [(1, "A1"), (2, "A2"), (3, "B1"), (4, "B2")]
    assert numbers(second) == []
    answer.refresh_from_db()
    assert (answer.author, answer.created_at, answer.vote_score) == (ada, written, 1)
    assert (answer.comment_count, answer.bookmarks.count()) == (1, 1)
    assert answer.counted_reactions == {"thanks": 1}
    first.refresh_from_db()
    assert (first.reply_count, first.highest_number) == (3, 4)
    assert (first.bumped_at, first.last_poster) == (written, ada)
    assert list(differences()) == []
    assert indexed(first) == [0, 2, 3, 4]
    assert indexed(second) == []
    assert Record.objects.filter(action="topic.joined").count() == 1


@pytest.mark.django_db
def test_every_old_address_leads_to_the_post(client: Client, person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    old = second.get_absolute_url()
    services.join_topics(second, into=first, by=mod)
    for user in (None, ada, ben, mod):
        if user:
            client.force_login(user)
        for query, number in (("", 3), ("?n=1", 3), ("?n=2", 4)):
            for address in (old, f"/forum/t/{second.pk}/"):
                led = client.get(address + query)
                assert led.status_code == 301
                assert led["Cache-Control"] == "no-cache"
                assert led["Location"].startswith(first.get_absolute_url())
                assert led["Location"].endswith(f"#post-{number}")
        assert second.title not in client.get("/forum/").content.decode()
    assert client.get(f"/api/v1/topics/{second.pk}/").status_code == 404


@pytest.mark.django_db
def test_who_may_not_read_the_other_topic_is_not_led_there(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    secret = forum.topic(mod, category=forum.category(Visibility.STAFF))

    services.join_topics(topic, into=secret, by=mod)

    client.force_login(ada)
    assert client.get(topic.get_absolute_url()).status_code == 404
    assert client.get(f"{topic.get_absolute_url()}?n=1").status_code == 404
    client.force_login(mod)
    assert client.get(topic.get_absolute_url()).status_code == 301


@pytest.mark.django_db
def test_taking_it_out_again_leaves_everything_as_it_was(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    services.accept_answer(second.posts.get(number=2), by=ben)
    before = [numbers(first), numbers(second)]
    services.join_topics(second, into=first, by=mod)
    late = forum.reply(first, ben, "C")

    services.unjoin_topic(Topic.objects.get(pk=second.pk), by=mod)

    assert numbers(first) == [*before[0], (5, "C")]
    assert numbers(second) == before[1]
    assert late.number == 5
    second.refresh_from_db()
    assert second.is_solved
    assert (second.hidden_at, second.merged_into) == (None, None)
    assert list(differences()) == []
    assert indexed(second) == [0, 2]
    assert indexed(first) == [0, 2, 5]
    assert client.get(second.get_absolute_url()).status_code == 200
    # And where they stood meanwhile leads back to them.
    led = client.get(f"{first.get_absolute_url()}?n=3")
    assert led["Location"].startswith(second.get_absolute_url())
    with pytest.raises(NotJoined):
        services.unjoin_topic(second, by=mod)


@pytest.mark.django_db
def test_a_chain_of_joined_topics_leads_to_the_end_and_comes_apart(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    a, b, c = (forum.topic(ada, text=name) for name in "ABC")
    services.join_topics(a, into=b, by=mod)
    services.join_topics(b, into=c, by=mod)
    assert numbers(c) == [(1, "C"), (2, "B"), (3, "A")]
    led = client.get(a.get_absolute_url())["Location"]
    assert led.startswith(c.get_absolute_url())
    assert led.endswith("#post-3")

    services.unjoin_topic(Topic.objects.get(pk=b.pk), by=mod)
    assert numbers(b) == [(1, "B"), (2, "A")]
    services.unjoin_topic(Topic.objects.get(pk=a.pk), by=mod)

    assert [numbers(topic) for topic in (a, b, c)] == [
        [(1, "A")],
        [(1, "B")],
        [(1, "C")],
    ]
    assert client.get(a.get_absolute_url()).status_code == 200
    assert list(differences()) == []


@pytest.mark.django_db
@pytest.mark.parametrize("target_kind", ["question", "discussion"])
def test_what_solved_it_solves_the_other_one_and_no_point_is_lost(
    person: Person, target_kind: str
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    target = forum.topic(person("cem"), kind=target_kind)
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)

    services.join_topics(topic, into=target, by=mod)

    target.refresh_from_db()
    is_question = target_kind == "question"
    assert target.is_solved is is_question
    assert Balance.objects.get(user=ben).points == (15 if is_question else 0)
    assert list(differences()) == []


@pytest.mark.django_db
def test_who_listened_to_one_listens_to_both(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    watcher, reader, mute = person("wim"), person("rea"), person("mut")
    first, second = two(ada, ben)

    def at(topic: Topic, user: Any, level: str, number: int) -> None:
        TopicUser.objects.create(
            topic=topic, user=user, level=level, last_read_number=number
        )

    at(second, watcher, "watching", 2)
    at(first, reader, "normal", 2)
    at(second, reader, "watching", 2)
    at(first, mute, "muted", 1)
    at(second, mute, "watching", 2)

    services.join_topics(second, into=first, by=mod)

    kept = {
        row.user_id: (row.level, row.last_read_number)
        for row in TopicUser.objects.filter(topic=first)
    }
    assert kept[watcher.pk] == ("watching", 0)
    assert kept[reader.pk] == ("watching", 4)
    assert kept[mute.pk] == ("muted", 1)


@pytest.mark.django_db
def test_topics_that_cannot_be_joined_stay_as_they_are(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    with pytest.raises(CannotJoin):
        services.join_topics(first, into=first, by=mod)
    services.hide_post(second.posts.get(number=1), by=mod, reason="Spam")
    for pair in ((first, second), (second, first)):
        with pytest.raises(CannotJoin):
            services.join_topics(pair[0], into=pair[1], by=mod)
    assert (len(numbers(first)), len(numbers(second))) == (2, 2)
    assert not MovedPost.objects.exists()


@pytest.mark.django_db
def test_replies_become_a_topic_of_their_own(client: Client, person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["keys"], text="Q")
    posts = [
        forum.reply(topic, by, text)
        for by, text in ((ben, "X"), (ada, "Y"), (ben, "Z"))
    ]
    services.vote(posts[0], by=ada, value=1)
    services.accept_answer(posts[2], by=ada)
    TopicUser.objects.filter(topic=topic, user=ada).update(last_read_number=2)
    client.force_login(mod)

    split = send(
        client,
        f"/forum/t/{topic.pk}/split/",
        "numbers",
        numbers=["2", "4"],
        title="Another question altogether",
    )

    new = Topic.objects.latest("pk")
    assert split["Location"] == new.get_absolute_url()
    assert numbers(topic) == [(1, "Q"), (3, "Y")]
    assert numbers(new) == [(1, "X"), (2, "Z")]
    assert (new.author, new.created_at) == (ben, posts[0].created_at)
    assert (new.vote_score, new.reply_count) == (1, 1)
    assert [tag.name for tag in new.tags.all()] == ["keys"]
    topic.refresh_from_db()
    assert (topic.is_solved, topic.reply_count) == (False, 1)
    assert Balance.objects.get(user=ben).points == 10
    assert TopicUser.objects.get(topic=new, user=ada).last_read_number == 1
    assert list(differences()) == []
    assert (indexed(topic), indexed(new)) == ([0, 3], [0, 2])
    led = client.get(f"{topic.get_absolute_url()}?n=4")
    assert (led.status_code, led["Location"].endswith("?n=2#post-2")) == (301, True)
    # Its number is nobody else's.
    assert forum.reply(topic, ada).number == 5


@pytest.mark.django_db
def test_a_topic_that_was_split_off_goes_back_to_its_old_numbers(
    person: Person,
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, text="Q")
    for text in "XYZ":
        forum.reply(topic, ada, text)
    before = numbers(topic)
    new = services.split_topic(
        topic,
        numbers=[2, 4],
        title="Another one",
        category=topic.category,
        kind="question",
        by=mod,
    )

    services.join_topics(new, into=topic, by=mod)

    assert numbers(topic) == before
    assert list(differences()) == []


@pytest.mark.django_db
def test_a_list_does_not_call_unread_what_moved_away(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    ben = person("ben")
    topic = forum.topic(ada)
    for _ in range(3):
        forum.reply(topic, ben)
    services.split_topic(
        topic,
        numbers=[3, 4],
        title="Another one",
        category=topic.category,
        kind="question",
        by=mod,
    )
    client.force_login(ada)

    page = client.get("/forum/")

    rows = {row.topic.pk: row.unread for row in page.context["rows"]}
    assert rows[topic.pk] == 1


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [[], [1], [1, 2], [9], [2, 9]])
def test_what_cannot_be_split_off_stays(
    client: Client, person: Person, wrong: list[int]
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    forum.reply(topic, ada)
    with pytest.raises(CannotSplit):
        services.split_topic(
            topic,
            numbers=wrong,
            title="Another one",
            category=topic.category,
            kind="question",
            by=mod,
        )
    client.force_login(mod)
    page = client.post(
        f"/forum/t/{topic.pk}/split/", {"numbers": wrong, "title": "Keep this title"}
    )
    rest = client.post(
        f"/api/v1/topics/{topic.pk}/split/",
        {"numbers": wrong, "title": "Keep this title"},
        JSON,
    )
    assert page.status_code == 422
    assert "Keep this title" in page.content.decode()
    assert rest.status_code in {400, 409}
    assert len(numbers(topic)) == 2
    assert Topic.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["ada", "stranger"])
def test_only_moderators_join_and_split(
    client: Client, person: Person, who: str
) -> None:
    ada, ben = person("ada"), person("ben")
    first, second = two(ada, ben)
    client.force_login(ada if who == "ada" else person(who))

    for answer in (
        client.get(f"/forum/t/{first.pk}/join/"),
        client.post(f"/forum/t/{first.pk}/join/", {"into": second.pk}),
        client.post(f"/forum/t/{first.pk}/unjoin/"),
        client.get(f"/forum/t/{first.pk}/split/"),
        client.put(f"/api/v1/topics/{first.pk}/join/", {"into": second.pk}, JSON),
        client.delete(f"/api/v1/topics/{first.pk}/join/"),
        client.post(
            f"/api/v1/topics/{first.pk}/split/",
            {"numbers": [2], "title": "A title of it"},
            JSON,
        ),
    ):
        assert answer.status_code == 403
    assert (len(numbers(first)), len(numbers(second))) == (2, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form", ["{pk}", "#{pk}", "{url}", "https://here.test{url}?n=2"]
)
def test_a_topic_is_named_by_its_number_or_address(
    client: Client, person: Person, form: str
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    client.force_login(mod)
    into = form.format(pk=first.pk, url=first.get_absolute_url())

    led = send(client, f"/forum/t/{second.pk}/join/", "into", into=into)

    assert led["Location"] == first.get_absolute_url()
    assert "joined to this topic" in client.get(led["Location"]).content.decode()
    for wrong in ("0", "nothing", "9" * 30, str(first.pk), "-1"):
        refused = send(client, f"/forum/t/{first.pk}/join/", "into", into=wrong)
        assert refused.status_code == 422
        assert wrong in refused.content.decode()


@pytest.mark.django_db
def test_rest_joins_splits_and_takes_apart(client: Client, person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    client.force_login(mod)

    joined = client.put(f"/api/v1/topics/{second.pk}/join/", {"into": first.pk}, JSON)
    assert (joined.status_code, joined.json()["id"]) == (200, first.pk)
    assert joined.json()["reply_count"] == 3
    apart = client.delete(f"/api/v1/topics/{second.pk}/join/")
    assert (apart.json()["id"], apart.json()["reply_count"]) == (second.pk, 1)
    again = client.delete(f"/api/v1/topics/{second.pk}/join/")
    assert (again.status_code, again.json()["code"]) == (409, "not_joined")
    new = client.post(
        f"/api/v1/topics/{first.pk}/split/",
        {"numbers": [2], "title": "A question of its own"},
        JSON,
    )
    assert (new.status_code, new.json()["kind"]) == (201, "question")
    missing = client.put(f"/api/v1/topics/{first.pk}/join/", {"into": 10**9}, JSON)
    assert (missing.status_code, list(missing.json()["errors"])) == (400, ["into"])


@pytest.mark.django_db
def test_a_reply_sent_to_a_topic_that_was_joined_is_not_lost(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)
    services.join_topics(second, into=first, by=mod)
    client.force_login(ben)

    client.post(f"/forum/t/{second.pk}/reply/", {"text": "Written meanwhile"})
    services.post_reply(second, author=ben, text="And this one", limited=False)

    assert numbers(first)[-2:] == [(5, "Written meanwhile"), (6, "And this one")]
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_joining_while_people_reply_vote_and_hide_counts_right(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    for _ in range(4):
        first, second = two(ada, ben)
        answer = second.posts.get(number=2)
        came = together(
            partial(services.join_topics, second, into=first, by=mod),
            partial(services.post_reply, second, author=ada, text="Me", limited=False),
            partial(services.post_reply, first, author=ben, text="Me", limited=False),
            partial(services.vote, answer, by=ben, value=1, limited=False),
            partial(services.hide_post, answer, by=mod, reason="No"),
            partial(services.accept_answer, second.posts.get(number=2), by=ben),
        )
        refused = [each for each in came if isinstance(each, Exception)]
        assert all(
            isinstance(each, Contended) or type(each).__name__ == "NotAnAnswer"
            for each in refused
        ), refused
        assert list(differences()) == []
        assert numbers(second) == []


@pytest.mark.django_db(transaction=True)
def test_two_topics_joined_to_each_other_at_once_become_one(person: Person) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    first, second = two(ada, ben)

    came = together(
        partial(services.join_topics, first, into=second, by=mod),
        partial(services.join_topics, second, into=first, by=mod),
    )

    assert [type(each).__name__ for each in came if isinstance(each, Exception)] == [
        "CannotJoin"
    ]
    assert {len(numbers(first)), len(numbers(second))} == {0, 4}
    assert list(differences()) == []

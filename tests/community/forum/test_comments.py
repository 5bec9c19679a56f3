"""One level of comments: who may, what is told to whom, and what it costs."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import PostHidden, TooLateToEdit, TopicLocked
from community.forum.models import Comment, Post, Reaction, TopicUser, Visibility
from community.forum.permissions import COMMENT_POINTS, can_comment
from community.forum.windows import COMMENTS
from community.reputation.models import Balance
from notifications.models import EmailMessage, Notification
from tests.factories import forum
from tests.forms import send
from tests.races import together

Person = Callable[..., Any]
JSON = "application/json"


def told(user: Any) -> list[tuple[str, int]]:
    seen = Notification.objects.visible_to(user).unread()
    return list(seen.values_list("kind", "count"))


@pytest.mark.django_db
def test_a_comment_stands_under_its_post_and_moves_no_list(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    topic.refresh_from_db()
    bumped, replies = topic.bumped_at, topic.reply_count
    client.force_login(ada)

    came = send(client, topic.get_absolute_url(), "comment", comment="Which *version*?")
    # The first form with a text on the page is that of the first post.
    page = client.get(came["Location"].partition("#")[0]).content.decode()

    comment = Comment.objects.get()
    assert (comment.post.number, comment.number) == (1, 1)
    assert "Which <em>version</em>?" in page
    topic.refresh_from_db()
    assert (topic.bumped_at, topic.reply_count) == (bumped, replies)
    assert Post.objects.get(pk=answer.pk).comment_count == 0
    assert list(differences()) == []


@pytest.mark.django_db
def test_newcomers_comment_where_they_take_part_and_elsewhere_once_known(
    person: Person,
) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)

    assert can_comment(ada, answer)
    assert can_comment(ben, answer)
    assert not can_comment(ben, topic.posts.get(number=1))
    assert not can_comment(cem, answer)
    Balance.objects.create(user=cem, points=COMMENT_POINTS - 1)
    assert not can_comment(cem, answer)
    Balance.objects.filter(user=cem).update(points=COMMENT_POINTS)
    assert can_comment(cem, answer)
    assert can_comment(person("mod", is_moderator=True), answer)


@pytest.mark.django_db
def test_who_may_not_comment_is_refused_on_the_page_and_by_rest(
    client: Client, person: Person
) -> None:
    topic = forum.topic(person("ada"))
    opening = topic.posts.get(number=1)
    client.force_login(person("cem"))

    page = client.post(f"/forum/p/{opening.pk}/comments/new/", {"comment": "Hello"})
    rest = client.post(f"/api/v1/posts/{opening.pk}/comments/", {"text": "Hello"}, JSON)

    assert (page.status_code, rest.status_code) == (403, 403)
    assert (
        "10 points" in client.get(f"/forum/p/{opening.pk}/comments/").content.decode()
    )
    assert not Comment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("visibility", [Visibility.MEMBERS, Visibility.STAFF])
def test_comments_are_as_visible_as_their_category(
    client: Client, person: Person, visibility: str
) -> None:
    mod = person("mod", is_staff=True, is_moderator=True)
    topic = forum.topic(mod, category=forum.category(visibility))
    comment = services.post_comment(
        topic.posts.get(number=1), author=mod, text="Secret"
    )

    for address in (
        f"/forum/p/{comment.post_id}/comments/",
        f"/forum/comments/{comment.pk}/edit/",
        f"/api/v1/posts/{comment.post_id}/comments/",
        f"/api/v1/comments/{comment.pk}/",
    ):
        assert client.get(address).status_code in {302, 404}, address
    client.force_login(person("cem"))
    expected = 200 if visibility == Visibility.MEMBERS else 404
    found = client.get(f"/api/v1/comments/{comment.pk}/")
    assert found.status_code == expected


@pytest.mark.django_db
def test_a_hidden_comment_is_there_for_its_author_and_the_team(
    client: Client, person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    comment = services.post_comment(answer, author=ada, text="Rude words")
    deliver_outbox()
    assert ("comment", 1) in told(ben)

    services.hide_comment(comment, by=mod, reason="Be kind.")

    assert ("comment", 1) not in told(ben)
    address = topic.get_absolute_url()
    for user, sees in ((None, False), (ben, False), (ada, True), (mod, True)):
        client.logout()
        if user:
            client.force_login(user)
        assert ("Rude words" in client.get(address).content.decode()) is sees
        api = client.get(f"/api/v1/posts/{answer.pk}/comments/").json()["results"]
        assert bool(api) is sees
    assert Post.objects.get(pk=answer.pk).comment_count == 0
    assert list(differences()) == []
    assert Record.objects.filter(action="comment.hidden").exists()

    services.restore_comment(comment, by=mod)

    assert ("comment", 1) in told(ben)
    assert Post.objects.get(pk=answer.pk).comment_count == 1
    assert list(differences()) == []


@pytest.mark.django_db
def test_an_author_brings_back_what_they_deleted_and_not_what_was_hidden(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    opening = forum.topic(ada).posts.get(number=1)
    comment = services.post_comment(opening, author=ada, text="Wrong place")
    client.force_login(ada)
    hide = f"/forum/comments/{comment.pk}/hide/"

    assert client.post(hide).status_code == 302
    assert Comment.objects.get().hidden_by == ada
    assert client.post(hide).status_code == 302
    assert Comment.objects.get().hidden_at is None
    services.hide_comment(comment, by=mod, reason="Off topic")
    assert client.post(hide).status_code == 403
    assert Comment.objects.get().hidden_by == mod


@pytest.mark.django_db
def test_no_storm_comments_reach_the_author_and_whom_they_call_only(
    person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, ben = person("ada"), person("ben")
    watcher, called = person("wim"), person("cem")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    TopicUser.objects.create(user=watcher, topic=topic, level="watching")
    deliver_outbox()
    Notification.objects.all().delete()
    EmailMessage.objects.all().delete()

    for number in range(5):
        services.post_comment(answer, author=ada, text=f"Point {number}, @cem")
    deliver_outbox()

    assert told(ben) == [("comment", 5)]
    assert told(called) == [("mention", 5)]
    assert told(watcher) == []
    assert told(ada) == []
    # One mail says that somebody called; comments alone are not mailed.
    assert list(EmailMessage.objects.values_list("user", flat=True)) == [called.pk]


@pytest.mark.django_db
def test_reading_the_topic_takes_comments_off_the_bell(
    client: Client, person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.post_comment(answer, author=ada, text="Thanks")
    deliver_outbox()
    assert ("comment", 1) in told(ben)
    client.force_login(ben)

    client.get(topic.get_absolute_url())

    assert ("comment", 1) not in told(ben)


@pytest.mark.django_db
def test_a_comment_changes_for_five_minutes_and_by_its_author_only(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    opening = forum.topic(ada).posts.get(number=1)
    comment = services.post_comment(opening, author=ada, text="Furst")

    services.edit_comment(comment, editor=ada, text="First")

    comment.refresh_from_db()
    assert (comment.source_md, comment.plain.strip()) == ("First", "First")
    with pytest.raises(TooLateToEdit):
        services.edit_comment(comment, editor=mod, text="Second")
    Comment.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    client.force_login(ada)
    late = send(
        client, f"/forum/comments/{comment.pk}/edit/", "comment", comment="Third"
    )
    assert late.status_code == 422
    assert "Third" in late.content.decode()
    comment.refresh_from_db()
    assert comment.source_md == "First"


@pytest.mark.django_db
def test_nothing_is_added_to_what_is_locked_or_hidden(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada)
    opening, answer = topic.posts.get(number=1), forum.reply(topic, ada)
    services.set_locked(topic, by=mod, is_locked=True)
    with pytest.raises(TopicLocked):
        services.post_comment(opening, author=ada, text="But")
    services.set_locked(topic, by=mod, is_locked=False)
    services.hide_post(answer, by=mod, reason="Spam")
    with pytest.raises(PostHidden):
        services.post_comment(answer, author=ada, text="But")
    assert not Comment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "told_why"),
    [
        ("x" * 601, "600"),
        ("  \u200b ", "nothing to read"),
        ("", "required"),
    ],
)
def test_a_bad_comment_is_refused_and_stays_in_its_field(
    client: Client, person: Person, text: str, told_why: str
) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ada)

    refused = client.post(f"/forum/p/{opening.pk}/comments/new/", {"comment": text})
    rest = client.post(f"/api/v1/posts/{opening.pk}/comments/", {"text": text}, JSON)

    assert refused.status_code == 422
    assert told_why in refused.content.decode()
    assert text.strip() in refused.content.decode()
    assert (rest.status_code, list(rest.json()["errors"])) == (400, ["text"])
    assert not Comment.objects.exists()


@pytest.mark.django_db
def test_a_comment_is_inert(client: Client, person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    services.post_comment(
        topic.posts.get(number=1),
        author=ada,
        text='<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror="a">',
    )

    page = client.get(topic.get_absolute_url()).content.decode()

    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<img src=x" not in page


@pytest.mark.django_db
def test_the_latest_comments_are_shown_and_the_rest_is_a_page_away(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    opening = topic.posts.get(number=1)
    for number in range(COMMENTS + 2):
        services.post_comment(opening, author=ada, text=f"Remark {number}")

    page = client.get(topic.get_absolute_url()).content.decode()
    rest = client.get(f"/forum/p/{opening.pk}/comments/").content.decode()

    assert "Remark 1<" not in page
    assert "Remark 2<" in page
    assert page.index("Remark 2<") < page.index(f"Remark {COMMENTS + 1}<")
    assert f"All {COMMENTS + 2} comments" in page
    assert rest.index("Remark 0<") < rest.index(f"Remark {COMMENTS + 1}<")


@pytest.mark.django_db
def test_a_topic_costs_the_same_whatever_is_said_under_its_posts(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    first = forum.reply(topic, ben)
    services.post_comment(first, author=ada, text="One")
    services.set_reaction(first, by=ada, kind=Reaction.Kind.THANKS, is_on=True)
    services.set_bookmark(first, user=ada)
    client.force_login(ada)
    address = topic.get_absolute_url()
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    for _ in range(12):
        answer = forum.reply(topic, ben)
        services.set_bookmark(answer, user=ada)
        for kind in Reaction.Kind:
            services.set_reaction(answer, by=ada, kind=kind, is_on=True)
        for number in range(7):
            services.post_comment(
                answer, author=ada, text=f"Remark {number}", limited=False
            )
    client.get(address)

    with CaptureQueriesContext(connection) as many:
        client.get(address)

    assert len(many) == len(few)
    assert len(few) <= 16


@pytest.mark.django_db(transaction=True)
def test_twenty_comments_at_once_take_the_numbers_one_to_twenty(person: Person) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)
    people = [person(f"p{number}") for number in range(20)]

    came = together(
        *[
            partial(services.post_comment, opening, author=by, text="Me too")
            for by in people
        ]
    )

    assert sorted(each.number for each in came) == list(range(1, 21))
    assert Post.objects.get(pk=opening.pk).comment_count == 20
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_a_double_click_makes_one_comment(person: Person) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)

    came = together(
        *[
            partial(
                services.post_comment,
                opening,
                author=ada,
                text="Once",
                client_token="a",
            )
            for _ in range(4)
        ]
    )

    assert len({each.pk for each in came}) == 1
    assert Post.objects.get(pk=opening.pk).comment_count == 1


@pytest.mark.django_db(transaction=True)
def test_a_comment_hidden_and_restored_at_once_is_counted_right(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    opening = forum.topic(ada).posts.get(number=1)
    comment = services.post_comment(opening, author=ada, text="Now or never")

    came = together(
        *[partial(services.hide_comment, comment, by=mod) for _ in range(3)],
        *[partial(services.restore_comment, comment, by=mod) for _ in range(3)],
    )

    assert [each for each in came if isinstance(each, Exception)] == []
    assert list(differences()) == []

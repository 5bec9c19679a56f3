"""What lists hold, how they are counted, and where they lead."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from community.forum import services
from community.forum.counting import differences
from community.forum.models import Post, Tag, Topic, TopicTag, TopicUser
from community.forum.queries import popular_tags
from tests.factories import forum

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(person: Any) -> Any:
    return person("ada")


@pytest.fixture
def ben(person: Any) -> Any:
    return person("ben")


@pytest.fixture
def mod(person: Any) -> Any:
    return person("mod", is_moderator=True)


def shown(client: Client, address: str) -> list[str]:
    return [row.topic.title for row in client.get(address).context["rows"]]


def test_hot_is_what_is_voted_for_and_not_old(
    client: Client, ada: Any, ben: Any
) -> None:
    place = forum.category()
    old, new, liked = (
        forum.topic(ada, category=place, title=f"A topic that is {name}")
        for name in ("old", "new", "liked")
    )
    day_ago = timezone.now() - timedelta(days=2)
    Topic.objects.filter(pk=old.pk).update(created_at=day_ago, vote_score=9)
    services.vote(liked.posts.get(number=1), by=ben, value=1)
    Topic.objects.filter(pk=new.pk).update(created_at=timezone.now())

    assert shown(client, "/forum/?sort=hot") == [
        "A topic that is liked",
        "A topic that is new",
        "A topic that is old",
    ]


def test_the_best_can_be_narrowed_to_a_time(client: Client, ada: Any, ben: Any) -> None:
    old = forum.topic(ada, title="A classic question", tags=["air"])
    forum.topic(ada, title="A question of today", tags=["air"], category=old.category)
    services.vote(old.posts.get(number=1), by=ben, value=1)
    month_ago = timezone.now() - timedelta(days=40)
    Topic.objects.filter(pk=old.pk).update(created_at=month_ago)
    services.vote(old.posts.get(number=1), by=ben, value=0)
    services.vote(old.posts.get(number=1), by=ben, value=1)

    for place in ("", "tag/air/", f"c/{old.category.slug}/"):
        everything = shown(client, f"/forum/{place}?sort=top")
        month = shown(client, f"/forum/{place}?sort=top&period=month")
        assert everything == ["A classic question", "A question of today"], place
        assert month == ["A question of today"], place
    assert client.get("/forum/?sort=top&period=decade").status_code == 400


@pytest.mark.parametrize("sort", ["latest", "hot", "top", "unanswered", "mine"])
def test_a_tags_lists_are_in_the_order_of_the_others(
    client: Client, ada: Any, ben: Any, sort: str
) -> None:
    place = forum.category()
    topics = [
        forum.topic(
            ada, category=place, title=f"Question number {number}", tags=["air"]
        )
        for number in range(4)
    ]
    services.vote(topics[1].posts.get(number=1), by=ben, value=1)
    services.accept_answer(forum.reply(topics[2], ben), by=ada)
    forum.reply(topics[0], ben)
    client.force_login(ada)

    everywhere = shown(client, f"/forum/?sort={sort}")

    assert shown(client, f"/forum/tag/air/?sort={sort}") == everywhere
    assert len(everywhere) == (3 if sort == "unanswered" else 4)


def test_a_cursor_of_one_list_is_no_cursor_of_another(client: Client, ada: Any) -> None:
    place = forum.category()
    for number in range(32):
        forum.topic(ada, category=place, title=f"Question {number}", tags=["air"])
    page = client.get("/forum/tag/air/?sort=top").context["page"]

    answer = client.get(f"/forum/tag/air/?sort=latest&cursor={page.next_cursor}")

    assert answer.status_code == 400


def test_a_tag_counts_what_its_reader_may_see(ada: Any, mod: Any) -> None:
    for visibility in ("public", "members", "staff"):
        forum.topic(mod, category=forum.category(visibility), tags=["air"])

    counts = [
        popular_tags(reader)[0].shown_count  # type: ignore[attr-defined]
        for reader in (AnonymousUser(), ada, mod)
    ]

    assert counts == [1, 2, 3]


def test_counters_stay_right_whatever_is_done_to_a_topic(
    ada: Any, ben: Any, mod: Any
) -> None:
    topic = forum.topic(ada, tags=["air", "water"])
    opening = topic.posts.get(number=1)
    found = [differences()]
    for act in (
        lambda: services.move_topic(topic, by=mod, category=forum.category("staff")),
        lambda: services.set_tags(topic, ["Water", "c++"], by=ada),
        lambda: services.hide_post(opening, by=mod, reason="spam"),
        lambda: services.set_tags(topic, ["fire"], by=mod),
        lambda: services.restore_post(opening, by=mod),
        lambda: services.move_topic(topic, by=mod, category=forum.category("members")),
        lambda: services.vote(opening, by=ben, value=1),
        lambda: forum.reply(topic, ben),
    ):
        act()
        topic.refresh_from_db()
        found.append(differences())
        carried = TopicTag.objects.filter(topic=topic).values_list(
            "bumped_at", "vote_score", "hot_score"
        )
        assert set(carried) == {(topic.bumped_at, topic.vote_score, topic.hot_score)}

    assert found == [[]] * 9
    assert list(topic.tags.values_list("name", flat=True)) == ["fire"]


def test_an_author_changes_tags_later(client: Client, ada: Any) -> None:
    topic = forum.topic(ada, tags=["air"])
    opening = topic.posts.get(number=1)
    client.force_login(ada)
    form = client.get(f"/forum/p/{opening.pk}/edit/").context["form"]
    sent = {"title": topic.title, "text": opening.source_md, "base": ""}

    answer = client.post(f"/forum/p/{opening.pk}/edit/", {**sent, "tags": "C++, c#"})

    assert form.initial["tags"] == "air"
    assert answer.status_code == 302
    assert set(topic.tags.values_list("name", flat=True)) == {"C++", "c#"}
    assert not Tag.objects.visible_to(ada).filter(name="air").exists()
    assert not opening.revisions.exists()


def test_hidden_replies_are_not_unread_and_the_list_leads_to_what_is(
    client: Client, ada: Any, ben: Any, mod: Any
) -> None:
    topic = forum.topic(ada)
    for _ in range(3):
        forum.reply(topic, ben)
    services.hide_post(topic.posts.get(number=2), by=mod, reason="spam")
    client.force_login(ada)

    row = client.get("/forum/").context["rows"][0]
    page = client.get(row.url).content.decode()

    assert row.unread == 2
    assert row.url == f"{topic.get_absolute_url()}?n=2#unread"
    mark = page.index('id="unread"')
    assert page.index('id="post-1"') < mark < page.index('id="post-3"')
    assert client.get("/forum/").context["rows"][0].unread == 0


def test_a_topic_left_in_the_middle_leads_to_the_first_unread(
    client: Client, ada: Any, ben: Any
) -> None:
    topic = forum.topic(ada)
    for _ in range(40):
        forum.reply(topic, ben)
    TopicUser.objects.filter(user=ada).update(last_read_number=35)
    client.force_login(ada)

    page = client.get(topic.get_absolute_url()).content.decode()

    assert 'href="?n=36#unread"' in page
    assert (
        'id="unread"' in client.get(f"{topic.get_absolute_url()}?n=36").content.decode()
    )


@pytest.fixture
def edited(ada: Any) -> Post:
    """A first post that said a secret once."""
    topic = forum.topic(ada, title="A title with a typo", text="First.")
    opening = topic.posts.get(number=1)
    Post.objects.update(created_at=timezone.now() - timedelta(hours=1))
    for text, title in (
        ("My secret is 42.", "A title without one"),
        ("It is safe now.", "A title without one"),
    ):
        services.edit_post(opening, editor=ada, text=text, title=title)
    return opening


def test_a_history_shows_how_the_title_changed(client: Client, edited: Post) -> None:
    page = client.get(f"/forum/p/{edited.pk}/history/").content.decode()

    assert '<del class="diff__line">A title with a typo</del>' in page
    assert '<ins class="diff__line">A title without one</ins>' in page


def test_a_hidden_version_is_read_by_the_team_alone(
    client: Client, ada: Any, mod: Any, edited: Post
) -> None:
    history = f"/forum/p/{edited.pk}/history/"
    hide = f"{history}2/hide/"
    client.force_login(ada)
    assert client.post(hide, {"act": "hide"}).status_code == 403
    client.force_login(mod)
    assert client.post(hide, {"act": "hide"}).status_code == 302
    team = client.get(history).content.decode()
    client.force_login(ada)
    author = client.get(history).content.decode()
    client.force_login(mod)
    client.post(hide, {"act": "restore"})
    client.logout()

    assert "My secret is 42." in team
    assert "My secret is 42." not in author
    assert author.count("A moderator has hidden what was said here.") == 2
    assert "My secret is 42." in client.get(history).content.decode()


def test_a_solution_that_is_new_is_above_and_not_below_the_mark(
    client: Client, ada: Any, ben: Any
) -> None:
    topic = forum.topic(ada)
    services.accept_answer(forum.reply(topic, ben), by=ada)
    client.force_login(ada)

    page = client.get(topic.get_absolute_url()).content.decode()

    assert 'id="post-2"' in page
    assert "#unread" not in page
    assert 'id="unread"' not in page


def test_a_visitor_comes_back_to_the_history_they_wanted_to_change(
    client: Client, edited: Post
) -> None:
    answer = client.post(f"/forum/p/{edited.pk}/history/1/hide/", {"act": "hide"})

    assert answer.status_code == 302
    assert f"/forum/p/{edited.pk}/history/" in unquote(answer["Location"])


def test_over_rest_nothing_is_unread_where_only_hidden_posts_came(
    client: Client, ada: Any, ben: Any, person: Any
) -> None:
    mod = person("mod", is_moderator=True)
    quiet, lively = forum.topic(ada), forum.topic(ada)
    hidden = forum.reply(quiet, ben)
    forum.reply(lively, ben)
    services.hide_post(hidden, by=mod, reason="Spam")
    client.force_login(ada)

    listed = client.get("/api/v1/topics/?sort=unread").json()["results"]

    assert [topic["id"] for topic in listed] == [lively.pk]

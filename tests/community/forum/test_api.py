from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from community.forum.models import Post, Topic
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_a_topic_is_opened_answered_and_solved(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    within = forum.category()
    client.force_login(ada)
    body = {"category": within.slug, "title": "How do I begin?", "text": "Tell me."}
    made = client.post("/api/v1/topics/", body, JSON)
    assert made.status_code == 201
    client.force_login(ben)
    url = f"/api/v1/topics/{made.json()['id']}/posts/"
    answer = client.post(url, {"text": "Like **this**."}, JSON)
    assert (answer.status_code, answer.json()["number"]) == (201, 2)
    acceptance = f"/api/v1/posts/{answer.json()['id']}/acceptance/"
    assert client.put(acceptance).status_code == 403
    client.force_login(ada)
    assert client.put(acceptance).json()["is_solved"] is True
    again = client.put(acceptance)
    assert (again.status_code, again.json()["is_solved"]) == (200, True)
    vote = f"/api/v1/posts/{answer.json()['id']}/vote/"
    assert client.put(vote, {"value": 1}, JSON).json()["vote_score"] == 1
    assert client.delete(acceptance).json()["is_solved"] is False
    assert [post["number"] for post in client.get(url).json()["results"]] == [1, 2]


def test_an_unknown_field_and_a_stranger_are_refused(
    client: Client, person: Person
) -> None:
    body = {"category": forum.category().slug, "title": "A good title", "text": "Text"}
    assert client.post("/api/v1/topics/", body, JSON).status_code in (401, 403)
    client.force_login(person("ada"))
    refused = client.post("/api/v1/topics/", {**body, "pinned": True}, JSON)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert Topic.objects.count() == 0


def test_lists_are_narrowed_by_category_and_tag_and_nothing_else(
    client: Client, person: Person
) -> None:
    ada, show = person("ada"), forum.category(slug="show")
    forum.topic(ada, title="How do I begin?")
    shown = services.create_topic(
        show, author=ada, title="Look what I made", text="This.", tags=["demo"]
    )

    def ids(query: str) -> list[int]:
        found = client.get(f"/api/v1/topics/?{query}").json()["results"]
        return [topic["id"] for topic in found]

    assert len(ids("")) == 2
    assert ids("category=show") == ids("tag=demo") == [shown.pk]
    assert ids("category=show&tag=demo&sort=top") == [shown.pk]
    for query in ("kind=question", "sort=newest", "category=none", "tag=none"):
        refused = client.get(f"/api/v1/topics/?{query}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
        assert query.partition("=")[0] in refused.json()["errors"]


def test_a_token_stands_for_what_was_sent_with_it(
    client: Client, person: Person
) -> None:
    client.force_login(person("ada"))
    body = {"category": forum.category().slug, "title": "How do I begin?"}
    body |= {"text": "Tell me.", "client_token": "one"}
    made = client.post("/api/v1/topics/", body, JSON).json()
    posts = f"/api/v1/topics/{made['id']}/posts/"

    again = client.post("/api/v1/topics/", body, JSON)
    other = client.post("/api/v1/topics/", {**body, "text": "Another."}, JSON)
    reply = client.post(posts, {"text": "Tell me.", "client_token": "one"}, JSON)

    assert again.json()["id"] == made["id"]
    for refused in (other, reply):
        assert refused.status_code == 409
        assert refused.json()["code"] == "client_token_reused"
    assert Topic.objects.count() == Post.objects.count() == 1


def test_a_form_sent_again_with_another_text_asks_once_more(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)
    url = f"/forum/t/{topic.pk}/reply/"
    client.post(url, {"text": "The first.", "client_token": "one"})

    refused = client.post(url, {"text": "The second.", "client_token": "one"})

    assert refused.status_code == 422
    form = refused.context["form"]
    fresh = form["client_token"].value()
    assert form["text"].value() == "The second."
    assert fresh != "one"
    client.post(url, {"text": "The second.", "client_token": fresh})
    assert Post.objects.count() == 3


def test_a_topic_is_read_and_changed_by_who_may(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="How do I begin?", tags=["start"])
    forum.category(slug="show")
    url = f"/api/v1/topics/{topic.pk}/"
    assert client.get(url).json()["title"] == "How do I begin?"
    client.force_login(ben)
    assert client.patch(url, {"title": "Another title"}, JSON).status_code == 403
    client.force_login(ada)
    assert client.patch(url, {"is_locked": True}, JSON).status_code == 403
    assert client.patch(url, {"views": 9}, JSON).status_code == 400
    changed = client.patch(url, {"title": "How do I go on?", "tags": ["C++"]}, JSON)
    assert changed.json()["title"] == "How do I go on?"
    assert [tag.name for tag in topic.tags.all()] == ["C++"]
    client.force_login(person("mod", is_moderator=True))
    wish = {"is_locked": True, "is_pinned": True, "category": "show"}
    moved = client.patch(url, wish, JSON).json()
    assert (moved["is_locked"], moved["category"]) == (True, "show")
    assert client.patch(url, {"category": "none"}, JSON).status_code == 400


def test_a_post_is_read_changed_and_deleted_by_its_author(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    reply = forum.reply(topic, ben, "Like this.")
    url = f"/api/v1/posts/{reply.pk}/"
    read = client.get(url).json()
    assert (read["text"], read["topic"], read["is_hidden"]) == (
        "Like this.",
        topic.pk,
        False,
    )
    client.force_login(ada)
    assert client.patch(url, {"text": "Mine."}, JSON).status_code == 403
    assert client.delete(url).status_code == 403
    client.force_login(ben)
    body = {"text": "Like that.", "version": read["version"]}
    assert client.patch(url, body, JSON).json()["text"] == "Like that."
    late = client.patch(url, {**body, "text": "Or so."}, JSON)
    assert (late.status_code, late.json()["code"]) == (409, "edit_conflict")
    assert client.delete(url).status_code == 204
    assert client.get(url).json()["is_hidden"] is True
    client.force_login(ada)
    assert client.get(url).status_code == 404


def test_what_others_build_upon_is_not_deleted_by_its_author(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    client.force_login(ben)
    accepted = client.delete(f"/api/v1/posts/{answer.pk}/")
    client.force_login(ada)
    opening = client.delete(f"/api/v1/posts/{topic.posts.get(number=1).pk}/")
    assert (accepted.status_code, opening.status_code) == (403, 403)
    assert not Post.objects.filter(hidden_at__isnull=False).exists()


def test_an_author_takes_a_deletion_back_and_no_moderators(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(mod)
    reply = forum.reply(topic, ada)
    hide = f"/forum/p/{reply.pk}/hide/"
    client.force_login(ada)
    page = client.get(topic.get_absolute_url()).content.decode()
    client.post(hide)
    deleted = client.get(topic.get_absolute_url()).content.decode()
    client.post(hide)
    reply.refresh_from_db()
    restored = reply.hidden_at is None
    services.hide_post(reply, by=mod, reason="spam")

    assert "Delete" in page
    assert "This post was deleted by its author." in deleted
    assert restored
    assert client.post(hide).status_code == 403


def test_categories_and_tags_are_those_the_caller_may_see(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    mod = person("mod", is_moderator=True)
    forum.topic(mod, category=forum.category(slug="help"), tags=["C++", "keys"])
    forum.topic(mod, category=forum.category("staff", slug="room"), tags=["secret"])
    forum.topic(mod, category=forum.category("members", slug="club"), tags=["keys"])

    def seen() -> tuple[list[str], dict[str, int]]:
        categories = client.get("/api/v1/categories/").json()
        tags = client.get("/api/v1/tags/").json()["results"]
        return (
            [each["slug"] for each in categories],
            {each["name"]: each["topic_count"] for each in tags},
        )

    assert seen() == (["help"], {"C++": 1, "keys": 1})
    client.force_login(ada)
    assert seen() == (["club", "help"], {"C++": 1, "keys": 2})
    client.force_login(mod)
    assert seen() == (["club", "help", "room"], {"C++": 1, "keys": 2, "secret": 1})


def test_own_lists_need_somebody_whose_they_are(client: Client, person: Person) -> None:
    ada = person("ada")
    mine = forum.topic(ada)
    forum.topic(person("ben"))
    assert client.get("/api/v1/topics/?sort=mine").status_code == 401
    client.force_login(ada)
    found = client.get("/api/v1/topics/?sort=mine").json()["results"]
    assert [topic["id"] for topic in found] == [mine.pk]


def test_a_topic_is_watched_and_messages_are_read(
    client: Client, person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ben)
    client.force_login(ada)
    watch = f"/api/v1/topics/{topic.pk}/watch/"
    assert client.put(watch, {"level": "loud"}, JSON).status_code == 400
    assert client.put(watch, {"level": "watching"}, JSON).json() == {
        "level": "watching"
    }
    forum.reply(topic, ben)
    deliver_outbox()

    unread = client.get("/api/v1/notifications/?unread=true").json()["results"]
    one = f"/api/v1/notifications/{unread[0]['id']}/"
    client.force_login(ben)
    strangers = client.put(one)
    client.force_login(ada)
    own = client.put(one)

    assert [message["kind"] for message in unread] == ["watched"]
    assert (strangers.status_code, own.status_code) == (404, 204)
    assert client.get("/api/v1/notifications/?unread=true").json()["results"] == []
    assert len(client.get("/api/v1/notifications/").json()["results"]) == 1
    assert client.get("/api/v1/notifications/?seen=1").status_code == 400


def test_the_search_answers_over_rest_too(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"), title="Which airship?", tags=["air"])
    forum.reply(topic, topic.author, "A zeppelin.")
    found = client.get("/api/v1/search/", {"q": "what zeppelin? tag:air"}).json()
    assert [(hit["title"], hit["snippet"]) for hit in found["results"]] == [
        ("Which airship?", "A <mark>zeppelin</mark>.")
    ]
    wrong = client.get("/api/v1/search/", {"q": "zeppelin tag:none"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_filter")
    for query in ("", "?q=x&sort=new", "?q=x&cursor=x", "?q=x&kind=person"):
        assert client.get(f"/api/v1/search/{query}").status_code == 400

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from community.forum import services
from community.forum.models import Post, Topic, TopicUser, Visibility
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def queries_of(client: Client, url: str) -> int:
    """Return how many queries a page costs."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("visibility", Visibility.values)
@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
def test_every_page_of_a_topic_is_as_visible_as_its_category(
    client: Client, person: Person, visibility: str, who: str
) -> None:
    author = person("mod", is_staff=True)
    topic = forum.topic(
        author, category=forum.category(visibility), tags=["secret"], title="Zeppelins?"
    )
    if who != "stranger":
        client.force_login(author if who == "staff" else person("member"))
    sees = {
        "public": True,
        "members": who != "stranger",
        "staff": who == "staff",
    }[visibility]
    opening = topic.posts.get(number=1)
    status = 200 if sees else 404
    for url in (
        topic.get_absolute_url(),
        topic.category.get_absolute_url(),
        f"/forum/p/{opening.pk}/history/",
        f"/api/v1/topics/{topic.pk}/posts/",
    ):
        assert client.get(url).status_code == status, url
    for url in (
        "/forum/",
        "/forum/tag/secret/",
        "/forum/_latest/",
        "/forum/_similar/?title=zeppelins",
        "/api/v1/topics/",
        "/u/mod/",
    ):
        assert ("Zeppelins?" in client.get(url).content.decode()) is sees, url
    feed = client.get("/forum/feed.atom").content.decode()
    assert ("Zeppelins?" in feed) is (visibility == "public")


def test_a_topic_redirects_to_its_one_address(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"), title="怎样轮换密钥 key?")
    response = client.get(f"/forum/t/{topic.pk}/?n=1")
    assert response.status_code == 301
    assert response["Location"].endswith("?n=1")
    assert client.get(response["Location"]).status_code == 200


def test_the_list_costs_the_same_for_one_topic_and_thirty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)
    within = forum.category()
    forum.topic(ada, category=within, tags=["a", "b"])
    client.get("/forum/")
    one = queries_of(client, "/forum/")
    for _ in range(29):
        forum.topic(ada, category=within, tags=["a", "b"])
    assert queries_of(client, "/forum/") == one
    assert one <= 12


def test_a_topic_costs_the_same_for_one_reply_and_thirty(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    client.force_login(ada)
    topic = forum.topic(ada, tags=["a"])
    answer = forum.reply(topic, ben)
    services.accept_answer(answer, by=ada)
    url = topic.get_absolute_url()
    client.get(url)
    one = queries_of(client, url)
    for _ in range(29):
        forum.reply(topic, ben)
    client.get(url)
    assert queries_of(client, url) == one
    assert one <= 12


def test_the_accepted_answer_stands_before_the_others(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    forum.reply(topic, ben, "Try the first way.")
    services.accept_answer(forum.reply(topic, ben, "The second way works."), by=ada)
    page = client.get(topic.get_absolute_url()).content.decode()
    assert page.index("The second way works.") < page.index("Try the first way.")


def test_markup_in_a_title_and_a_text_is_shown_and_never_run(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    bad = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    topic = forum.topic(
        ada, title=f"Is {bad} safe?", text=f"{bad} [x](javascript:alert(3))"
    )
    forum.reply(topic, ada, bad)
    for url in (topic.get_absolute_url(), "/forum/", "/u/ada/", "/forum/_latest/"):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page


def test_what_was_typed_survives_a_refusal(client: Client, person: Person) -> None:
    ada = person("ada")
    client.force_login(ada)
    within = forum.category()
    response = client.post(
        "/forum/new/",
        {
            "kind": "question",
            "category": within.pk,
            "title": "Short",
            "text": "A long text I will not type again.",
            "client_token": "t",
        },
    )
    assert response.status_code == 422
    assert "A long text I will not type again." in response.content.decode()
    assert Topic.objects.count() == 0

    topic = forum.topic(ada)
    mod = person("mod", is_moderator=True)
    services.set_locked(topic, by=mod, is_locked=True)
    response = client.post(
        f"/forum/t/{topic.pk}/reply/", {"text": "My long reply.", "client_token": "t"}
    )
    assert response.status_code == 422
    assert "My long reply." in response.content.decode()
    assert Post.objects.count() == 1


def test_a_strangers_reply_is_there_after_signing_in(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    response = client.post(
        f"/forum/t/{topic.pk}/reply/", {"text": "Typed first.", "client_token": "t"}
    )
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/forum/t/")
    assert Post.objects.count() == 1
    client.force_login(ada)
    assert "Typed first." in client.get(topic.get_absolute_url()).content.decode()


def test_signing_in_for_a_vote_comes_back_to_the_post(
    client: Client, person: Person
) -> None:
    opening = forum.topic(person("ada")).posts.get(number=1)
    response = client.post(f"/forum/p/{opening.pk}/vote/", {"value": "up"})
    assert response.status_code == 302
    assert "next=/forum/t/" in response["Location"]


def test_only_the_asker_accepts(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada)
    answer = forum.reply(topic, ben)
    client.force_login(ben)
    assert client.post(f"/forum/p/{answer.pk}/accept/").status_code == 403
    topic.refresh_from_db()
    assert topic.solution is None
    client.force_login(ada)
    assert client.post(f"/forum/p/{answer.pk}/accept/").status_code == 302
    topic.refresh_from_db()
    assert topic.solution == answer


def test_another_readers_muting_leaves_a_topic_unread(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ada, title="Still unread to me?")
    services.set_level(topic, user=ben, level=TopicUser.Level.MUTED)
    forum.reply(topic, ben)
    client.force_login(ada)
    page = client.get("/forum/?sort=unread").content.decode()
    assert "Still unread to me?" in page


def test_a_changed_cursor_is_refused(client: Client) -> None:
    assert client.get("/forum/?cursor=nonsense").status_code == 400

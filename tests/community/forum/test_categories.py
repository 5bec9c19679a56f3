"""Looking after categories: who sees them, who writes in them, and at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import Record
from community.forum import services
from community.forum.counting import differences
from community.forum.exceptions import CategoryClosed
from community.forum.models import Access, Category, Tag, Topic, Visibility
from tests.factories import forum
from tests.forms import form_of, send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_staff_make_a_category_and_change_it(client: Client, person: Person) -> None:
    client.force_login(person("staff", is_staff=True))
    new = "/forum/categories/new/"

    made = send(
        client,
        new,
        "name_zh",
        name="News",
        name_zh="公告",
        slug="news",
        topics_by="team",
    )

    assert made["Location"] == "/forum/categories/"
    news = Category.objects.get(slug="news")
    assert (news.name_zh, news.topics_by, news.replies_by) == (
        "公告",
        "team",
        "members",
    )
    page = f"/forum/categories/{news.pk}/"
    assert "slug" not in form_of(client.get(page).content.decode(), "name_zh")
    send(client, page, "name_zh", position="7", replies_by="team")
    news.refresh_from_db()
    assert (news.position, news.replies_by, news.name_zh) == (7, "team", "公告")
    assert Record.objects.filter(action="category.changed").count() == 1
    send(client, page, "name_zh")
    assert Record.objects.filter(action="category.changed").count() == 1
    taken = send(client, new, "name_zh", name="Other", slug="news")
    assert taken.status_code == 422
    assert "Other" in taken.content.decode()
    assert "slug" in taken.context["form"].errors


@pytest.mark.parametrize("who", ["member", "moderator"])
def test_nobody_else_looks_after_categories(
    client: Client, person: Person, who: str
) -> None:
    category = forum.category()
    client.force_login(person(who, is_moderator=who == "moderator"))
    for address in ("", "new/", f"{category.pk}/"):
        page = client.get(f"/forum/categories/{address}")
        assert page.status_code == 403
    sent = client.post(f"/forum/categories/{category.pk}/", {"name": "Mine"})
    assert sent.status_code == 403
    category.refresh_from_db()
    assert category.name != "Mine"


def test_what_is_closed_to_others_is_closed_on_every_way(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    news = forum.category(slug="news", topics_by=Access.TEAM, replies_by=Access.TEAM)
    forum.category(slug="help")
    topic = forum.topic(mod, category=news)
    opening = topic.posts.get(number=1)
    client.force_login(ada)

    with pytest.raises(CategoryClosed):
        forum.topic(ada, category=news)
    with pytest.raises(CategoryClosed):
        forum.reply(topic, ada)
    with pytest.raises(CategoryClosed):
        services.post_comment(opening, author=ada, text="But")
    body = {"category": "news", "title": "A title of it", "text": "Text"}
    refused = client.post("/api/v1/topics/", body, JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "category_closed")
    rest = client.post(f"/api/v1/topics/{topic.pk}/posts/", {"text": "But"}, JSON)
    assert (rest.status_code, rest.json()["code"]) == (403, "category_closed")
    sent = client.post(f"/forum/t/{topic.pk}/reply/", {"text": "What I typed"})
    assert sent.status_code == 422
    assert "What I typed" in sent.content.decode()
    page = client.get(topic.get_absolute_url()).content.decode()
    assert "Only moderators and staff reply" in page
    offered = client.get("/forum/new/?category=news").context["form"]
    assert [each.slug for each in offered.fields["category"].queryset] == ["help"]
    assert Topic.objects.count() == 1
    assert forum.reply(topic, mod).number == 2


def test_who_may_no_longer_see_a_category_finds_nothing_of_it_at_once(
    client: Client, person: Person
) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)
    category = forum.category()
    topic = forum.topic(ada, category=category, title="Zeppelins?", tags=["air"])
    forum.reply(topic, ada, "They float on helium")
    other = forum.topic(ada, tags=["air"])
    client.force_login(staff)
    page = f"/forum/categories/{category.pk}/"

    send(client, page, "name_zh", visibility="staff")

    client.force_login(ada)
    air = Tag.objects.get(name="air")
    assert (air.topic_count, air.members_count, air.public_count) == (2, 1, 1)
    assert list(differences()) == []
    for address in ("/search/?q=zeppelins", "/search/?q=helium", "/forum/tag/air/"):
        assert "Zeppelins?" not in client.get(address).content.decode(), address
    assert client.get(topic.get_absolute_url()).status_code == 404
    assert other.title in client.get("/forum/tag/air/").content.decode()
    client.force_login(staff)
    send(client, page, "name_zh", visibility=Visibility.PUBLIC)
    client.logout()
    assert "Zeppelins?" in client.get("/search/?q=helium").content.decode()
    assert list(differences()) == []

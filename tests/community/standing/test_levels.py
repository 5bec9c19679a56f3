"""What each level may write, on every way in, and in an edit."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from community.forum import services
from community.forum.services.limits import count_links
from community.standing.exceptions import (
    NoDownVotes,
    TooManyLinks,
    TooManyMentions,
)
from community.standing.models import Level, Trust
from community.standing.queries import level_of
from community.standing.services import set_level
from core.errors import RateLimited
from tests.factories import forum
from tests.forms import send

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db
THREE = "See https://a.test/1 and https://b.test/2 and [three](https://c.test/3)."


def test_a_newcomer_writes_two_links_and_somebody_known_as_many_as_they_like(
    person: Person,
) -> None:
    ada = person("ada")
    topic = forum.topic(person("ben"))
    services.post_reply(topic, author=ada, text="https://a.test and https://b.test")

    with pytest.raises(TooManyLinks) as refused:
        services.post_reply(topic, author=ada, text=THREE)
    assert "3 links" in str(refused.value)
    with pytest.raises(TooManyLinks):
        services.create_topic(
            topic.category, author=ada, title="Three of them?", text=THREE
        )
    with pytest.raises(TooManyLinks):
        services.post_comment(topic.posts.get(number=1), author=ada, text=THREE)
    Trust.objects.create(user=ada, level=Level.BASIC)
    services.post_reply(topic, author=ada, text=THREE)


def test_links_to_this_site_and_links_in_code_are_none(person: Person) -> None:
    here = " ".join(f"{settings.SITE_URL}/forum/?n={n}" for n in range(4))
    topic = forum.topic(person("ben"))
    ada = person("ada")

    services.post_reply(topic, author=ada, text=here)
    services.post_reply(topic, author=ada, text=f"`{THREE}`\n\n    {THREE}")
    with pytest.raises(TooManyLinks):
        # A picture of others is shown as a link.
        services.post_reply(topic, author=ada, text="![a](https://a.test/a.png) " * 3)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](HTTPS://a.test) <HTTP://b.test>", 2),
        ("[a](//a.test) ![b](//b.test/b.png)", 2),
        ("[a](https:a.test) [b][c]\n\n[c]: //c.test", 2),
        ("[a](mailto:a@a.test)", 1),
        (f"[a]({settings.SITE_URL}@a.test) [b]({settings.SITE_URL}.b.test)", 2),
        (f"[a]({settings.SITE_URL}) [b](/forum/) [c](#d) [e](e.md)", 0),
    ],
)
def test_a_link_leads_away_however_it_is_written(text: str, links: int) -> None:
    assert count_links(text) == links


def test_what_may_not_be_posted_is_not_put_in_afterwards(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(person("ben"))
    post = services.post_reply(topic, author=ada, text="Like this.")
    comment = services.post_comment(
        forum.topic(ada).posts.get(), author=ada, text="Hm."
    )

    with pytest.raises(TooManyLinks):
        services.edit_post(post, editor=ada, text=THREE)
    with pytest.raises(TooManyLinks):
        services.edit_comment(comment, editor=ada, text=THREE)
    post.refresh_from_db()
    assert post.source_md == "Like this."


def test_who_is_new_again_still_mends_a_word(person: Person) -> None:
    ada = person("ada")
    post = forum.reply(forum.topic(person("ben")), ada, THREE)

    services.edit_post(post, editor=ada, text=THREE.replace("See", "Look at"))
    with pytest.raises(TooManyLinks):
        services.edit_post(post, editor=ada, text=f"{THREE} https://d.test/4")


def test_a_newcomer_mentions_two_people(person: Person) -> None:
    ada = person("ada")
    for name in ("ben", "cem", "dan"):
        person(name)
    topic = forum.topic(person("eva"))

    services.post_reply(topic, author=ada, text="@ben @cem @nobody-at-all")
    with pytest.raises(TooManyMentions):
        services.post_reply(topic, author=ada, text="@ben @cem @dan")


def test_a_newcomer_votes_up_and_not_down_and_not_often(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(person("ben"))
    posts = [forum.reply(topic, person(f"p{n}")) for n in range(13)]

    with pytest.raises(NoDownVotes):
        services.vote(posts[0], by=ada, value=-1)
    for post in posts[:12]:
        services.vote(post, by=ada, value=1)
    with pytest.raises(RateLimited):
        services.vote(posts[12], by=ada, value=1)
    posts[0].refresh_from_db()
    assert posts[0].vote_score == 1


def test_the_refusal_is_on_the_page_with_the_text(
    client: Client, person: Person
) -> None:
    topic = forum.topic(person("ben"))
    client.force_login(person("ada"))

    page = send(client, topic.get_absolute_url(), "text", text=THREE)

    assert page.status_code == 422
    assert "There are 3 links in this text" in page.content.decode()
    assert "https://b.test/2" in page.content.decode()


def test_rest_names_the_refusal(client: Client, person: Person) -> None:
    topic = forum.topic(person("ben"))
    client.force_login(person("ada"))

    answer = client.post(
        f"/api/v1/topics/{topic.pk}/posts/",
        {"text": THREE},
        content_type="application/json",
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "too_many_links")


def test_the_team_is_trusted_and_staff_choose_a_level(person: Person) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)

    assert level_of(ada) == Level.NEWCOMER
    assert level_of(staff) == level_of(person("m", is_moderator=True)) == Level.LEADER
    set_level(ada, level=Level.LEADER, is_locked=True, by=staff)
    assert level_of(ada) == Level.LEADER
    assert Trust.objects.get(user=ada).is_locked

"""What programs read of the forum: feeds, and what pages say to search engines."""

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from community.forum import services
from community.forum.models import Topic
from tests.factories import forum
from tests.queries import queries_of

Person = Callable[..., Any]
ATOM = "{http://www.w3.org/2005/Atom}"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/forum/feed.atom", "/forum/c/help/feed.atom"])
def test_a_feed_is_valid_small_and_not_sent_twice(
    client: Client, person: Person, path: str
) -> None:
    ada = person("ada")
    within = forum.category(slug="help")
    topic = forum.topic(
        ada,
        category=within,
        title="Does \x0b & <b> break it?",
        text="Bell \x07 \x1b <x>",
    )
    for _ in range(3):
        forum.reply(topic, ada, "A reply nobody subscribed to")
    response = client.get(path)
    root = ElementTree.fromstring(response.content)  # noqa: S314 - our own feed
    titles = [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]
    assert titles == ["Does & <b> break it?"]
    assert b"nobody subscribed" not in response.content
    etag = response["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    forum.topic(ada, category=within)
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200
    assert queries_of(client, path) <= 4


def test_a_tag_and_a_topic_have_feeds_of_what_everybody_may_see(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="About keys", tags=["Keys"])
    forum.topic(ada, title="About other things", tags=["other"])
    forum.topic(mod, title="Team only", tags=["Keys"], category=forum.category("staff"))
    shown = forum.reply(topic, ada, "A <b> zeppelin")
    hidden = forum.reply(topic, ada, "Spam")
    services.hide_post(hidden, by=mod, reason="x")
    services.add_synonym(topic.tags.get(), name="secrets", by=mod)
    client.force_login(mod)

    for tag in ("keys", "secrets"):
        assert titles_in(client, f"/forum/tag/{tag}/feed.atom") == ["About keys"]
    feed = client.get(f"/forum/t/{topic.pk}/feed.atom").content.decode()
    assert feed.count("<entry>") == 1
    assert f"/forum/p/{shown.pk}/" in feed
    assert "Spam" not in feed
    secret = Topic.objects.get(title="Team only")
    assert client.get(f"/forum/t/{secret.pk}/feed.atom").status_code == 404
    assert client.get("/forum/tag/nothing/feed.atom").status_code == 404
    page = client.get(topic.get_absolute_url()).content.decode()
    assert f"/forum/t/{topic.pk}/feed.atom" in page
    assert (
        "/forum/tag/keys/feed.atom" in client.get("/forum/tag/keys/").content.decode()
    )


def titles_in(client: Client, path: str) -> list[str | None]:
    root = ElementTree.fromstring(client.get(path).content)  # noqa: S314 - our own feed
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


def test_a_solved_question_tells_search_engines_its_answers_and_nothing_hidden(
    client: Client, person: Person
) -> None:
    ada, ben, mod = person("ada"), person("ben"), person("mod", is_moderator=True)
    topic = forum.topic(ada, title="Does </script><b> end it?", text="Does & it?")
    answer = forum.reply(topic, ben, "No.")
    other = forum.reply(topic, ben, "Maybe.")
    services.hide_post(forum.reply(topic, ben, "Spam"), by=mod, reason="x")
    services.accept_answer(answer, by=ada)

    for reader in (None, mod):
        if reader:
            client.force_login(reader)
        page = client.get(topic.get_absolute_url()).content.decode()
        (told,) = re.findall(
            r"<script type=.application/ld.json.[^>]*>(.*?)</script>", page
        )
        question = json.loads(told)["mainEntity"]
        assert question["name"] == topic.title
        assert question["acceptedAnswer"]["text"] == "No."
        assert [each["text"] for each in question["suggestedAnswer"]] == ["Maybe."]
        assert question["suggestedAnswer"][0]["url"].endswith(f"#post-{other.number}")
        assert '<meta property="og:description" content="Does &amp; it?">' in page


@pytest.mark.parametrize("kind", ["question", "discussion"])
def test_what_has_no_answer_is_no_page_of_answers(
    client: Client, person: Person, kind: str
) -> None:
    topic = forum.topic(person("ada"), kind=kind)
    if kind == "discussion":
        forum.reply(topic, topic.author)

    assert "ld+json" not in client.get(topic.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    "path", ["/forum/feed.atom", "/forum/c/help/feed.atom", "/forum/t/{}/feed.atom"]
)
def test_a_sign_in_a_name_takes_a_feed_from_nobody(
    client: Client, person: Person, path: str
) -> None:
    ada = person("ada", display_name="Ada\x08 Byron")
    within = forum.category(slug="help")
    type(within).objects.update(name="He\x1blp", description="What\x0cever")
    topic = forum.topic(ada, category=within)
    forum.reply(topic, ada, "Like this.")

    answer = client.get(path.format(topic.pk))

    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - our own feed
    names = {name.text for name in root.iter(f"{ATOM}name")}
    assert names == {"Ada Byron"}

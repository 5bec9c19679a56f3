"""An edit that meets another one, and one that is sent twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services
from community.forum.models import Post
from tests.factories import forum
from tests.forms import form_of

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def test_an_edit_conflict_keeps_the_text_and_shows_both(
    client: Client, person: Person
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    reply = forum.reply(forum.topic(ada), ada, "Before")
    client.force_login(ada)
    url = f"/forum/p/{reply.pk}/edit/"
    base = client.get(url).context["form"]["base"].value()
    services.edit_post(reply, editor=mod, text="Mended by a moderator")

    response = client.post(url, {"text": "My own long words", "base": base})

    page = response.content.decode()
    assert response.status_code == 409
    assert "My own long words</textarea>" in page
    assert "<del" in page
    assert "Mended by a moderator" in page
    assert Post.objects.get(pk=reply.pk).source_md == "Mended by a moderator"

    # Seen and meant: sent again it replaces what it was compared with.
    base = response.context["form"]["base"].value()
    assert (
        client.post(url, {"text": "My own long words", "base": base}).status_code == 302
    )
    assert Post.objects.get(pk=reply.pk).source_md == "My own long words"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "A title by a moderator"}, "now “A title by a moderator”"),
        ({"tags": ["python", "async"]}, "now: async, python"),
        ({"tags": []}, "no tags now"),
    ],
)
def test_an_edit_of_the_text_undoes_no_title_and_no_tags_given_meanwhile(
    client: Client, person: Person, change: dict[str, Any], said: str
) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    topic = forum.topic(ada, tags=["keys"])
    opening, before = topic.posts.get(number=1), topic.title
    client.force_login(ada)
    url = f"/forum/p/{opening.pk}/edit/"
    form = form_of(client.get(url).content.decode(), "base")
    services.edit_topic(topic, by=mod, **change)

    refused = client.post(url, form.values | {"text": "My own long words"})

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "My own long words</textarea>" in page
    assert said in page
    topic.refresh_from_db()
    assert topic.title == change.get("title", before)
    assert {tag.name for tag in topic.tags.all()} == set(change.get("tags", ["keys"]))
    # Seen and meant: sent again it replaces what it was compared with.
    again = form_of(page, "base")
    assert client.post(url, again.values).status_code == 302
    assert Post.objects.get(pk=opening.pk).source_md == "My own long words"


def test_the_same_edit_sent_twice_is_no_conflict(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    opening = forum.topic(ada, tags=["keys"]).posts.get(number=1)
    client.force_login(ada)
    url = f"/forum/p/{opening.pk}/edit/"
    form = form_of(client.get(url).content.decode(), "base")
    sent = form.values | {"title": "Another good title", "tags": "keys, python"}

    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent | {"tags": "keys"}).status_code == 409

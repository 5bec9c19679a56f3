"""Nothing typed is lost or shown to another: every way a form can be refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from community.forum import services as forum_services
from community.forum.models import Post
from drafts.middleware import ACCEPTED_COOKIE
from drafts.models import Draft
from tests.drafts.half_typed import TYPED, autosave, shown, signed_in
from tests.factories import forum
from tests.forms import confirm, form_of, send

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def test_a_topic_sent_after_the_session_ended_is_there_after_signing_in(
    person: Person,
) -> None:
    ada = person("ada")
    forum.category(name="Help")
    client = signed_in(ada)
    form = form_of(client.get("/forum/new/").content.decode(), "text")
    client.logout()

    answer = client.post(
        "/forum/new/",
        form.values
        | {"title": "Lost?", "text": TYPED, "tags": "a, b", "kind": "discussion"},
    )

    assert answer["Location"].startswith("/accounts/login/")
    client.force_login(ada)
    again = form_of(client.get("/forum/new/").content.decode(), "text").values
    assert (again["title"], again["text"], again["tags"]) == ("Lost?", TYPED, "a, b")
    assert again["kind"] == "discussion"


def test_whoever_signs_in_instead_does_not_see_it(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    forum.category()
    client = signed_in(ada)
    form = form_of(client.get("/forum/new/").content.decode(), "text")
    client.logout()
    client.post("/forum/new/", form.values | {"title": "Mine only", "text": TYPED})

    client.force_login(ben)

    assert TYPED not in client.get("/forum/new/").content.decode()
    assert shown(signed_in(ada), "/forum/new/") == TYPED


def test_what_a_visitor_typed_is_theirs_once_they_sign_in(person: Person) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client, other = Client(), Client()
    send(client, topic.get_absolute_url(), "text", text=TYPED)

    other.force_login(person("ben"))
    client.force_login(ada)

    assert shown(client, topic.get_absolute_url()) == TYPED
    assert shown(other, topic.get_absolute_url()) == ""


@pytest.mark.parametrize("reason", ["csrf", "422", "429", "500", "locked"])
def test_a_refused_reply_is_there_when_the_page_is_opened_again(
    person: Person, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    ben = person("ben")
    client = signed_in(ben)
    client.raise_request_exception = False
    values = form_of(client.get(page).content.decode(), "text").values
    values["text"] = TYPED if reason != "422" else TYPED + "x" * 40_000
    target = Client(enforce_csrf_checks=True) if reason == "csrf" else client
    target.cookies = client.cookies
    if reason == "csrf":
        values.pop("csrfmiddlewaretoken")
    if reason == "500":
        monkeypatch.setattr(forum_services, "post_reply", lambda *a, **k: 1 / 0)
    if reason == "locked":
        forum_services.set_locked(
            topic, by=person("mod", is_moderator=True), is_locked=True
        )
    if reason == "429":
        for number in range(20):
            forum_services.post_reply(topic, author=ben, text=f"Reply {number}.")

    answer = target.post(f"/forum/t/{topic.pk}/reply/", values)

    assert answer.status_code in {403, 422, 429, 500}
    assert "Draft-Accepted" not in answer
    assert not Post.objects.filter(source_md=TYPED).exists()
    assert Draft.objects.get().accepted_at is None
    if reason != "locked":
        assert shown(client, page) == values["text"]


def test_an_edit_typed_from_an_older_text_still_meets_its_conflict(
    person: Person,
) -> None:
    ada = person("ada")
    post = forum.topic(ada).posts.get(number=1)
    page = f"/forum/p/{post.pk}/edit/"
    client = signed_in(ada)
    autosave(client, page, text="Mine, from the old text")
    forum_services.edit_post(
        post, editor=person("mod", is_moderator=True), text="Changed meanwhile"
    )

    answer = send(client, page, "text")

    assert answer.status_code == 409
    post.refresh_from_db()
    assert post.source_md == "Changed meanwhile"


def test_a_confirmed_password_sends_the_form_and_ends_its_draft(
    person: Person,
) -> None:
    client = signed_in(person("ada"))
    page = "/console/ada/keys/"

    asked = send(client, page, "name", name="Website")
    kept = shown(client, page, "name")
    done = confirm(client, asked)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert kept == "Website"
    assert done["Location"].endswith("/secret/")
    assert ACCEPTED_COOKIE in done.cookies
    assert shown(client, page, "name") == ""


def test_the_longest_text_is_measured_in_characters_as_people_count(
    person: Person,
) -> None:
    topic = forum.topic(person("ada"))
    page = topic.get_absolute_url()
    client = signed_in(person("ben"))
    lines = "字\r\n" * 20_000

    answer = send(client, page, "text", text=lines)
    longer = send(client, page, "text", text=f"{lines}字字")

    assert answer.status_code == 302
    assert longer.status_code == 422
    assert "40002" in longer.content.decode().replace(",", "")
    assert form_of(longer.content.decode(), "text").values["text"].count("字") == 20_002

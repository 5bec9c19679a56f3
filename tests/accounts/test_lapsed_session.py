"""A form sent after the session ended changes nothing and loses nothing."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from billing.plans.services import ensure_default_plans
from community.forum.models import Post, Topic, TopicUser, Visibility, Vote
from tests.factories import forum
from tests.forms import form_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def send_after_the_session_ended(
    client: Client, page: str, field: str, **values: str
) -> Any:
    """Open ``page``, lose the session, and send the form that has ``field``."""
    form = form_of(client.get(page).content.decode(), field)
    client.logout()
    # Some browsers and proxies say nothing of where a form was.
    return client.post(form.action or page, form.values | values)


def led_back_to(answer: Any) -> str:
    parts = urlsplit(str(answer["Location"]))
    assert (answer.status_code, parts.path) == (302, "/accounts/login/")
    return parse_qs(parts.query)["next"][0]


def test_a_new_topic_is_on_its_form_again_after_the_sign_in(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    forum.category()
    client.force_login(ada)
    page = "/forum/new/"

    answer = send_after_the_session_ended(
        client, page, "text", title="Half an hour of work", text="Typed for long."
    )

    assert led_back_to(answer) == page
    assert Topic.objects.count() == 0
    client.force_login(ada)
    again = client.get(page).content.decode()
    assert "Half an hour of work" in again
    assert "Typed for long." in again


def test_an_edit_is_on_its_form_again_after_the_sign_in(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    opening = forum.topic(ada).posts.get(number=1)
    client.force_login(ada)
    page = f"/forum/p/{opening.pk}/edit/"

    answer = send_after_the_session_ended(client, page, "text", text="Put better.")

    assert led_back_to(answer) == page
    assert Post.objects.get(pk=opening.pk).source_md == opening.source_md
    client.force_login(ada)
    assert "Put better." in client.get(page).content.decode()


def test_a_reply_is_at_the_end_of_its_topic_again_after_the_sign_in(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client.force_login(ada)

    answer = send_after_the_session_ended(
        client, topic.get_absolute_url(), "text", text="An answer of mine."
    )

    assert led_back_to(answer) == f"{topic.get_absolute_url()}#reply"
    assert Post.objects.count() == 1
    client.force_login(ada)
    assert "An answer of mine." in client.get(topic.get_absolute_url()).content.decode()


def test_an_order_leads_back_to_its_review(client: Client, person: Person) -> None:
    ensure_default_plans()
    client.force_login(person("ada"))
    page = "/billing/checkout/pro/?interval=year"

    answer = send_after_the_session_ended(client, page, "price")

    assert led_back_to(answer).startswith("/billing/checkout/pro/")


@pytest.mark.parametrize("act", ["vote", "accept", "hide"])
def test_a_button_of_a_post_leads_back_to_it(
    client: Client, person: Person, act: str
) -> None:
    opening = forum.topic(person("ada")).posts.get(number=1)

    answer = client.post(f"/forum/p/{opening.pk}/{act}/", {"value": "up"})

    assert led_back_to(answer) == opening.get_absolute_url()
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [
        "Sign in to go on. Nothing was changed, and what you typed is kept."
    ]
    assert Vote.objects.count() == 0


def test_a_button_of_a_topic_leads_back_to_it(client: Client, person: Person) -> None:
    topic = forum.topic(person("ada"))
    before = TopicUser.objects.count()

    answer = client.post(f"/forum/t/{topic.pk}/watch/", {"level": "watching"})

    assert led_back_to(answer) == topic.get_absolute_url()
    assert TopicUser.objects.count() == before


def test_what_a_stranger_may_not_read_does_not_exist_for_a_button_either(
    client: Client, person: Person
) -> None:
    category = forum.category(Visibility.STAFF)
    topic = forum.topic(person("mod", is_staff=True), category=category)

    assert client.post(f"/forum/t/{topic.pk}/watch/").status_code == 404


def test_a_strangers_yes_to_an_invitation_leads_back_to_it(client: Client) -> None:
    answer = client.post("/invitations/a-token/")

    assert led_back_to(answer) == "/invitations/a-token/"

"""Answers while they are written: one at a time, and stopped from anywhere."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from accounts.queries import personal_organisation
from inference.playground import runs, services
from inference.playground.exceptions import NotToRetry
from inference.playground.keys import secret_for
from inference.playground.models import Chat, Message
from tests.factories.inference import offered_model
from tests.fakes.upstream import Upstream
from tests.forms import forms_of
from tests.inference.gateway.conftest import Gateway

FORM = {"model": "plain", "prompt": "Say hello.", "system": "Be brief."}


@pytest.mark.django_db
def test_nothing_is_asked_while_an_answer_is_being_written(
    client: Client, ada: Any
) -> None:
    offered_model("plain")
    client.post("/playground/", FORM | {"live": "1"})
    chat = Chat.objects.get()

    answer = client.post(chat.get_absolute_url(), FORM | {"prompt": "And?"})

    assert answer.status_code == 409
    assert "still being written" in answer.content.decode()
    assert "And?" in answer.content.decode()
    assert Message.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_stop_reaches_whichever_process_brings_the_answer(
    client: Client, ada: Any, connected: Gateway, upstream: Upstream, offer: Any
) -> None:
    offer(upstream, "slow")
    client.post("/playground/", FORM | {"model": "slow", "live": "1"})
    chat = Chat.objects.get()
    (answer,) = services.claim(chat)
    secret = secret_for(client.session, personal_organisation(ada), user=ada)
    asked = [{"role": "user", "content": "Go on for ever."}]
    payload = {"model": "slow", "stream": True, "messages": asked}
    began = time.monotonic()

    async def stop_at_once(text: str) -> None:
        # Of this process nothing is ended: only the database says so.
        await sync_to_async(services.stop)(chat)

    asyncio.run(runs.bring(runs.Errand(answer.pk, secret, payload), stop_at_once))

    answer.refresh_from_db()
    assert answer.state == "stopped"
    assert answer.content.startswith("w0 ")
    assert "w199" not in answer.content
    assert time.monotonic() - began < 8


@pytest.mark.django_db
def test_stopping_is_for_the_owner_and_works_without_scripts(
    client: Client, ada: Any, person: Callable[..., Any]
) -> None:
    offered_model("plain")
    client.post("/playground/", FORM | {"live": "1"})
    chat = Chat.objects.get()
    shown = client.get(chat.get_absolute_url()).content.decode()
    stranger = Client()
    stranger.force_login(person("eve"))

    assert stranger.post(f"{chat.get_absolute_url()}stop/").status_code == 404
    assert chat.messages.get(role="assistant").state == "waiting"
    stopping = f"{chat.get_absolute_url()}stop/"
    assert stopping in [form.action for form in forms_of(shown)]
    answer = client.post(stopping)

    assert answer.status_code == 302
    assert chat.messages.get(role="assistant").state == "stopped"
    shown = client.get(answer["Location"]).content.decode()
    assert "Stopped before the first word: nothing is charged." in shown


@pytest.mark.django_db
def test_a_stopped_answer_says_no_price_before_its_last_words_are_kept(
    client: Client, ada: Any
) -> None:
    offered_model("plain")
    client.post("/playground/", FORM | {"live": "1"})
    chat = Chat.objects.get()
    answer = services.claim(chat)[0]
    # Words came, and the page of the person shows them; none is written down yet.
    client.post(f"{chat.get_absolute_url()}stop/")

    shown = client.get(f"{chat.get_absolute_url()}answers/").content.decode()

    assert "nothing is charged" not in shown
    assert "Stopped. What was written is charged." in shown
    assert "data-counting" in shown
    assert "Try again" not in shown
    with pytest.raises(NotToRetry):
        services.retry(chat, answer.pk)
    ended = services.Ended(state="stopped", text="", calls=[], total_ms=40)
    services.finish(answer.pk, ended)
    shown = client.get(f"{chat.get_absolute_url()}answers/").content.decode()
    assert "Stopped before the first word: nothing is charged." in shown
    assert "Try again" in shown


@pytest.mark.django_db
def test_what_a_killed_process_left_is_stopped_after_a_while(
    client: Client, ada: Any
) -> None:
    offered_model("plain")
    client.post("/playground/", FORM | {"live": "1"})
    chat = Chat.objects.get()
    long_ago = timezone.now() - timedelta(minutes=1)
    chat.messages.filter(role="assistant").update(
        state="running", content="So far", seen_at=long_ago
    )

    html = client.get(chat.get_absolute_url()).content.decode()

    assert "Stopped. What was written" in html
    answer = client.post(
        chat.get_absolute_url(), {"model": "plain", "prompt": "And?", "live": "1"}
    )
    assert answer.status_code == 302


@pytest.mark.django_db
def test_an_answer_nobody_fetched_is_asked_for_by_no_page_opened_later(
    client: Client, ada: Any
) -> None:
    offered_model("plain")
    client.post("/playground/", FORM | {"live": "1"})
    address = Chat.objects.get().get_absolute_url()
    at_once = client.get(address).content.decode()
    long_ago = timezone.now() - timedelta(minutes=1)
    Message.objects.filter(role="assistant").update(seen_at=long_ago)

    html = client.get(address).content.decode()

    assert "data-stream=" in at_once
    assert "data-stream=" not in html
    assert "Stopped before the first word: nothing is charged." in html
    assert "Try again" in html
    assert client.post(f"{address}stream/").status_code == 204

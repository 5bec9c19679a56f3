"""A real gateway before upstreams that answer as none should: rows, sums, callers."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from core.crypto import encrypt
from entitlements.features import Features
from inference.catalog.alarms import refusals
from inference.catalog.models import Deployment
from inference.usage.models import OrganisationMonth, UsageEvent
from stores.redis import client as redis_client
from tests.fakes.upstream import (
    DONE,
    USAGE,
    Script,
    Upstream,
    chunk,
    events,
    running_upstream,
    usage_event,
    whole,
)
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded

Make = Callable[..., Customer]
CANARY = "http://10.0.0.7:8000/v1"
SECRET = "sk-upstreamsecret"


def answer(usage: Any = USAGE, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello there!"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "up-1", "object": "chat.completion", "model": "up", **more}
    return {**body, "choices": [choice], **({"usage": usage} if usage != "-" else {})}


def test_the_longest_answer_is_always_sent_and_is_what_was_held(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", max_output_tokens=1000)
    # One thousand tokens at $2 and eight of the prompt; not a billionth more.
    ada = customer(features=Features(monthly_allowance_nano=2_008_000))

    sent = []
    for asked in (
        {},
        {"max_tokens": 1500},
        {"max_tokens": 4},
        {"max_tokens": 400, "max_completion_tokens": 1},
    ):
        response = ada.post(json={"model": "plain", "messages": HELLO, **asked})
        sent.append(response.status_code)
        # What was held is given back before the next one.
        recorded(1)
        UsageEvent.objects.all().delete()
        OrganisationMonth.objects.all().delete()
        redis_client().delete(*redis_client().keys("*money*"))

    assert sent == [200] * 4
    longest = [request["payload"]["max_tokens"] for request in upstream.requests]
    assert longest == [1000, 1000, 4, 1]
    assert not any("max_completion_tokens" in r["payload"] for r in upstream.requests)
    poor = customer("ben", features=Features(monthly_allowance_nano=2_007_999))
    refused = poor.post(json={"model": "plain", "messages": HELLO})
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert len(upstream.requests) == 4


def test_fields_that_would_spend_more_are_refused_and_nothing_is_called(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(features=PRO)
    for name in ("n_predict", "min_tokens", "api_base", "model_list", "best_of"):
        response = ada.post(json={"model": "plain", "messages": HELLO, name: 300})
        error = response.json()["error"]
        assert (response.status_code, error["param"]) == (400, name)
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    response = ada.post(
        json={"model": "plain", "messages": [{"role": "user", "content": picture}]}
    )

    assert response.json()["error"]["param"] == "messages[0].content[0]"
    assert upstream.requests == []
    assert UsageEvent.objects.count() == 0


def test_many_prompts_and_the_best_of_several_are_held_for(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    # Ten answers of ten tokens at $2, and ten short prompts.
    ada = customer(features=Features(monthly_allowance_nano=230_000))
    asked = {"model": "plain", "max_tokens": 10}

    answers = [
        ada.post("/completions", json={**asked, **more}).status_code
        for more in (
            {"prompt": ["hello"] * 40},
            {"prompt": "hello", "best_of": 40},
            {"prompt": "hello", "n": 12},
            {"prompt": [[1, 2]] * 12},
        )
    ]

    assert answers == [429] * 4
    assert upstream.requests == []


POISON = {
    "crash": whole({"error": {"message": "CUDA error"}}, 500),
    "picture": whole({"error": {"message": "tokenizer failed"}}, 500),
    "moderation": whole({"error": {"message": "flagged by moderation"}}, 403),
    "key": whole({"error": {"message": "no access"}}, 403),
    "huge": whole({"error": {"message": "limit"}}, 429, {"retry-after": "60"}),
    "garbage": Script([b"<html>"]),
    "reset": Script([b"{", None]),
    "error-in-200": whole({"error": {"message": "boom"}}),
    "loading": whole({"error": {"message": "Loading"}}, 503, {"retry-after": "3"}),
}


def test_no_poison_of_one_caller_closes_a_model_for_another(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    ada, ben = customer("ada", features=PRO), customer("ben", features=PRO)
    for name, script in POISON.items():
        upstream.scripts["scripted"] = script
        for is_stream in (False, True, False, True):
            request = {"model": "scripted", "messages": HELLO, "stream": is_stream}
            refused = ada.post(json=request)
            assert refused.status_code >= 400, name
        upstream.scripts["scripted"] = whole(answer())
        good = ben.post(json={"model": "scripted", "messages": HELLO})
        assert good.status_code == 200, name

    rows = recorded(len(POISON) * 5)
    theirs = [row for row in rows if row.organisation_id == ada.organisation.pk]
    assert len(theirs) == len(POISON) * 4
    assert {row.price_nano for row in theirs} == {0}
    assert {row.tokens_in + row.tokens_out for row in theirs} == {0}
    assert {row.status for row in theirs} == {"upstream_error", "refused"}
    assert all(row.error_code for row in theirs)


def test_a_dead_credential_leads_on_at_once_and_staff_can_see_it(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    for status in (401, 403, 404):
        with running_upstream() as healthy:
            offer(upstream, "scripted", others=[healthy.url], slug=f"dead-{status}")
            upstream.scripts["scripted"] = whole({"error": {"message": SECRET}}, status)
            request = {"model": f"dead-{status}", "messages": HELLO}
            healthy.scripts["scripted"] = whole(answer())
            first = customer(f"user{status}").post(json=request)
            assert first.status_code == 200
            assert len(healthy.requests) == 1
            dead = Deployment.objects.get(
                model__slug=f"dead-{status}", base_url=upstream.url
            )
            deadline = time.monotonic() + 5
            while not refusals([dead.pk]) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert refusals([dead.pk]) == {dead.pk: status}
    recorded(3)


def test_nothing_is_bought_twice(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    odd = json.dumps(answer(), allow_nan=True).encode()
    odd = odd.replace(
        b'"finish_reason"', b'"logprobs": {"a": -Infinity}, "finish_reason"'
    )
    scripts = {
        "odd": (Script([odd]), 200),
        "html": (Script([b"<html>"], headers={"content-type": "text/html"}), 502),
        "half": (Script([b'{"choices": [']), 502),
        "list": (whole([1]), 502),
        "empty": (whole({}), 502),
        "paid-error": (whole({"error": {"message": "x"}, "usage": USAGE}), 502),
        "cut": (Script([b'{"choices"', None]), 502),
    }
    ada = customer(features=PRO)
    with running_upstream() as second:
        for name, (script, status) in scripts.items():
            upstream.scripts["scripted"] = script
            offer(upstream, "scripted", others=[second.url], slug=name)
            for is_stream in (False, True):
                upstream.requests.clear()
                request = {"model": name, "messages": HELLO, "stream": is_stream}
                response = customer(f"{name}{is_stream}").post(json=request)
                assert len(upstream.requests) == 1, name
                if not is_stream:
                    assert response.status_code == status, name
                    assert second.requests == [], name
                second.requests.clear()
    assert ada.client.models.list()
    rows = recorded(len(scripts) * 2)
    failed = [row for row in rows if row.status != "ok" and not row.is_stream]
    assert len(failed) == 6
    assert all(row.price_nano == 0 < row.cost_nano for row in failed)


def test_numbers_json_has_no_word_for_are_passed_on_as_they_came(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    written = (
        b'[{"index": 0, "message": {"role": "assistant", "content": "x"}, '
        b'"logprobs": {"a": -Infinity, "b": NaN, "n": 123456789012345678901234567890}, '
        b'"finish_reason": "stop"}]'
    )
    body = b'{"model": "up", "choices": %b, "usage": %b}' % (
        written,
        json.dumps(USAGE).encode(),
    )
    offer(upstream, "scripted")
    upstream.scripts["scripted"] = Script([body])

    ada = customer()
    response = ada.post(json={"model": "scripted", "messages": HELLO})
    told = ada.client.chat.completions.create(model="scripted", messages=HELLO)

    assert response.status_code == 200
    assert b'"choices":' + written in response.content
    assert told.choices[0].message.content == "x"
    assert [(row.tokens_in, row.tokens_out) for row in recorded(2)] == [(9, 3)] * 2


def test_a_whole_answer_to_a_stream_is_streamed(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    upstream.scripts["scripted"] = whole(answer())

    chunks = list(
        customer().client.chat.completions.create(
            model="scripted", messages=HELLO, stream=True
        )
    )

    text = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert text == "Hello there!"
    (row,) = recorded()
    assert (row.status, row.tokens_in, row.tokens_out) == ("ok", 9, 3)


def test_until_the_model_has_spoken_another_deployment_may_answer(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    role = (
        b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    )
    broken = b'data: {"error": {"message": "died"}}\n\n'
    with running_upstream() as second:
        second.scripts["scripted"] = events(
            chunk("Hello"), chunk(finish="stop"), usage_event(), DONE
        )
        offer(upstream, "scripted", others=[second.url])
        for number, script in enumerate((events(role, broken), events(role, None))):
            upstream.scripts["scripted"] = script
            chunks = list(
                customer(f"user{number}").client.chat.completions.create(
                    model="scripted", messages=HELLO, stream=True
                )
            )
            assert chunks[0].choices[0].delta.content == "Hello"
    rows = recorded(2)
    assert [(r.status, r.tokens_in, r.tokens_out) for r in rows] == [("ok", 9, 3)] * 2
    # The customer pays for one prompt; the other was run for us.
    assert all(row.cost_nano > 9 * 500 + 3 * 1000 for row in rows)


def test_a_model_that_ends_without_the_sign_is_whole(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    ada = customer(features=PRO)
    said = [chunk("Hello"), chunk(finish="stop"), usage_event()]
    for script in (events(*said), events(*said, None), events(*said, DONE, 3600.0)):
        upstream.scripts["scripted"] = script
        started = time.monotonic()
        response = ada.post(
            json={"model": "scripted", "messages": HELLO, "stream": True}
        )
        assert response.text.endswith("data: [DONE]\n\n")
        # What is said after the end is not waited for.
        assert time.monotonic() - started < 3

    rows = recorded(3)
    assert [(r.status, r.tokens_out, r.is_estimated) for r in rows] == [
        ("ok", 3, False)
    ] * 3


def test_leaving_after_the_last_word_costs_what_was_written(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    ada = customer(features=PRO)
    long = "word " * 200
    upstream.scripts["scripted"] = events(chunk(long), 3600.0)
    for pieces in (
        (chunk(long), 30.0),
        (chunk(long), chunk(finish="stop"), 0.5, usage_event(), DONE),
    ):
        upstream.scripts["scripted"] = events(*pieces)
        running = ada.client.chat.completions.create(
            model="scripted", messages=HELLO, stream=True
        )
        for part in running:
            if part.choices[0].finish_reason or len(pieces) == 2:
                break
        running.close()

    left, finished = recorded(2)
    # 1000 bytes at 3.5 a token, though it was one event.
    assert (left.status, left.tokens_out, left.is_estimated) == (
        "client_abort",
        286,
        True,
    )
    # What it used came right after, and nobody has to guess.
    assert (finished.status, finished.tokens_out, finished.is_estimated) == (
        "ok",
        3,
        False,
    )


def odd(song: str, said: str) -> dict[str, Any]:
    """Return a choice with a song in every field that is not the model's writing."""
    call = {
        "id": "call_1",
        "type": "function",
        "debug": song,
        "function": {"name": "f"},
    }
    return {
        said: {
            # The key of the upstream is hidden in what is written, too.
            "content": f"Hi {SECRET}",
            "role": song,
            "tool_calls": [call],
            "provider_specific_fields": {"host": song},
            "debug": song,
        },
        "index": song,
        "finish_reason": song,
        "stop_reason": song,
        "debug": song,
        "content_filter_results": {"hate": {"host": song}},
        "logprobs": None,
    }


@pytest.mark.parametrize("is_stream", [False, True])
def test_no_canary_of_an_upstream_reaches_a_caller(
    customer: Make, offer: Any, upstream: Upstream, is_stream: bool
) -> None:
    song = f"{CANARY} {SECRET} secret-name"
    around = dict.fromkeys(
        (
            *("id", "object", "system_fingerprint", "timings", "provider", "model"),
            *("service_tier", "prompt_logprobs", "kv_transfer_params", "x_host"),
        ),
        song,
    )
    noisy = {**answer(), **around, "usage": {**USAGE, "cost": song, "host": song}}
    noisy["choices"][0] |= odd(song, "message")
    odd_event = {**around, "choices": [odd(song, "delta")], "usage": {"host": song}}
    bad = {"message": song, "type": song, "code": song, "param": song, "raw": song}
    lines = [
        f": {song}\n\n".encode(),
        f"event: {song}\nid: {song}\n".encode() + chunk("Hi", **around),
    ]
    scripts = [
        *(whole({"error": bad}, status) for status in (400, 401, 403, 404, 422, 429)),
        *(whole({"error": bad}, status) for status in (200, 500, 501, 503, 504)),
        *(whole({"object": "error", **bad}, 400), whole({"detail": song}, 422)),
        Script([song.encode()], 400, {"content-type": "text/plain", "x-host": CANARY}),
        whole(noisy, headers={"x-host": CANARY, "set-cookie": "a=sk-upstreamsecret"}),
        events(*lines, chunk(finish="stop", **around), usage_event(), DONE),
        events(
            b"data: " + json.dumps(odd_event).encode() + b"\n\n", usage_event(), DONE
        ),
        events(*lines, b"data: " + json.dumps({"error": bad}).encode() + b"\n\n"),
        events(*lines, b"data: " + json.dumps({"error": song}).encode() + b"\n\n"),
        events(*lines, b"data: " + song.encode() + b"\n\n", None),
    ]
    for number, script in enumerate(scripts):
        upstream.scripts["secret-name"] = script
        upstream.requests.clear()
        # Each in a place of its own: what fails here closes nothing for the next.
        slug = f"scripted-{number}"
        offer(upstream, "secret-name", slug=slug, credential=encrypt(SECRET))
        ada = customer(f"user{number}")
        heard = b""
        request = {"model": slug, "messages": HELLO, "stream": is_stream}
        headers = {"authorization": f"Bearer {ada.secret}"}
        with httpx.stream(
            "POST", f"{ada.url}/chat/completions", json=request, headers=headers
        ) as response:
            try:
                for piece in response.iter_raw():
                    heard += piece
            except httpx.RemoteProtocolError:
                assert is_stream
            heard += str(response.headers).encode()
        assert upstream.requests, number
        for canary in (b"10.0.0.7", b"upstreamsecret", b"secret-name"):
            assert canary not in heard, (number, heard)
    rows = recorded(len(scripts))
    assert len({row.request_id for row in rows}) == len(scripts)


def test_the_sdk_reads_our_words_when_a_stream_breaks_late(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted")
    broken = {"error": {"message": f"engine died at {CANARY} key {SECRET}"}}
    upstream.scripts["scripted"] = events(
        chunk("Hello"), b"data: " + json.dumps(broken).encode() + b"\n\n"
    )

    with pytest.raises(openai.APIError) as caught:
        list(
            customer().client.chat.completions.create(
                model="scripted", messages=HELLO, stream=True
            )
        )

    assert caught.value.message == "The model broke off its answer."
    (row,) = recorded()
    assert (row.status, row.error_code) == ("failed_mid_stream", "upstream_error")


def test_embeddings_are_billed_by_what_was_asked(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "scripted", capabilities=["embeddings"])
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.25] * 1536}]
    ada = customer(features=PRO)
    for usage in ({"prompt_tokens": 2, "total_tokens": 2}, None):
        upstream.scripts["scripted"] = whole(
            {"data": vectors, "model": "up", "usage": usage}
        )
        told = ada.client.embeddings.create(
            model="scripted", input="hi", encoding_format="float"
        )
        assert len(told.data[0].embedding) == 1536
        assert told.model == "scripted"

    exact, guessed = recorded(2)
    assert (exact.tokens_in, exact.tokens_out, exact.is_estimated) == (2, 0, False)
    assert (guessed.tokens_in, guessed.tokens_out, guessed.is_estimated) == (1, 0, True)
    chat = ada.post(json={"model": "scripted", "messages": HELLO})
    assert chat.json()["error"]["code"] == "unsupported_capability"

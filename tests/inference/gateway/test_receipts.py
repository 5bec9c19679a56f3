"""``GET /v1/usage/{id}``: whoever made a call can look up what it came to."""

import threading
from collections.abc import Callable
from typing import Any

import httpx

from core.money import NANO
from inference.usage.corrections import correct_usage
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, recorded

Make = Callable[..., Customer]


def look_up(who: Customer, name: str, **headers: str) -> httpx.Response:
    bearer = {"authorization": f"Bearer {who.secret}", **headers}
    return httpx.get(f"{who.url}/usage/{name}", headers=bearer)


def test_a_call_is_found_by_its_request_id_and_by_the_id_of_its_answer(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    answer = ada.post(
        json={"model": "plain", "messages": HELLO},
        headers={"x-client-request-id": "mine"},
    )
    (row,) = recorded()

    found = look_up(ada, answer.headers["x-request-id"])
    by_answer = look_up(ada, answer.json()["id"])

    assert found.status_code == 200
    told = found.json()
    assert told == by_answer.json()
    assert told["id"] == row.pk == answer.headers["x-request-id"]
    assert told["usage"]["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert told["usage"]["completion_tokens"] == 3
    assert (told["price_nano"], told["price_usd"]) == (15_000, "0.000015000")
    assert told["price_nano"] / NANO == float(answer.headers["x-cost"])
    assert (told["status"], told["attempts"], told["is_estimated"]) == ("ok", 1, False)
    assert told["client_request_id"] == "mine"
    assert (told["error_code"], told["corrections"]) == (None, [])
    # What it cost us is nobody else's affair.
    assert "cost" not in found.text


def test_what_failed_is_found_too(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "status-500")
    ada = customer()

    answer = ada.post(json={"model": "status-500", "messages": HELLO})
    (row,) = recorded()

    told = look_up(ada, answer.headers["x-request-id"]).json()
    assert (told["status"], told["error_code"]) == ("upstream_error", "upstream_error")
    assert (told["price_nano"], told["attempts"]) == (0, 1)
    assert (row.upstream_status, row.deployment_id is None) == (500, False)


def test_nobody_finds_the_call_of_another_organisation(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada, ben = customer("ada"), customer("ben")
    answer = ada.post(json={"model": "plain", "messages": HELLO})
    recorded()
    name = answer.headers["x-request-id"]

    theirs, unknown = look_up(ben, name), look_up(ben, f"req_{'0' * 32}")

    assert theirs.status_code == unknown.status_code == 404
    assert theirs.json()["error"]["code"] == "usage_not_found"
    assert theirs.text.replace(name, "") == unknown.text.replace(f"req_{'0' * 32}", "")
    assert look_up(ada, "req_x").status_code == 404
    assert look_up(ada, "../models").status_code != 500
    refused = httpx.get(f"{ada.url}/usage/{name}")
    assert refused.status_code == 401


def test_a_call_that_still_runs_is_told_apart_from_one_that_never_was(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    ada, ben = customer("ada"), customer("ben")
    upstream.pause = 0.03
    names: list[str] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def call() -> None:
        request = {"model": "slow", "messages": HELLO, "stream": True}
        bearer = {"authorization": f"Bearer {ada.secret}"}
        url = f"{ada.url}/chat/completions"
        with httpx.stream("POST", url, json=request, headers=bearer) as stream:
            names.append(stream.headers["x-request-id"])
            has_begun.set()
            may_end.wait(10)
            stream.read()

    thread = threading.Thread(target=call)
    thread.start()
    has_begun.wait(10)
    running, others = look_up(ada, names[0]), look_up(ben, names[0])
    may_end.set()
    thread.join()
    recorded()

    assert running.status_code == others.status_code == 404
    assert running.json()["error"]["code"] == "usage_not_settled"
    assert running.headers["retry-after"] == "1"
    assert others.json()["error"]["code"] == "usage_not_found"
    assert look_up(ada, names[0]).status_code == 200


def test_a_correction_is_an_entry_the_caller_sees(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    answer = ada.post(json={"model": "plain", "messages": HELLO})
    (row,) = recorded()

    correct_usage(row, tokens_in=9, tokens_out=1, reason="Counted twice.")

    told = look_up(ada, answer.headers["x-request-id"]).json()
    assert (told["usage"]["completion_tokens"], told["price_nano"]) == (1, 11_000)
    (entry,) = told["corrections"]
    assert (entry["completion_tokens"], entry["price_nano"]) == (-2, -4_000)
    assert entry["reason"] == "Counted twice."

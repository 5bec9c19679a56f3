"""Every way to be refused, in OpenAI's shape, by the SDK or by raw HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import openai
import pytest
from django.utils import timezone

from entitlements.features import Features
from inference.keys.secrets import new_secret
from inference.keys.services import revoke_key
from inference.usage.models import UsageEvent
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, Gateway, recorded

Make = Callable[..., Customer]
BODY: dict[str, Any] = {"model": "plain", "messages": HELLO}


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error; every refusal has its four fields and a request id."""
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"].startswith("req_")
    assert len(response.headers["x-request-id"]) == 36
    assert response.headers["content-type"] == "application/json"
    return error


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "ds_live_x"])
def test_no_key_is_401_and_says_how_to_send_one(gateway: Gateway, header: str) -> None:
    response = httpx.post(
        f"{gateway.url}/chat/completions", json=BODY, headers={"authorization": header}
    )

    error = error_of(response)
    assert response.status_code == 401
    assert error["code"] is None
    assert response.headers["www-authenticate"] == "Bearer"


def test_unknown_revoked_and_expired_keys_look_the_same(
    customer: Make, gateway: Gateway, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer("ada")
    revoke_key(ada.key, by=ada.user)
    ben = customer("ben", expires_at=timezone.now() - timedelta(seconds=1))
    answers = []
    for secret in (ada.secret, ben.secret, new_secret(), "ds_live_junk", "sk-other"):
        response = httpx.post(
            f"{gateway.url}/chat/completions",
            json=BODY,
            headers={"authorization": f"Bearer {secret}"},
        )
        error = error_of(response)
        assert secret not in response.text
        answers.append((response.status_code, error["type"], error["code"]))

    assert set(answers) == {(401, "invalid_request_error", "invalid_api_key")}
    with pytest.raises(openai.AuthenticationError) as caught:
        ada.client.models.list()
    assert caught.value.request_id


def test_guessing_keys_is_stopped_by_address(
    customer: Make, gateway: Gateway, address: str
) -> None:
    def ask(secret: str, sent_from: str = address) -> int:
        headers = {"authorization": f"Bearer {secret}", "x-forwarded-for": sent_from}
        return httpx.get(f"{gateway.url}/models", headers=headers).status_code

    ada = customer()
    assert ask(ada.secret) == 200

    statuses = [ask(new_secret()) for _ in range(70)]

    assert statuses[:60] == [401] * 60
    assert statuses[60:] == [429] * 10
    # A key that is known goes on working from the same address.
    assert ask(ada.secret) == 200
    assert ask(new_secret(), "192.0.2.70") == 401


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"model": "plain",', "line 1 column 19 (char 18)"),
        (b'{"model": "plain", "x": NaN}', "column 25"),
        (b"", "line 1 column 1"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_malformed_json_is_told_with_its_position(
    customer: Make, content: bytes, where: str
) -> None:
    response = customer().post(content=content)

    error = error_of(response)
    assert response.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["code"] is None
    assert where in error["message"]


def test_the_media_type_has_to_be_json(customer: Make) -> None:
    ada = customer()

    form = ada.post(data={"model": "plain"})
    packed = ada.post(json=BODY, headers={"content-encoding": "gzip"})
    vendor = ada.post(
        content=b"[]", headers={"content-type": "application/vnd.x+json; charset=utf-8"}
    )

    assert (form.status_code, packed.status_code) == (415, 415)
    assert (
        error_of(form)["code"] == error_of(packed)["code"] == "unsupported_media_type"
    )
    assert error_of(vendor)["message"] == "The body has to be a JSON object."


def test_a_large_body_is_413_whether_declared_or_not(customer: Make) -> None:
    ada = customer()

    def endless() -> Any:
        for _ in range(25):
            yield b" " * 1_000_000

    headers = {"content-type": "application/json"}
    declared = ada.post(content=b" " * 20_000_001, headers=headers)
    streamed = ada.post(content=endless(), headers=headers)

    assert error_of(declared)["code"] == "request_too_large"
    assert (declared.status_code, streamed.status_code) == (413, 413)


@pytest.mark.parametrize("depth", [250, 900, 100_000])
def test_a_depth_bomb_is_refused_before_anything_is_reserved(
    customer: Make, offer: Any, upstream: Upstream, depth: int
) -> None:
    offer(upstream, "plain")
    bomb = b"[" * depth + b"]" * depth
    content = (
        b'{"model":"plain","messages":[{"role":"user","content":"x"}],"metadata":%b}'
    )

    response = customer().post(content=content % bomb)

    assert response.status_code == 400
    assert error_of(response)["type"] == "invalid_request_error"
    assert upstream.requests == []


def test_brackets_inside_text_are_no_depth(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    message = {"role": "user", "content": '[{"' * 500}

    response = customer().post(json={"model": "plain", "messages": [message]})

    assert response.status_code == 200


def test_an_unknown_model_names_the_near_ones_the_key_may_see(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", slug="doorstone-docs")
    offer(upstream, "plain", slug="doorstone-dogs")
    ada = customer("ada")
    ben = customer("ben", allowed_models=["doorstone-docs"])

    with pytest.raises(openai.NotFoundError) as caught:
        ada.client.chat.completions.create(model="doorstone-dosc", messages=HELLO)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert "`doorstone-docs`" in caught.value.message
    assert "`doorstone-dogs`" in caught.value.message

    # What a key may not see is as unknown as what does not exist.
    with pytest.raises(openai.NotFoundError) as hidden:
        ben.client.chat.completions.create(model="doorstone-dogs", messages=HELLO)
    assert "Did you mean `doorstone-docs`?" in hidden.value.message
    with pytest.raises(openai.NotFoundError):
        ben.client.models.retrieve("doorstone-dogs")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "unknown_url"),
        ("POST", "/images/generations", 404, "not_served"),
        ("GET", "", 404, "unknown_url"),
        ("GET", "/chat/completions", 405, "method_not_allowed"),
        ("OPTIONS", "/chat/completions", 405, "method_not_allowed"),
        ("POST", "/models", 405, "method_not_allowed"),
        ("DELETE", "/models/plain", 405, "method_not_allowed"),
    ],
)
def test_unknown_addresses_and_methods_are_told_in_the_same_shape(
    customer: Make, method: str, path: str, status: int, code: str
) -> None:
    ada = customer()

    response = httpx.request(
        method,
        f"{ada.url}{path}",
        headers={"authorization": f"Bearer {ada.secret}"},
    )

    assert response.status_code == status
    assert error_of(response)["code"] == code
    assert ("allow" in response.headers) == (status == 405)
    assert "access-control-allow-origin" not in response.headers


def test_head_answers_like_get_without_a_body(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    headers = {"authorization": f"Bearer {ada.secret}"}

    response = httpx.head(f"{ada.url}/models", headers=headers)

    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["x-request-id"].startswith("req_")
    assert httpx.head(f"{ada.url}/chat/completions").status_code == 405


def test_a_session_cookie_opens_nothing(customer: Make, gateway: Gateway) -> None:
    from django.test import Client

    browser = Client()
    browser.force_login(customer().user)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}

    response = httpx.get(f"{gateway.url}/models", cookies=cookies)

    assert response.status_code == 401


def test_a_connection_outlives_the_errors_on_it(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()
    bearer = {"authorization": f"Bearer {ada.secret}"}
    with httpx.Client(base_url=ada.url, headers=bearer) as client:
        statuses = [
            client.post("/chat/completions", json=BODY, headers=headers).status_code
            for headers in ({"authorization": "Bearer no"}, {"content-encoding": "br"})
        ]
        statuses.append(client.post("/chat/completions", content=b"{").status_code)
        statuses.append(client.post("/chat/completions", json=BODY).status_code)
        pool = client._transport._pool  # type: ignore[attr-defined]
        connections = len(pool.connections)

    assert statuses == [401, 415, 400, 200]
    assert connections == 1


def test_what_cannot_fit_is_refused_with_the_context(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", context_tokens=1000)
    ada = customer()

    with pytest.raises(openai.BadRequestError) as caught:
        ada.client.chat.completions.create(
            model="plain", messages=[{"role": "user", "content": "word " * 5000}]
        )

    assert caught.value.code == "context_length_exceeded"
    # The very words by which clients know to fall back to a larger model.
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"].startswith(
        "This model's maximum context length is 1000 tokens."
    )
    # A picture is many bytes and few tokens.
    offer(upstream, "plain", context_tokens=2000, capabilities=["chat", "vision"])
    picture = {"url": "data:image/png;base64," + "A" * 100_000}
    content = [{"type": "image_url", "image_url": picture}]
    answer = ada.post(
        json={"model": "plain", "messages": [{"role": "user", "content": content}]}
    )
    assert answer.status_code == 200


def test_the_request_limit_tells_the_exact_wait(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(requests_per_minute=3))

    answers = [ada.post(json=BODY) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    first, last = answers[0].headers, answers[3].headers
    assert first["x-ratelimit-limit-requests"] == "3"
    assert first["x-ratelimit-remaining-requests"] == "2"
    assert first["x-ratelimit-limit-tokens"] == "60000"
    assert first["x-ratelimit-reset-requests"].startswith(("19.", "20"))
    assert last["x-ratelimit-remaining-requests"] == "0"
    error = error_of(answers[3])
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    milliseconds = int(last["retry-after-ms"])
    # One request every twenty seconds, less what the first calls took.
    assert 5_000 < milliseconds <= 20_000
    assert int(last["retry-after"]) == -(-milliseconds // 1000)
    assert len(recorded(3)) == 3


def test_the_token_limit_is_of_another_type(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer(features=Features(tokens_per_minute=150))

    answers = [ada.post(json=BODY) for _ in range(3)]

    refused = answers[-1]
    assert refused.status_code == 429
    assert error_of(refused)["type"] == "tokens"
    assert int(refused.headers["retry-after-ms"]) > 1000


def test_an_empty_quota_is_not_worth_a_retry_and_free_models_go_on(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    from inference.catalog.services import Rates

    offer(upstream, "plain")
    offer(upstream, "plain", slug="free", rates=Rates.from_dollars("0", "0", "0", "0"))
    ada = customer(features=Features(monthly_allowance_nano=1000))
    client = ada.client.with_options(max_retries=2)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="plain", messages=HELLO)

    assert caught.value.code == caught.value.type == "insufficient_quota"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "x-ratelimit-remaining-requests" in caught.value.response.headers
    assert upstream.requests == []
    client.chat.completions.create(model="free", messages=HELLO)
    assert recorded()[0].price_nano == 0
    assert UsageEvent.objects.count() == 1


def test_an_upstream_that_does_not_answer_is_504(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "never", first_byte_timeout=1.5, total_timeout=1.5)
    ada = customer()

    for number, is_stream in enumerate((True, False), 1):
        response = ada.post(json={**BODY, "model": "never", "stream": is_stream})

        assert response.status_code == 504
        assert error_of(response)["code"] == "upstream_timeout"
        # It may have been executed: once is enough.
        assert len(upstream.requests) == number
    for event in recorded(2):
        assert (event.status, event.error_code) == ("timed_out", "upstream_timeout")
        assert (event.price_nano, event.tokens_in, event.tokens_out) == (0, 0, 0)
        # What it may have cost us.
        assert event.cost_nano > 0


def test_a_whole_answer_may_take_longer_than_a_stream_may_to_begin(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    upstream.whole_pause = 0.6
    offer(upstream, "slow", first_byte_timeout=0.2)

    response = customer().post(json={**BODY, "model": "slow"})

    assert response.status_code == 200
    assert recorded()[0].status == "ok"


def test_a_redirect_is_not_followed(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "redirect")

    response = customer().post(json={**BODY, "model": "redirect"})

    assert response.status_code == 502
    assert error_of(response)["code"] == "upstream_error"

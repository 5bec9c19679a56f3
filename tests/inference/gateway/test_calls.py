"""The OpenAI SDK, unmodified, against a real gateway and a real upstream."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openai
import pytest
from django.utils import timezone

from inference.gateway import refusals
from inference.usage.models import OrganisationMonth, UsageHour
from outbox.models import Event
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, PRO, Customer, recorded
from tests.waiting import wait_for

# 9 prompt tokens at $1 and 3 completion tokens at $2 per million.
PRICE = 15_000


def test_a_call_is_answered_and_metered_to_the_token(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    ada = customer()

    answer = ada.client.chat.completions.create(model="plain", messages=HELLO)

    assert answer.choices[0].message.content == "Hello there!"
    assert answer.model == "plain"
    (usage,) = recorded()
    assert usage.status == "ok"
    assert (usage.tokens_in, usage.tokens_out) == (9, 3)
    assert usage.price_nano == PRICE
    assert usage.cost_nano == 7_500
    assert not usage.is_estimated
    assert UsageHour.objects.get().requests == 1
    assert OrganisationMonth.objects.get().price_nano == PRICE


def test_a_stream_has_no_usage_unless_it_is_asked_for(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    chunks = list(
        customer().client.chat.completions.create(
            model="plain", messages=HELLO, stream=True
        )
    )

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello there!"
    assert all(c.usage is None for c in chunks)
    assert {c.model for c in chunks} == {"plain"}
    assert recorded()[0].tokens_out == 3


def test_a_stream_ends_with_usage_when_it_is_asked_for(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    chunks = list(
        customer().client.chat.completions.create(
            model="plain",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 12


@pytest.mark.parametrize("behaviour", ["split", "crlf", "usage-with-choice"])
def test_odd_framing_is_counted_right(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream, behaviour: str
) -> None:
    offer(upstream, behaviour)

    chunks = list(
        customer().client.chat.completions.create(
            model=behaviour, messages=HELLO, stream=True
        )
    )

    text = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert text in {"你好世界", "Hello there!", "Hello"}
    (usage,) = recorded()
    assert (usage.status, usage.tokens_in, usage.tokens_out) == ("ok", 9, 3)


def test_usage_the_upstream_does_not_tell_is_estimated_and_marked(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "no-usage")

    list(
        customer().client.chat.completions.create(
            model="no-usage", messages=HELLO, stream=True
        )
    )

    (usage,) = recorded()
    assert usage.is_estimated
    assert usage.tokens_out >= 3


@pytest.mark.parametrize("behaviour", ["cut", "no-end", "late-error"])
def test_a_stream_that_breaks_off_says_so_and_is_metered(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream, behaviour: str
) -> None:
    offer(upstream, behaviour)

    with pytest.raises(openai.APIError):
        list(
            customer().client.chat.completions.create(
                model=behaviour, messages=HELLO, stream=True
            )
        )

    (usage,) = recorded()
    assert usage.status == "failed_mid_stream"


def test_an_error_inside_a_200_becomes_a_real_status(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "error-in-200")

    with pytest.raises(openai.InternalServerError) as caught:
        customer().client.chat.completions.create(
            model="error-in-200", messages=HELLO, stream=True
        )

    assert caught.value.status_code == 502
    (usage,) = recorded()
    assert (usage.status, usage.error_code) == ("upstream_error", "upstream_error")
    assert (usage.price_nano, usage.tokens_out) == (0, 0)


def test_a_caller_who_leaves_is_metered_once_and_the_upstream_is_stopped(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    stream = customer().client.chat.completions.create(
        model="slow", messages=HELLO, stream=True
    )
    for index, _ in enumerate(stream):
        if index == 3:
            break
    stream.close()

    (usage,) = recorded()

    assert usage.status == "client_abort"
    assert 4 <= usage.tokens_out < 150
    assert usage.is_estimated


def test_the_first_token_comes_before_the_last_is_written(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    started = time.monotonic()
    stream = customer().client.chat.completions.create(
        model="slow", messages=HELLO, stream=True
    )

    next(iter(stream))

    # The whole stream takes ten seconds.
    assert time.monotonic() - started < 5
    stream.close()


def test_the_upstream_gets_its_own_model_name_and_no_header_of_ours(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain", slug="public-name")

    customer().client.chat.completions.create(
        model="public-name", messages=HELLO, extra_body={"top_k": 7}
    )

    asked = upstream.requests[0]
    assert asked["payload"]["model"] == "plain"
    assert asked["payload"]["top_k"] == 7
    assert "Authorization" not in asked["headers"]
    assert not any(name.lower().startswith("x-stainless") for name in asked["headers"])


def test_a_premium_model_opens_with_the_plan(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    from entitlements.services import replace_for, set_hint

    offer(upstream, "plain", edition="premium")
    ada = customer()
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ada.client.chat.completions.create(model="plain", messages=HELLO)
    assert caught.value.code == "model_requires_plan"
    assert caught.value.param == "model"
    assert "x-help" not in caught.value.response.headers

    set_hint(
        ada.organisation.pk,
        text_en="Seven days are free.",
        text_zh="免费七天。",
        url="https://shop.test/offer/",
        expires_at=timezone.now() + timedelta(days=1),
        reference="one",
    )
    body = {"model": "plain", "messages": HELLO}

    def with_help() -> Any:
        answer = ada.post(json=body)
        return answer if "x-help" in answer.headers else None

    hinted = wait_for(with_help, seconds=5)
    assert hinted.json()["error"]["help"] == (
        "Seven days are free. https://shop.test/offer/"
    )
    assert hinted.headers["x-help"] == "https://shop.test/offer/"
    # However often it was refused, that is told once.
    assert refusals.flush() == 1
    told = Event.objects.get(name="CallRefused")
    assert told.payload["organisation_id"] == ada.organisation.pk
    assert told.payload["code"] == "model_requires_plan"

    replace_for(ada.organisation.pk, PRO, source="test")

    wait_for(lambda: ada.post(json=body).status_code == 200, seconds=5)

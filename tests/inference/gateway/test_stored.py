"""Responses kept by choice, through the SDK, unmodified."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import openai
import pytest
from django.utils import timezone

from inference.stored import services
from inference.stored.models import StoredResponse
from inference.stored.services import CHANNEL
from inference.usage.models import UsageEvent
from stores.redis import client, prefixed
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import Customer, recorded

Make = Callable[..., Customer]


@pytest.fixture
def ada(customer: Make) -> Customer:
    """Somebody whose organisation chose to have responses kept."""
    ada = customer()
    services.set_choice(ada.organisation, days=7, by=ada.user)
    return ada


@pytest.mark.parametrize("name", ["%00", "resp_%00", "%ff", "%ED%A0%80", "x" * 3000])
@pytest.mark.parametrize("what", ["", "/input_items", "/cancel"])
def test_what_is_no_name_is_not_found_and_no_outage(
    name: str, what: str, ada: Customer
) -> None:
    bearer = {"authorization": f"Bearer {ada.secret}"}
    method = "POST" if what == "/cancel" else "GET"

    asked = httpx.request(
        method, f"{ada.url}/responses/{name}{what}", headers=bearer, timeout=30
    )
    deleted = httpx.delete(f"{ada.url}/responses/{name}", headers=bearer, timeout=30)

    assert (asked.status_code, deleted.status_code) == (404, 404)


def test_going_on_from_what_is_no_name_is_refused_by_its_field(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.post(
        "/responses",
        json={"model": "plain", "input": "Hi", "previous_response_id": "a\0b"},
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "previous_response_id"
    assert upstream.requests == []


def test_more_parameters_than_anybody_sends_are_refused(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    kept = ada.client.responses.create(model="plain", input="Hi")
    page = f"{ada.url}/responses/{kept.id}/input_items"
    bearer = {"authorization": f"Bearer {ada.secret}"}

    fine = httpx.get(f"{page}?" + "&".join(["limit=5"] * 20), headers=bearer)
    many = httpx.get(f"{page}?" + "&".join(["limit=5"] * 21), headers=bearer)

    assert (fine.status_code, many.status_code) == (200, 400)
    assert "20 parameters" in many.json()["error"]["message"]


def is_stored(answer: Any) -> bool:
    return bool(answer.to_dict()["store"])


def until(ada: Customer, response_id: str, status: str) -> Any:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = ada.client.responses.retrieve(response_id)
        if answer.status == status:
            return answer
        time.sleep(0.05)
    raise AssertionError(answer.status)


def test_a_conversation_goes_on_from_a_stored_response(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    first = ada.client.responses.create(model="plain", input="Say hello.")
    second = ada.client.responses.create(
        model="plain", input="Again.", previous_response_id=first.id
    )

    assert is_stored(first)
    assert second.previous_response_id == first.id
    assert upstream.requests[-1]["payload"]["messages"] == [
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": "Hello there!"},
        {"role": "user", "content": "Again."},
    ]
    again = ada.client.responses.retrieve(second.id)
    assert again.model_dump() == second.model_dump()


def test_a_stream_is_stored_before_its_end_is_told(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    stream = ada.client.responses.create(model="plain", input="Hi", stream=True)
    for event in stream:
        if event.type == "response.completed":
            kept = ada.client.responses.retrieve(event.response.id)
            assert kept.output_text == "Hello there!"
            assert kept.status == "completed"
            return
    raise AssertionError


def test_what_was_said_is_listed_a_page_at_a_time(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    first = ada.client.responses.create(model="plain", input="One.")
    second = ada.client.responses.create(
        model="plain",
        input=[{"role": "user", "content": "Two."}],
        previous_response_id=first.id,
    )

    listed: Any = list(
        ada.client.responses.input_items.list(second.id, order="asc", limit=2)
    )

    assert [item.role for item in listed] == ["user", "assistant", "user"]
    assert len({item.id for item in listed}) == 3
    newest = ada.client.responses.input_items.list(second.id, limit=1)
    assert newest.has_more is True
    assert newest.data[0].id == listed[-1].id


def test_a_deleted_response_is_gone_and_nothing_goes_on_from_it(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    first = ada.client.responses.create(model="plain", input="One.")
    second = ada.client.responses.create(
        model="plain", input="Two.", previous_response_id=first.id
    )

    ada.client.responses.delete(first.id)

    with pytest.raises(openai.NotFoundError):
        ada.client.responses.retrieve(first.id)
    for gone in (first.id, second.id):
        with pytest.raises(openai.BadRequestError) as caught:
            ada.client.responses.create(
                model="plain", input="Three.", previous_response_id=gone
            )
        assert caught.value.code == "previous_response_not_found"
        assert first.id in caught.value.message
    assert len(upstream.requests) == 2


def test_nobody_elses_key_sees_a_response(
    ada: Customer, customer: Make, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    mine = ada.client.responses.create(model="plain", input="One.")
    eve = customer("eve")
    services.set_choice(eve.organisation, days=7, by=eve.user)

    for ask in (
        eve.client.responses.retrieve,
        eve.client.responses.delete,
        eve.client.responses.cancel,
        eve.client.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask(mine.id)
    with pytest.raises(openai.BadRequestError):
        eve.client.responses.create(
            model="plain", input="Hi", previous_response_id=mine.id
        )
    assert ada.client.responses.retrieve(mine.id).id == mine.id


def test_without_the_choice_nothing_is_stored_and_the_refusal_says_how(
    customer: Make, offer: Any, upstream: Upstream
) -> None:
    ada = customer()
    offer(upstream, "plain")

    answer = ada.client.responses.create(model="plain", input="Hi")
    with pytest.raises(openai.BadRequestError) as caught:
        ada.client.responses.create(model="plain", input="Hi", store=True)

    assert not is_stored(answer)
    assert caught.value.code == "storage_off"
    assert f"/console/{ada.organisation.slug}/responses/" in caught.value.message
    with pytest.raises(openai.NotFoundError) as missing:
        ada.client.responses.retrieve(answer.id)
    assert "not stored for this organisation" in missing.value.message
    assert not StoredResponse.objects.exists()


def test_a_caller_may_leave_one_response_out(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    answer = ada.client.responses.create(model="plain", input="Hi", store=False)

    assert not is_stored(answer)
    assert not StoredResponse.objects.exists()


def test_what_is_stored_cannot_be_read_in_the_table(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    ada.client.responses.create(model="plain", input="A secret question.")

    row = StoredResponse.objects.get()
    assert "secret" not in row.sealed_input + row.sealed_response
    assert "Hello" not in row.sealed_input + row.sealed_response
    assert row.expires_at - row.created_at == timedelta(days=7)


def test_a_response_ends_with_its_days(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    old = ada.client.responses.create(model="plain", input="One.")
    StoredResponse.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    new = ada.client.responses.create(model="plain", input="Two.")

    with pytest.raises(openai.NotFoundError):
        ada.client.responses.retrieve(old.id)
    assert services.prune() == 1
    assert list(StoredResponse.objects.values_list("pk", flat=True)) == [new.id]


def test_turning_storage_off_deletes_what_was_kept(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    kept = ada.client.responses.create(model="plain", input="One.")

    assert services.withdraw_choice(ada.organisation, by=ada.user) == 1

    with pytest.raises(openai.NotFoundError):
        ada.client.responses.retrieve(kept.id)
    assert not is_stored(ada.client.responses.create(model="plain", input="Two."))


def test_turning_storage_off_ends_what_runs_in_the_background_for_nothing(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    upstream.whole_pause = 60.0
    begun = ada.client.responses.create(model="slow", input="Hi", background=True)

    services.withdraw_choice(ada.organisation, by=ada.user)

    (usage,) = recorded()
    assert (usage.status, usage.price_nano) == (UsageEvent.Status.CLIENT_ABORT, 0)
    # Nor does it come back once storage is on again.
    services.set_choice(ada.organisation, days=7, by=ada.user)
    with pytest.raises(openai.NotFoundError):
        ada.client.responses.retrieve(begun.id)
    assert not StoredResponse.objects.exists()


def test_who_waits_while_storage_is_turned_off_is_answered_and_nothing_is_kept(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")

    stream = ada.client.responses.create(model="slow", input="Hi", stream=True)
    first = next(iter(stream))
    services.withdraw_choice(ada.organisation, by=ada.user)
    last = [event.type for event in stream][-1]

    assert (first.type, last) == ("response.created", "response.completed")
    (usage,) = recorded()
    assert usage.status == UsageEvent.Status.OK
    assert not StoredResponse.objects.exists()


def test_a_response_runs_in_the_background_at_the_same_price(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")

    begun = ada.client.responses.create(model="plain", input="Hi", background=True)

    assert (begun.status, begun.background, begun.output) == ("in_progress", True, [])
    ended = until(ada, begun.id, "completed")
    assert ended.output_text == "Hello there!"
    (usage,) = recorded()
    assert (usage.status, usage.price_nano) == (UsageEvent.Status.OK, 15_000)


def test_a_response_in_the_background_can_be_cancelled(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    begun = ada.client.responses.create(model="slow", input="Hi", background=True)

    cancelled = ada.client.responses.cancel(begun.id)

    assert cancelled.status == "cancelled"
    assert ada.client.responses.cancel(begun.id).status == "cancelled"
    (usage,) = recorded()
    assert usage.status == UsageEvent.Status.CLIENT_ABORT
    assert until(ada, begun.id, "cancelled").output == []


def test_a_deleted_response_is_ended_at_whichever_process_runs_it(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "slow")
    begun = ada.client.responses.create(model="slow", input="Hi", background=True)

    with client().pubsub(ignore_subscribe_messages=True) as another:
        another.subscribe(prefixed(CHANNEL))
        # What it says first is that it listens.
        another.get_message(timeout=10)
        ada.client.responses.delete(begun.id)
        heard = wait_for_message(another)

    assert heard["data"].decode() == begun.id
    (usage,) = recorded()
    assert (usage.status, usage.price_nano) == (UsageEvent.Status.CLIENT_ABORT, 0)


def wait_for_message(channel: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        message: dict[str, Any] | None = channel.get_message(timeout=0.2)
        if message is not None:
            return message
    raise AssertionError("Nothing was said.")


def test_only_what_runs_in_the_background_can_be_cancelled(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    answer = ada.client.responses.create(model="plain", input="Hi")

    with pytest.raises(openai.BadRequestError):
        ada.client.responses.cancel(answer.id)


def test_a_response_that_fails_is_stored_as_failed(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "status-500")

    begun = ada.client.responses.create(model="status-500", input="Hi", background=True)

    failed = until(ada, begun.id, "failed")
    assert failed.error.code == "server_error"
    with pytest.raises(openai.InternalServerError):
        ada.client.responses.create(model="status-500", input="Hi")
    assert set(StoredResponse.objects.values_list("status", flat=True)) == {"failed"}


def test_what_lost_its_process_is_told_as_failed(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "plain")
    kept = ada.client.responses.create(model="plain", input="Hi")
    StoredResponse.objects.update(
        status="in_progress", created_at=timezone.now() - timedelta(minutes=5)
    )

    # While its reservation is there, it may be running yet.
    ends_at = time.monotonic() + 5
    answer = ada.client.responses.retrieve(kept.id)
    while answer.status != "failed" and time.monotonic() < ends_at:
        answer = ada.client.responses.retrieve(kept.id)

    assert answer.status == "failed"
    assert StoredResponse.objects.get().status == "failed"


@pytest.mark.parametrize(
    "asked",
    [
        {"background": True, "store": False},
        {"background": True, "stream": True},
        {"previous_response_id": "resp_none"},
        {"conversation": "conv_1"},
    ],
)
def test_what_cannot_be_kept_together_is_refused(
    ada: Customer, offer: Any, upstream: Upstream, asked: dict[str, Any]
) -> None:
    offer(upstream, "plain")

    refused = ada.post("/responses", json={"model": "plain", "input": "Hi", **asked})

    assert refused.status_code == 400
    assert not StoredResponse.objects.exists()
    assert upstream.requests == []


def test_a_request_that_is_not_admitted_leaves_nothing(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    refused = ada.post("/responses", json={"model": "none", "input": "Hi"})

    assert refused.status_code == 404
    assert not StoredResponse.objects.exists()

"""Answers given again to identical requests: whose, which, how long, at what price."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from accounts.services import create_organisation
from core.crypto import decrypt
from inference.caching.answers import cache_keys, remove_all, size_of
from inference.keys.services import create_key, set_key_rules
from inference.usage.models import OrganisationMonth
from stores.redis import client
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer, recorded

BODY = {"model": "plain", "messages": HELLO}
PRICE = 15_000
CHAT, MESSAGES = "/chat/completions", "/messages"


@pytest.fixture
def ada(customer: Callable[..., Customer], offer: Any, upstream: Upstream) -> Customer:
    """Somebody whose key takes answers up to an hour old."""
    offer(upstream, "plain")
    return customer(cache_seconds=3600)


def caches(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.headers.get("x-cache", ""))


def test_the_second_is_answered_from_the_cache_for_nothing(
    ada: Customer, upstream: Upstream
) -> None:
    first, second = ada.post(json=BODY), ada.post(json=BODY)

    assert (caches(first), caches(second)) == ("miss", "hit")
    assert len(upstream.requests) == 1
    assert second.json()["choices"] == first.json()["choices"]
    assert second.headers["x-cost"] == "0.000000000"
    asked, again = recorded(2)
    assert (asked.price_nano, asked.saved_nano) == (PRICE, None)
    assert (again.status, again.price_nano, again.cost_nano) == ("ok", 0, 0)
    assert (again.tokens_in, again.tokens_out, again.attempts) == (0, 0, 0)
    assert again.saved_nano == PRICE
    assert OrganisationMonth.objects.get().price_nano == PRICE


def test_each_answer_has_the_id_of_its_own_call(ada: Customer) -> None:
    ids = [ada.post(json=BODY).json()["id"] for _ in range(2)]
    recorded(2)

    receipts = [ada.client.get(f"/usage/{each}", cast_to=object) for each in ids]

    assert len(set(ids)) == 2
    assert [each["is_cached"] for each in receipts] == [False, True]  # type: ignore[index]
    assert receipts[1]["saved_nano"] == PRICE  # type: ignore[index]


def test_the_order_of_fields_is_no_difference_and_every_value_is(ada: Customer) -> None:
    ada.post(json=BODY)

    turned = dict(reversed([*BODY.items()]))
    assert caches(ada.post(json=turned)) == "hit"
    assert caches(ada.post(json={**BODY, "temperature": 0})) == "miss"
    assert caches(ada.post(json={**BODY, "seed": 1})) == "miss"
    assert caches(ada.post(json={**BODY, "user": "u1"})) == "miss"


def test_each_protocol_has_answers_of_its_own(ada: Customer) -> None:
    body = {**BODY, "max_tokens": 50}
    ada.post(json=body)

    first, second = ada.post(MESSAGES, json=body), ada.post(MESSAGES, json=body)

    assert (caches(first), caches(second)) == ("miss", "hit")
    assert second.json()["type"] == "message"
    assert second.json()["id"] != first.json()["id"]
    assert second.json()["content"] == first.json()["content"]


def test_a_key_that_did_not_choose_it_neither_takes_nor_keeps(
    ada: Customer, upstream: Upstream
) -> None:
    _key, plain = create_key(ada.organisation, name="Plain", by=ada.user)
    bearer = {"authorization": f"Bearer {plain}"}

    assert caches(ada.post(json=BODY, headers=bearer)) == ""
    assert size_of(ada.organisation.pk).answers == 0
    ada.post(json=BODY)
    assert caches(ada.post(json=BODY, headers=bearer)) == ""
    assert len(upstream.requests) == 3


def test_another_organisation_is_given_nothing_of_it(
    ada: Customer, customer: Callable[..., Customer]
) -> None:
    bo = customer("bo", cache_seconds=3600)
    ada.post(json=BODY)

    assert caches(bo.post(json=BODY)) == "miss"


def test_two_keys_of_an_organisation_share_it_each_to_its_own_age(
    ada: Customer,
) -> None:
    ada.post(json=BODY)
    _key, secret = create_key(
        ada.organisation, name="Second", by=ada.user, cache_seconds=60
    )
    bearer = {"authorization": f"Bearer {secret}"}
    assert caches(ada.post(json=BODY, headers=bearer)) == "hit"

    grow_old(ada, seconds=61)

    assert caches(ada.post(json=BODY, headers=bearer)) == "miss"


def grow_old(who: Customer, *, seconds: int) -> None:
    """Make every answer in a cache so many seconds older."""
    answers = cache_keys(who.organisation.pk)[0]
    for name, value in client().hgetall(answers).items():
        kept = orjson.loads(value)
        client().hset(answers, name, orjson.dumps({**kept, "at": kept["at"] - seconds}))


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
    ],
)
def test_streams_and_tools_always_run(
    ada: Customer, upstream: Upstream, offer: Any, more: dict[str, Any]
) -> None:
    offer(upstream, "plain", capabilities=["tools"])
    answers = [ada.post(json={**BODY, **more}) for _ in range(2)]

    assert [caches(each) for each in answers] == ["", ""]
    assert len(upstream.requests) == 2
    assert size_of(ada.organisation.pk).answers == 0


def test_callers_may_ask_for_a_new_answer_or_have_none_kept(
    ada: Customer, upstream: Upstream
) -> None:
    none_kept = {"cache-control": "no-store"}
    assert caches(ada.post(json=BODY, headers=none_kept)) == ""
    assert size_of(ada.organisation.pk).answers == 0
    ada.post(json=BODY)

    assert caches(ada.post(json=BODY, headers={"cache-control": "no-cache"})) == "miss"
    assert caches(ada.post(json=BODY)) == "hit"
    assert len(upstream.requests) == 3


def test_a_failure_and_a_stand_ins_answer_are_not_kept(
    customer: Callable[..., Customer], offer: Any, upstream: Upstream
) -> None:
    ada = customer(cache_seconds=60)
    offer(upstream, "status-500")
    offer(upstream, "plain")
    offer(upstream, "status-503", slug="first", fallbacks=["plain"])

    assert ada.post(json={**BODY, "model": "status-500"}).status_code == 502
    assert caches(ada.post(json={**BODY, "model": "first"})) == "miss"
    assert size_of(ada.organisation.pk).answers == 0


def test_a_model_the_key_may_no_longer_call_is_refused_from_the_cache_too(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(upstream, "other")
    ada.post(json=BODY)
    set_key_rules(ada.key, by=ada.user, allowed_models=["other"])

    deadline = time.monotonic() + 10
    status = 0
    while status != 404 and time.monotonic() < deadline:
        # The change is announced; until then the copy of before is used.
        time.sleep(0.05)
        status = ada.post(json=BODY).status_code

    assert status == 404


def test_what_is_kept_is_encrypted_and_the_request_is_not_there(ada: Customer) -> None:
    ada.post(json=BODY)

    (name, value), *rest = client().hgetall(cache_keys(ada.organisation.pk)[0]).items()

    assert not rest
    assert len(name) == hashlib.sha256().digest_size * 2
    assert b"Hello there" not in value
    assert b"Say hello" not in value
    assert "Hello there!" in decrypt(orjson.loads(value)["answer"])


def test_an_emptied_cache_has_the_next_request_run(
    ada: Customer, upstream: Upstream
) -> None:
    ada.post(json=BODY)

    assert remove_all(ada.organisation.pk) == 1

    assert caches(ada.post(json=BODY)) == "miss"
    assert len(upstream.requests) == 2


def test_a_hit_counts_against_the_limit_of_the_key(ada: Customer) -> None:
    _key, secret = create_key(
        ada.organisation,
        name="Slow",
        by=ada.user,
        cache_seconds=60,
        requests_per_minute=2,
    )
    bearer = {"authorization": f"Bearer {secret}"}

    statuses = [ada.post(json=BODY, headers=bearer).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_organisations_of_one_person_do_not_share(ada: Customer) -> None:
    team = create_organisation("Team", owner=ada.user)
    _key, secret = create_key(team, name="T", by=ada.user, cache_seconds=60)
    ada.post(json=BODY)

    bearer = {"authorization": f"Bearer {secret}"}
    assert caches(ada.post(json=BODY, headers=bearer)) == "miss"

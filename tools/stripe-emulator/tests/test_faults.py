"""Trouble on demand: which call fails, how often, and how it heals."""

import time
from typing import Any

import httpx
import pytest
import stripe

from stripe_emulator.errors import ApiError
from stripe_emulator.faults import Answer, Faults
from stripe_emulator.store import Store
from stripe_emulator.testing import StripeEmulator


@pytest.fixture
def faults(store: Store) -> Faults:
    return Faults(store)


def test_nothing_is_on_at_first(faults: Faults) -> None:
    assert faults.current() == {"answers": [], "deliveries": {}}
    assert faults.answer_for("GET", "/v1/customers") is None
    assert faults.delivery("drop") == 0


def test_a_fault_is_used_up_by_the_calls_it_names(faults: Faults) -> None:
    faults.set({"answers": [{"path": "^/v1/customers$", "method": "POST", "times": 2}]})

    assert faults.answer_for("GET", "/v1/customers") is None
    assert faults.answer_for("POST", "/v1/customers/cus_1") is None
    expected = Answer(status=500, after=False, delay=0.0)
    assert faults.answer_for("POST", "/v1/customers") == expected
    assert faults.answer_for("POST", "/v1/customers") == expected
    assert faults.answer_for("POST", "/v1/customers") is None


def test_a_fault_without_a_number_of_times_is_used_up_by_one(faults: Faults) -> None:
    faults.set(
        {"answers": [{"path": "/v1/", "status": 429, "after": True, "delay": 2}]}
    )

    assert faults.answer_for("GET", "/v1/plans") == Answer(429, after=True, delay=2.0)
    assert faults.answer_for("GET", "/v1/plans") is None


def test_zero_times_means_until_healed(faults: Faults) -> None:
    faults.set({"answers": [{"path": ".", "times": 0}]})

    assert all(faults.answer_for("GET", "/v1/x") for _ in range(5))
    faults.set({})
    assert faults.answer_for("GET", "/v1/x") is None


def test_the_first_that_fits_is_taken(faults: Faults) -> None:
    faults.set(
        {"answers": [{"path": "a", "status": 500}, {"path": ".", "status": 503}]}
    )

    found = [faults.answer_for("GET", path) for path in ("/b", "/a", "/a")]

    assert [answer and answer.status for answer in found] == [503, 500, None]


def test_counted_deliveries_are_used_up_and_true_is_for_all(faults: Faults) -> None:
    faults.set({"deliveries": {"drop": 2, "duplicate": True, "delay": 0.5}})

    assert [faults.delivery("drop") for _ in range(3)] == [2, 1, 0]
    assert [faults.delivery("duplicate") for _ in range(3)] == [1, 1, 1]
    assert [faults.delivery("delay") for _ in range(2)] == [0.5, 0.5]


@pytest.mark.parametrize(
    "wanted",
    [
        {"answer": []},
        {"deliveries": {"explode": 1}},
        {"answers": [{"status": 500}]},
        {"answers": [{"path": "("}]},
        {"answers": [{"path": None}]},
        {"answers": ["path"]},
    ],
)
def test_what_makes_no_sense_changes_nothing(
    faults: Faults, wanted: dict[str, Any]
) -> None:
    faults.set({"deliveries": {"drop": 1}})

    with pytest.raises(ApiError):
        faults.set(wanted)

    assert faults.current()["deliveries"] == {"drop": 1}


def test_a_restart_keeps_what_is_on(store: Store) -> None:
    Faults(store).set({"answers": [{"path": "."}]})

    assert Faults(store).answer_for("GET", "/v1/x") is not None


def test_a_failure_before_does_nothing_and_one_after_does_it(
    stripe_emulator: StripeEmulator,
) -> None:
    v1 = stripe_emulator.client().v1
    for after, count in ((False, 0), (True, 1)):
        stripe_emulator.post_faults(
            answers=[{"path": "/products", "method": "POST", "after": after}]
        )
        with pytest.raises(stripe.APIError):
            v1.products.create({"name": "Tea"})

        assert len(v1.products.list().data) == count


def test_a_silence_is_as_long_as_asked_for(stripe_emulator: StripeEmulator) -> None:
    stripe_emulator.post_faults(
        answers=[{"path": "/products", "status": 0, "delay": 0.4}]
    )
    begun = time.monotonic()

    answer = httpx.get(
        f"{stripe_emulator.url}/v1/products",
        headers={"Authorization": f"Bearer {stripe_emulator.key}"},
    )

    assert answer.status_code == 504
    assert time.monotonic() - begun >= 0.4


def test_only_calls_that_may_come_meet_a_fault(
    stripe_emulator: StripeEmulator,
) -> None:
    """A caller with a wrong key is turned away, not served the fault."""
    stripe_emulator.post_faults(answers=[{"path": ".", "status": 500}])

    refused = httpx.get(f"{stripe_emulator.url}/v1/products")

    assert refused.status_code == 401
    with pytest.raises(stripe.APIError):
        stripe_emulator.client().v1.products.list()

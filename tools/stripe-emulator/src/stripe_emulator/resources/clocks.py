"""Test clocks: time that moves only when told to."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import sweeping
from stripe_emulator.engine.lifecycle import DAY
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]
LENGTHS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}
KIND = "test_helpers.test_clock"


def create(account: Account, params: Params) -> Document:
    """A clock that stands still."""
    now = account.now()
    return account.put(
        {
            "id": new_id("clock"),
            "object": KIND,
            "created": now,
            "deletes_after": now + 30 * DAY,
            "frozen_time": params["frozen_time"],
            "livemode": False,
            "name": params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )


def retrieve(account: Account, params: Params, clock: str) -> Document:
    """The clock."""
    return account.get(KIND, clock)


def index(account: Account, params: Params) -> Document:
    """All clocks."""
    return page(account, KIND, params, url="/v1/test_helpers/test_clocks")


def advance(account: Account, params: Params, clock: str) -> Document:
    """Move the clock, letting everything due on the way happen.

    Stripe answers ``advancing`` and works in the background; here the work is
    done when the answer comes, and the clock is ``ready`` again.
    """
    found = account.get(KIND, clock)
    target = params["frozen_time"]
    if target <= found["frozen_time"]:
        raise ApiError(
            "frozen_time must be after the clock's time.", param="frozen_time"
        )
    limit = found["frozen_time"] + _longest_step(account, clock)
    if target > limit:
        raise ApiError(
            "You can advance at most two intervals of the shortest subscription on "
            "the clock, or two years without subscriptions.",
            param="frozen_time",
        )
    found.update(
        status="advancing",
        status_details={"advancing": {"target_frozen_time": target}},
    )
    account.put(found)
    account.emit("test_helpers.test_clock.advancing", found)
    sweeping.run_until(account, clock, target)
    found.update(frozen_time=target, status="ready", status_details={})
    account.put(found)
    account.emit("test_helpers.test_clock.ready", found)
    return found


def _longest_step(account: Account, clock: str) -> int:
    steps = [
        2 * LENGTHS[recurring["interval"]] * recurring["interval_count"]
        for subscription in account.scan("subscription")
        if subscription["test_clock"] == clock
        and subscription["status"] not in {"canceled", "incomplete_expired"}
        for recurring in [subscription["items"]["data"][0]["price"]["recurring"]]
    ]
    return min(steps, default=2 * LENGTHS["year"])


def delete(account: Account, params: Params, clock: str) -> Document:
    """Delete a clock with its customers and all they had."""
    found = account.get(KIND, clock)
    for customer in list(account.scan("customer")):
        if customer["test_clock"] != clock:
            continue
        for kind in ("subscription", "invoice", "invoiceitem"):
            for owned in list(account.scan(kind, customer=customer["id"])):
                account.store.remove(kind, owned["id"])
        customer["deleted"] = True
        account.put(customer)
    found["deleted"] = True
    return account.store.put(found)

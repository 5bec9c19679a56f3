"""Subscription schedules."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine import scheduling
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]


def _refuse_others(params: Params, covered: set[str]) -> None:
    for name in sorted(set(params) - covered - {"expand"}):
        raise ApiError(f"This emulator does not cover {name}.", param=name)


def create(account: Account, params: Params) -> Document:
    """A schedule of a subscription that runs already."""
    _refuse_others(params, {"from_subscription", "metadata"})
    if "from_subscription" not in params:
        raise ApiError(
            "This emulator covers schedules made from a subscription.",
            param="from_subscription",
        )
    subscription = account.refer(
        "subscription", params["from_subscription"], "from_subscription"
    )
    schedule = scheduling.from_subscription(account, subscription)
    merge_metadata(schedule, params.get("metadata"))
    return account.put(schedule)


def retrieve(account: Account, params: Params, schedule: str) -> Document:
    """The schedule."""
    return account.get("subscription_schedule", schedule)


def update(account: Account, params: Params, schedule: str) -> Document:
    """Say what comes after the phase that runs."""
    _refuse_others(params, {"phases", "end_behavior", "metadata", "proration_behavior"})
    found = account.get("subscription_schedule", schedule)
    if found["status"] != "active":
        raise ApiError(
            f"You cannot update a subscription schedule that is {found['status']}."
        )
    if params.get("end_behavior", "release") != "release":
        raise ApiError(
            "This emulator covers end_behavior=release.", param="end_behavior"
        )
    if "phases" in params:
        scheduling.set_phases(account, found, params["phases"])
    merge_metadata(found, params.get("metadata"))
    account.put(found)
    account.emit("subscription_schedule.updated", found)
    return found


def release(account: Account, params: Params, schedule: str) -> Document:
    """Let the subscription go on as it is."""
    _refuse_others(params, set())
    found = account.get("subscription_schedule", schedule)
    return scheduling.leave(account, found, "released")


def index(account: Account, params: Params) -> Document:
    """Schedules, newest first."""
    _refuse_others(
        params,
        {"customer", "limit", "starting_after", "ending_before", "created"},
    )
    return page(
        account,
        "subscription_schedule",
        params,
        url="/v1/subscription_schedules",
        customer=params.get("customer"),
    )

"""Meters, the usage sent to them and its summaries."""

from decimal import Decimal, InvalidOperation
from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine.lifecycle import DAY
from stripe_emulator.engine.metering import usage
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.store import Document

Params = dict[str, Any]
OLDEST_SECONDS = 35 * DAY
NEWEST_SECONDS = 5 * 60
# Sums of a month's events stay exact in a decimal's 28 digits.
MOST_DIGITS = 15
GRAINS = {"hour": 3600, "day": DAY}


def create(account: Account, params: Params) -> Document:
    """A meter for one event name."""
    name = params["event_name"]
    if any(
        meter["event_name"] == name and meter["status"] == "active"
        for meter in account.scan("billing.meter")
    ):
        raise ApiError(
            f"An active meter already exists for event name {name}.",
            code="resource_already_exists",
            param="event_name",
        )
    now = account.now()
    mapping = params.get("customer_mapping") or {}
    meter: Document = {
        "id": new_id("mtr"),
        "object": "billing.meter",
        "created": now,
        "customer_mapping": {
            "event_payload_key": mapping.get("event_payload_key", "stripe_customer_id"),
            "type": "by_id",
        },
        "default_aggregation": {"formula": params["default_aggregation"]["formula"]},
        "display_name": params["display_name"],
        "event_name": name,
        "event_time_window": params.get("event_time_window"),
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": now,
        "value_settings": {
            "event_payload_key": (params.get("value_settings") or {}).get(
                "event_payload_key", "value"
            )
        },
    }
    account.put(meter)
    account.emit("billing.meter.created", meter)
    return meter


def retrieve(account: Account, params: Params, meter: str) -> Document:
    """The meter."""
    return account.get("billing.meter", meter)


def update(account: Account, params: Params, meter: str) -> Document:
    """Rename a meter; nothing else about it changes."""
    found = account.get("billing.meter", meter)
    before = account.snapshot(found)
    found["display_name"] = params.get("display_name", found["display_name"])
    account.put(found)
    account.emit_update("billing.meter.updated", found, before)
    return found


def _switch(account: Account, meter: str, status: str) -> Document:
    found = account.get("billing.meter", meter)
    stopped = account.now() if status == "inactive" else None
    found.update(status=status, status_transitions={"deactivated_at": stopped})
    account.put(found)
    verb = "deactivated" if stopped else "reactivated"
    account.emit(f"billing.meter.{verb}", found)
    return found


def deactivate(account: Account, params: Params, meter: str) -> Document:
    """Take no more events."""
    return _switch(account, meter, "inactive")


def reactivate(account: Account, params: Params, meter: str) -> Document:
    """Take events again."""
    return _switch(account, meter, "active")


def index(account: Account, params: Params) -> Document:
    """Meters, by status."""
    return page(
        account,
        "billing.meter",
        params,
        url="/v1/billing/meters",
        match=lambda meter: meter["status"] == params.get("status", meter["status"]),
    )


def create_event(account: Account, params: Params) -> Document:
    """Count usage once per identifier."""
    meter = next(
        (
            found
            for found in account.scan("billing.meter")
            if found["event_name"] == params["event_name"]
            and found["status"] == "active"
        ),
        None,
    )
    if meter is None:
        raise ApiError(
            f"No active meter found for event name {params['event_name']}.",
            code="no_meter",
            param="event_name",
        )
    payload = params["payload"]
    customer_key = meter["customer_mapping"]["event_payload_key"]
    customer = account.refer(
        "customer", payload.get(customer_key, ""), f"payload[{customer_key}]"
    )
    now = account.time_of(customer)
    moment = params.get("timestamp", now)
    if not now - OLDEST_SECONDS <= moment <= now + NEWEST_SECONDS:
        raise ApiError(
            "The timestamp must be within the past 35 calendar days and not more "
            "than 5 minutes in the future.",
            code="timestamp_too_far_in_past" if moment < now else "timestamp_in_future",
            param="timestamp",
        )
    identifier = params.get("identifier") or new_id("mevt")
    key = f"{meter['id']}:{identifier}"
    if account.find("billing.meter_event", key):
        raise ApiError(
            f"An event already exists with identifier {identifier}.",
            code="duplicate_meter_event",
            param="identifier",
        )
    event: Document = {
        "id": key,
        "object": "billing.meter_event",
        "created": now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": moment,
        "_customer": customer["id"],
        "_value": _value(meter, payload),
    }
    account.put(event)
    return {key: value for key, value in event.items() if key != "id"}


def _value(meter: Document, payload: dict[str, str]) -> str:
    if meter["default_aggregation"]["formula"] == "count":
        return "1"
    key = meter["value_settings"]["event_payload_key"]
    try:
        value = Decimal(payload.get(key, ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() >= MOST_DIGITS:
        raise ApiError(
            "The meter event's value must be a number.",
            code="invalid_meter_event_value",
            param=f"payload[{key}]",
        )
    return str(value)


def create_adjustment(account: Account, params: Params) -> Document:
    """Cancel an event within a day of its receipt."""
    identifier = (params.get("cancel") or {}).get("identifier", "")
    for event in account.scan("billing.meter_event"):
        if (event["event_name"], event["identifier"]) == (
            params["event_name"],
            identifier,
        ):
            owner = account.find("customer", event["_customer"])
            now = account.time_of(owner) if owner else account.now()
            if now - event["created"] > DAY:
                raise ApiError("The event is older than 24 hours.", param="cancel")
            account.store.remove("billing.meter_event", event["id"])
            return {
                "object": "billing.meter_event_adjustment",
                "cancel": {"identifier": identifier},
                "event_name": params["event_name"],
                "livemode": False,
                "status": "pending",
                "type": "cancel",
            }
    raise ApiError("No such meter event.", param="cancel[identifier]")


def index_summaries(account: Account, params: Params, meter: str) -> Document:
    """A customer's usage per hour, per day or altogether."""
    account.get("billing.meter", meter)
    account.refer("customer", params["customer"], "customer")
    start, end = params["start_time"], params["end_time"]
    grain = GRAINS.get(params.get("value_grouping_window", ""), end - start)
    if start >= end or start % 60 or end % 60:
        raise ApiError(
            "start_time and end_time must be aligned with minute boundaries.",
            param="start_time",
        )
    data = []
    for begin in range(start, end, grain):
        until = min(begin + grain, end)
        value = usage(account, meter, params["customer"], begin, until)
        if value or grain == end - start:
            data.append(
                {
                    "id": f"mtrsum_{meter.removeprefix('mtr_')}{begin}",
                    "object": "billing.meter_event_summary",
                    "aggregated_value": float(value),
                    "end_time": until,
                    "livemode": False,
                    "meter": meter,
                    "start_time": begin,
                }
            )
    return slice_of(data[::-1], params, f"/v1/billing/meters/{meter}/event_summaries")

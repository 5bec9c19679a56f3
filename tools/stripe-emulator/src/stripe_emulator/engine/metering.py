"""Meter events added up."""

from decimal import Decimal

from stripe_emulator.account import Account


def usage(
    account: Account, meter: str | None, customer: str, start: int, end: int
) -> Decimal:
    """A customer's usage on a meter in ``[start, end)``, by the meter's formula."""
    found = account.find("billing.meter", meter)
    if found is None:
        return Decimal(0)
    # Meter events are stored under their customer; newest first.
    values = [
        (event["timestamp"], Decimal(event["_value"]))
        for event in account.scan("billing.meter_event", customer=customer)
        if event["event_name"] == found["event_name"]
        and start <= event["timestamp"] < end
    ]
    formula = found["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(values))
    if formula == "last":
        return max(values, key=lambda pair: pair[0])[1] if values else Decimal(0)
    return sum((value for _, value in values), Decimal(0))

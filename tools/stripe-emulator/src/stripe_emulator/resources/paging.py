"""List calls: filters, cursors, limits."""

from collections.abc import Callable
from typing import Any

from stripe_emulator.account import Account
from stripe_emulator.errors import ApiError
from stripe_emulator.render import listing, public
from stripe_emulator.store import Document

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def page(
    account: Account,
    kind: str,
    params: dict[str, Any],
    *,
    url: str,
    customer: str | None = None,
    match: Callable[[Document], bool] | None = None,
) -> dict[str, Any]:
    """One page of a kind, newest first, after Stripe's cursor rules."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError(
            "Invalid limit: must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise ApiError("You may only specify one of starting_after, ending_before.")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor:
            account.refer(kind, cursor, name)
    created = params.get("created")

    def fits(document: Document) -> bool:
        # An invoice item calls the same a date.
        moment = int(document.get("created", document.get("date", 0)) or 0)
        return within(moment, created) and (match is None or match(document))

    found = []
    for document in account.scan(
        kind, customer=customer, after=after, before=before, match=fits
    ):
        found.append(public(account.store, document))
        if len(found) > limit:
            break
    chosen = found[:limit][::-1] if before else found[:limit]
    return listing(url, chosen, has_more=len(found) > limit)


def within(value: int, bounds: dict[str, int] | int | None) -> bool:
    """Whether ``value`` fits a ``created`` filter: an exact time or a range."""
    if bounds is None:
        return True
    if isinstance(bounds, int):
        return value == bounds
    return all(COMPARISONS[name](value, limit) for name, limit in bounds.items())


def slice_of(
    data: list[dict[str, Any]], params: dict[str, Any], url: str
) -> dict[str, Any]:
    """One page of entries that live inside another object, oldest first."""
    limit = params.get("limit", 10)
    start = 0
    if params.get("starting_after"):
        ids = [entry["id"] for entry in data]
        if params["starting_after"] not in ids:
            raise ApiError("No such entry.", param="starting_after")
        start = ids.index(params["starting_after"]) + 1
    return listing(url, data[start : start + limit], has_more=len(data) > start + limit)

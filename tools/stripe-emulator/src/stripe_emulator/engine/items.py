"""Subscription items and the invoice lines they turn into."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import discounts
from stripe_emulator.engine.cataloguing import price_from_data
from stripe_emulator.engine.invoicing import new_line
from stripe_emulator.engine.metering import usage
from stripe_emulator.engine.pricing import amount_for, prorated
from stripe_emulator.errors import ApiError
from stripe_emulator.render import plan, public
from stripe_emulator.store import Document

Items = list[dict[str, Any]]


def new_item(
    account: Account,
    entry: dict[str, Any],
    *,
    customer: str,
    subscription: str,
    where: str,
    created: int,
    counted: bool = True,
) -> dict[str, Any]:
    """An item from an ``items[]`` entry; its period is set by the caller.

    Discounts of one that is only previewed are not ``counted``.
    """
    refuse_uncovered(entry, where)
    price = recurring_price(account, entry, where)
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in entry:
        raise ApiError(
            "You cannot set the quantity of a metered price.",
            param=f"{where}[quantity]",
        )
    item = {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": 0,
        "current_period_start": 0,
        "discounts": [],
        "metadata": entry.get("metadata") or {},
        "plan": plan(price),
        "price": public(account.store, price),
        "subscription": subscription,
        "tax_rates": rates(account, entry.get("tax_rates") or [], where),
    }
    if not metered:
        item["quantity"] = entry.get("quantity", 1)
    set_discounts(
        account,
        item,
        entry,
        customer=customer,
        at=created,
        where=where,
        counted=counted,
    )
    point_to(account, item)
    return item


def set_discounts(
    account: Account,
    item: dict[str, Any],
    entry: dict[str, Any],
    *,
    customer: str,
    at: int,
    where: str,
    counted: bool,
) -> None:
    """Give an item the discounts its entry names; what names none keeps its own."""
    if "discounts" not in entry:
        return
    item["discounts"] = discounts.grant(
        account,
        entry["discounts"] or [],
        currency=item["price"]["currency"],
        amount=full_price(account, item),
        start=at,
        customer=customer,
        subscription=item["subscription"],
        item=item["id"],
        counted=counted,
        where=f"{where}[discounts]",
    )


def forget_previewed(account: Account, before: Items, after: Items) -> None:
    """Remove the discounts that only a preview gave to items."""
    known = {name for item in before for name in item["discounts"]}
    for name in {name for item in after for name in item["discounts"]} - known:
        account.store.remove("discount", name)


def refuse_uncovered(entry: dict[str, Any], where: str) -> None:
    """Say plainly what of an item is not emulated rather than ignore it."""
    for name in ("billing_thresholds", "clear_usage", "current_trial"):
        if entry.get(name):
            raise ApiError(
                f"This emulator does not cover {name} of an item.",
                param=f"{where}[{name}]",
            )


def point_to(account: Account, item: dict[str, Any]) -> None:
    """Remember which subscription an item id belongs to."""
    account.store.put(
        {
            "id": item["id"],
            "object": "subscription_item",
            "subscription": item["subscription"],
        }
    )


def recurring_price(account: Account, entry: dict[str, Any], where: str) -> Document:
    """The active recurring price an entry names, or describes in ``price_data``."""
    if "price_data" in entry:
        price = price_from_data(account, entry["price_data"], f"{where}[price_data]")
    elif "price" in entry:
        price = account.refer("price", entry["price"], f"{where}[price]")
    else:
        raise ApiError("You must give a price.", param=f"{where}[price]")
    if not price["active"]:
        raise ApiError(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{where}[price]",
        )
    if price["recurring"] is None:
        raise ApiError(
            "The price specified is set to `type=one_time` but this field only "
            "accepts prices with `type=recurring`.",
            param=f"{where}[price]",
        )
    return price


def rates(account: Account, identifiers: list[str] | str, where: str) -> list[Document]:
    """The tax rates named by a parameter."""
    return [
        public(
            account.store, account.refer("tax_rate", identifier, f"{where}[tax_rates]")
        )
        for identifier in identifiers or []
    ]


def check_together(items: Items) -> None:
    """One currency, one interval, no price twice."""
    if not items:
        raise ApiError("A subscription must have at least one item.", param="items")
    prices = [item["price"] for item in items]
    if len({price["id"] for price in prices}) < len(prices):
        raise ApiError(
            "Subscription Item with price already exists on this subscription.",
            param="items",
        )
    if len({price["currency"] for price in prices}) > 1:
        raise ApiError("All prices must use the same currency.", param="items")
    if len({cycle(items, index) for index in range(len(items))}) > 1:
        raise ApiError(
            "This emulator covers subscriptions whose prices share one interval.",
            param="items",
        )


def cycle(items: Items, index: int = 0) -> tuple[str, int]:
    """Interval and count of the items' prices."""
    recurring = items[index]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def set_period(items: Items, start: int, end: int) -> None:
    """Give every item the same current period."""
    for item in items:
        item.update(current_period_start=start, current_period_end=end)


def full_price(account: Account, item: dict[str, Any]) -> int:
    """A licensed item's amount for a whole period; 0 for a metered one."""
    if "quantity" not in item:
        return 0
    price = account.store.find("price", item["price"]["id"]) or item["price"]
    return amount_for(price, item["quantity"])


def product_name(account: Account, price: Document) -> str:
    """What a buyer knows the price by."""
    product = account.store.find("product", price["product"]) or {}
    return str(product.get("name") or price["nickname"] or price["id"])


def _label(account: Account, item: dict[str, Any]) -> str:
    price = item["price"]
    amount = f"{(price['unit_amount'] or 0) / 100:.2f} {price['currency'].upper()}"
    interval, count = cycle([item])
    every = interval if count == 1 else f"{count} {interval}s"
    quantity = item.get("quantity", 0)
    return f"{quantity} \u00d7 {product_name(account, price)} (at {amount} / {every})"


def cycle_lines(
    account: Account, subscription: Document, start: int, end: int
) -> Items:
    """The licensed items' lines for one whole period."""
    return partial_lines(account, subscription, start, end, end - start)


def partial_lines(
    account: Account, subscription: Document, start: int, end: int, length: int
) -> Items:
    """The licensed items' lines from ``start`` to ``end`` of a longer period."""
    return [
        new_line(
            price=item["price"],
            quantity=item["quantity"],
            amount=prorated(full_price(account, item), 0, length, length - end + start),
            start=start,
            end=end,
            description=_label(account, item),
            item=item,
            proration=length != end - start,
            subscription=subscription["id"],
            tax_rates=item["tax_rates"],
        )
        for item in subscription["items"]["data"]
        if "quantity" in item
    ]


def trial_lines(
    account: Account, subscription: Document, start: int, end: int
) -> Items:
    """The lines of a trial: every item at nothing."""
    return [
        new_line(
            price=item["price"],
            quantity=item["quantity"],
            amount=0,
            start=start,
            end=end,
            description=f"Trial period for {product_name(account, item['price'])}",
            item=item,
            subscription=subscription["id"],
        )
        for item in subscription["items"]["data"]
        if "quantity" in item
    ]


def usage_lines(
    account: Account, subscription: Document, start: int, end: int
) -> Items:
    """What the metered items used between ``start`` and ``end``."""
    lines = []
    for item in subscription["items"]["data"]:
        if "quantity" in item:
            continue
        price = account.store.find("price", item["price"]["id"]) or item["price"]
        meter = price["recurring"]["meter"]
        units = usage(account, meter, subscription["customer"], start, end)
        # A meter corrected below zero is billed as nothing, never paid out.
        units = max(units, type(units)(0))
        lines.append(
            new_line(
                price=price,
                quantity=int(units),
                amount=amount_for(price, units),
                start=start,
                end=end,
                description=f"{int(units)} \u00d7 {product_name(account, price)}",
                item=item,
                subscription=subscription["id"],
                tax_rates=item["tax_rates"],
            )
        )
    return lines


def credit_line(
    account: Account, subscription: Document, item: dict[str, Any], at: int
) -> dict[str, Any]:
    """What is given back for the unused rest of an item's period."""
    start, end = item["current_period_start"], item["current_period_end"]
    return new_line(
        price=item["price"],
        quantity=item.get("quantity"),
        amount=-prorated(full_price(account, item), start, end, at),
        start=at,
        end=end,
        description=f"Unused time on {_label(account, item)}",
        item=item,
        proration=True,
        subscription=subscription["id"],
        tax_rates=item["tax_rates"],
    )


def charge_line(
    account: Account,
    subscription: Document,
    item: dict[str, Any],
    at: int,
    start: int,
    end: int,
) -> dict[str, Any]:
    """What the rest of the period costs with the changed item."""
    return new_line(
        price=item["price"],
        quantity=item.get("quantity"),
        amount=prorated(full_price(account, item), start, end, at),
        start=at,
        end=end,
        description=f"Remaining time on {_label(account, item)}",
        item=item,
        proration=True,
        subscription=subscription["id"],
        tax_rates=item["tax_rates"],
    )

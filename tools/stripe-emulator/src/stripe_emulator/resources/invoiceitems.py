"""The API of amounts that wait for the next invoice."""

from typing import Any

from stripe_emulator.account import Account, merge_metadata
from stripe_emulator.engine.invoicing import new_line, total_up
from stripe_emulator.engine.pending import new_invoice_item
from stripe_emulator.engine.pricing import amount_for
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]


def create(account: Account, params: Params) -> Document:
    """Add an amount, or a price, to the next invoice or to a draft."""
    customer = account.refer("customer", params.get("customer", ""), "customer")
    subscription = _own(account, customer, "subscription", params)
    _own(account, customer, "invoice", params)
    quantity = params.get("quantity", 1)
    named = (params.get("pricing") or {}).get("price")
    if named:
        price = account.refer("price", named, "pricing[price]")
        if price["type"] == "recurring":
            raise ApiError(
                "The price specified is set to `type=recurring` but this field only "
                "accepts prices with `type=one_time`.",
                param="pricing[price]",
            )
        amount = amount_for(price, quantity)
    elif "amount" in params:
        amount = params["amount"]
        currency = params.get("currency", "usd")
        price = {"id": "", "product": "", "currency": currency, "unit_amount": amount}
    else:
        raise ApiError("You must give an amount or a price.", param="amount")
    if subscription and subscription["currency"] != price["currency"]:
        raise ApiError(
            f"The currency of the subscription is {subscription['currency']}.",
            param="currency",
        )
    item = new_invoice_item(
        account, customer, amount=amount, currency=price["currency"]
    )
    item.update(description=params.get("description"), quantity=quantity)
    item["quantity_decimal"] = str(quantity)
    merge_metadata(item, params.get("metadata"))
    if params.get("period"):
        if params["period"]["end"] < params["period"]["start"]:
            raise ApiError("The period ends before it starts.", param="period[end]")
        item["period"] = params["period"]
    line = new_line(
        price=price,
        quantity=quantity,
        amount=amount,
        start=item["period"]["start"],
        end=item["period"]["end"],
        description=item["description"] or "",
        invoice_item=item,
    )
    line["metadata"] = dict(item["metadata"])
    item["pricing"] = line["pricing"] if named else None
    if not named:
        line["pricing"] = None
    item.update(_line=line, _subscription=params.get("subscription"))
    if params.get("invoice"):
        _add_to_draft(account, item, params["invoice"])
    account.put(item)
    account.emit("invoiceitem.created", item)
    return item


def _own(
    account: Account, customer: Document, kind: str, params: Params
) -> Document | None:
    """The customer's own subscription or invoice that is named, if one is."""
    if not params.get(kind):
        return None
    found = account.refer(kind, params[kind], kind)
    if found["customer"] != customer["id"]:
        raise ApiError(
            f"The {kind} `{found['id']}` is not one of customer `{customer['id']}`.",
            param=kind,
        )
    if kind == "subscription" and found["status"] in {"canceled", "incomplete_expired"}:
        raise ApiError(
            f"Nothing can be added to a subscription that is {found['status']}.",
            param=kind,
        )
    return found


def _add_to_draft(account: Account, item: Document, invoice: str) -> None:
    draft = account.refer("invoice", invoice, "invoice")
    if draft["status"] != "draft":
        raise ApiError(
            "This invoice is no longer editable.", code="invoice_not_editable"
        )
    item["_line"]["invoice"] = draft["id"]
    item["invoice"] = draft["id"]
    draft["currency"] = item["currency"]
    draft["lines"]["data"].append(item["_line"])
    total_up(account, draft)
    account.put(draft)


def retrieve(account: Account, params: Params, item: str) -> Document:
    """The invoice item."""
    return account.get("invoiceitem", item)


def delete(account: Account, params: Params, item: str) -> Document:
    """Take back an amount that no invoice holds yet."""
    found = account.get("invoiceitem", item)
    if found["invoice"] is not None:
        raise ApiError(
            "This invoice item is on an invoice.", code="invoice_not_editable"
        )
    account.emit("invoiceitem.deleted", found)
    found["deleted"] = True
    return account.put(found)


def index(account: Account, params: Params) -> Document:
    """Invoice items, by customer, invoice or pending."""

    def fits(item: Document) -> bool:
        waits = item["invoice"] is None
        owner = params.get("invoice", item["invoice"])
        return bool(waits == params.get("pending", waits) and item["invoice"] == owner)

    return page(
        account,
        "invoiceitem",
        params,
        url="/v1/invoiceitems",
        customer=params.get("customer"),
        match=fits,
    )

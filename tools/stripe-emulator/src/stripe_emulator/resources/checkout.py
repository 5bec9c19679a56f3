"""Checkout sessions: what is sold, for how much, and until when."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine import discounts, invoicing, items
from stripe_emulator.engine.cataloguing import price_from_data
from stripe_emulator.engine.pricing import amount_for
from stripe_emulator.errors import ApiError
from stripe_emulator.resources.paging import page, slice_of
from stripe_emulator.resources.subscriptions import refuse_uncovered
from stripe_emulator.store import Document

Params = dict[str, Any]
UNCOVERED = (
    "managed_payments",
    "optional_items",
    "shipping_options",
    "setup_intent_data",
)
SHORTEST, LONGEST = 30 * 60, 24 * 3600


def create(account: Account, params: Params) -> Document:
    """Open a session with a hosted page."""
    refuse_uncovered(params, UNCOVERED)
    _check(account, params)
    mode = params["mode"]
    customer = account.find("customer", params.get("customer"))
    now = account.time_of(customer) if customer else account.now()
    expires = params.get("expires_at", now + LONGEST)
    if not now + SHORTEST <= expires <= now + LONGEST:
        raise ApiError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from "
            "Checkout Session creation.",
            param="expires_at",
        )
    entries = [
        _entry(account, entry, index, mode)
        for index, entry in enumerate(params["line_items"])
    ]
    _check_prices(entries, mode)
    identifier = new_id("cs_test", 58)
    session: Document = {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {
            "enabled": bool((params.get("automatic_tax") or {}).get("enabled")),
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": entries[0]["price"]["currency"],
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": params.get(
            "customer_creation",
            None if customer else "always" if mode == "subscription" else "if_required",
        ),
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": expires,
        "invoice": None,
        "invoice_creation": {
            "enabled": bool((params.get("invoice_creation") or {}).get("enabled")),
            "invoice_data": {"metadata": {}},
        }
        if mode == "payment"
        else None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata") or {},
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": params.get("payment_method_collection", "always"),
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "redirect_on_completion": None,
        "return_url": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{account.settings.base_url}/c/pay/{identifier}",
        "wallet_options": None,
        "_chosen": entries,
        "_params": {
            name: params[name]
            for name in ("subscription_data", "payment_intent_data", "customer_update")
            if name in params
        },
        "_line_items": [],
    }
    account.put(session)
    set_discounts(account, session, params.get("discounts") or [])
    return session


def _check(account: Account, params: Params) -> None:
    if params.get("mode") not in {"payment", "subscription"}:
        raise ApiError(
            "This emulator covers mode=payment and mode=subscription.", param="mode"
        )
    if not params.get("line_items"):
        raise ApiError(
            f"You must pass line_items in {params['mode']} mode.",
            code="parameter_missing",
            param="line_items",
        )
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise ApiError("This emulator covers hosted pages only.", param="ui_mode")
    if not params.get("success_url"):
        raise ApiError(
            "Missing required param: success_url.",
            code="parameter_missing",
            param="success_url",
        )
    for name in ("success_url", "cancel_url"):
        if name in params and not params[name].startswith(("http://", "https://")):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if params.get("customer") and params.get("customer_email"):
        raise ApiError("You may only specify one of: customer, customer_email.")
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise ApiError("You may only specify one of: allow_promotion_codes, discounts.")
    if params.get("customer"):
        account.refer("customer", params["customer"], "customer")
    if params["mode"] == "payment" and "subscription_data" in params:
        raise ApiError(
            "You can not pass `subscription_data` in `payment` mode.",
            param="subscription_data",
        )


def _entry(account: Account, entry: Params, index: int, mode: str) -> dict[str, Any]:
    where = f"line_items[{index}]"
    if "price_data" in entry:
        price = price_from_data(account, entry["price_data"], f"{where}[price_data]")
    else:
        price = account.refer("price", entry.get("price", ""), f"{where}[price]")
    if not price["active"]:
        raise ApiError(
            "The price specified is inactive. This field only accepts active prices.",
            param=f"{where}[price]",
        )
    metered = (price["recurring"] or {}).get("usage_type") == "metered"
    if metered == ("quantity" in entry):
        raise ApiError(
            "Quantity should not be specified where usage_type is `metered`."
            if metered
            else "Quantity is required.",
            param=f"{where}[quantity]",
        )
    if price["recurring"] and mode == "payment":
        raise ApiError(
            "You specified `payment` mode but passed a recurring price. Either switch "
            "to `subscription` mode or use only one-time prices.",
            param=f"{where}[price]",
        )
    return {
        "price": price,
        "quantity": entry.get("quantity"),
        "tax_rates": items.rates(account, entry.get("tax_rates") or [], where),
    }


def _check_prices(entries: list[dict[str, Any]], mode: str) -> None:
    if len({entry["price"]["currency"] for entry in entries}) > 1:
        raise ApiError("All prices must use the same currency.", param="line_items")
    recurring = [entry for entry in entries if entry["price"]["recurring"]]
    if mode == "subscription" and not recurring:
        raise ApiError(
            "You must provide at least one recurring price in `subscription` mode when "
            "using prices.",
            param="line_items",
        )


def set_discounts(
    account: Account, session: Document, entries: list[dict[str, Any]]
) -> None:
    """Apply coupons or codes to an open session and work out its amounts."""
    chosen = discounts.resolve(account, entries)
    whole = sum(gross(entry) for entry in session["_chosen"])
    for coupon, code in chosen:
        discounts.check_usable(
            account,
            coupon,
            code,
            customer=session["customer"],
            currency=session["currency"],
            amount=whole,
        )
    session["_discounts"] = [
        {"promotion_code": code["id"]} if code else {"coupon": coupon["id"]}
        for coupon, code in chosen
    ]
    session["discounts"] = [
        {
            "coupon": None if code else coupon["id"],
            "promotion_code": code["id"] if code else None,
        }
        for coupon, code in chosen
    ]
    _total_up(account, session, [coupon for coupon, _ in chosen])
    account.put(session)


def trial_days(session: Document) -> int:
    """How many days of trial the session grants."""
    data = session["_params"].get("subscription_data") or {}
    return int(data.get("trial_period_days") or 0)


def has_trial(session: Document) -> bool:
    """Whether the first payment comes later."""
    data = session["_params"].get("subscription_data") or {}
    return bool(trial_days(session) or data.get("trial_end"))


def gross(entry: dict[str, Any]) -> int:
    """What an entry costs per period, before discounts and taxes."""
    if entry["quantity"] is None:
        return 0
    return amount_for(entry["price"], entry["quantity"])


def _total_up(account: Account, session: Document, coupons: list[Document]) -> None:
    """A throw-away invoice knows how discounts and taxes fall on the lines."""
    free = has_trial(session)
    lines = [
        invoicing.new_line(
            price=entry["price"],
            quantity=entry["quantity"],
            amount=0 if free and entry["price"]["recurring"] else gross(entry),
            start=0,
            end=0,
            description=items.product_name(account, entry["price"]),
            tax_rates=entry["tax_rates"],
        )
        for entry in session["_chosen"]
    ]
    off = sum(
        part["amount"]
        for part in discounts.take_off([("", coupon) for coupon in coupons], lines)
    )
    data = session["_params"].get("subscription_data") or {}
    default_rates = items.rates(
        account, data.get("default_tax_rates") or [], "subscription_data"
    )
    invoicing.taxes_of(lines, default_rates)
    known = {line["price"]["id"]: line["id"] for line in session["_line_items"]}
    session["_line_items"] = [
        _line_item(entry, line, known)
        for entry, line in zip(session["_chosen"], lines, strict=True)
    ]
    subtotal = sum(line["amount"] for line in lines)
    total = sum(line["amount_total"] for line in session["_line_items"])
    session.update(
        amount_subtotal=subtotal,
        amount_total=total,
        total_details={
            "amount_discount": off,
            "amount_shipping": 0,
            "amount_tax": sum(line["amount_tax"] for line in session["_line_items"]),
        },
    )


def _line_item(
    entry: dict[str, Any], line: dict[str, Any], known: dict[str, str]
) -> dict[str, Any]:
    off = sum(part["amount"] for part in line["discount_amounts"])
    tax = sum(part["amount"] for part in line["taxes"])
    added = sum(
        part["amount"] for part in line["taxes"] if part["tax_behavior"] == "exclusive"
    )
    price = {key: value for key, value in entry["price"].items() if key != "tiers"}
    return {
        "id": known.get(price["id"]) or new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": off,
        "amount_subtotal": line["amount"],
        "amount_tax": tax,
        "amount_total": line["amount"] - off + added,
        "currency": price["currency"],
        "description": line["description"],
        "metadata": {},
        "price": price,
        "quantity": entry["quantity"],
    }


def retrieve(account: Account, params: Params, session: str) -> Document:
    """The session."""
    return account.get("checkout.session", session)


def expire(account: Account, params: Params, session: str) -> Document:
    """Close an open session."""
    found = account.get("checkout.session", session)
    if found["status"] != "open":
        raise ApiError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This '
            f"Checkout Session has a status of `{found['status']}`."
        )
    found.update(status="expired", url=None, expires_at=account.time_of(found))
    account.put(found)
    account.emit("checkout.session.expired", found)
    return found


def line_items(account: Account, params: Params, session: str) -> Document:
    """What the session sells."""
    found = account.get("checkout.session", session)
    url = f"/v1/checkout/sessions/{session}/line_items"
    return slice_of(found["_line_items"], params, url)


def index(account: Account, params: Params) -> Document:
    """Sessions, by customer, status, subscription or payment."""

    def fits(session: Document) -> bool:
        email = (params.get("customer_details") or {}).get("email")
        return all(
            session[name] == params[name]
            for name in ("payment_intent", "status", "subscription")
            if name in params
        ) and (not email or (session["customer_details"] or {}).get("email") == email)

    return page(
        account,
        "checkout.session",
        params,
        url="/v1/checkout/sessions",
        customer=params.get("customer"),
        match=fits,
    )

"""Coupons applied to lines: who may use one, how much it takes off."""

from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine.cycles import boundary
from stripe_emulator.engine.pricing import rounded
from stripe_emulator.errors import ApiError
from stripe_emulator.store import Document


def find_code(account: Account, code: str) -> Document:
    """The active promotion code a customer typed, in any case."""
    for found in account.scan("promotion_code"):
        if found["code"].casefold() == code.strip().casefold() and found["active"]:
            return found
    raise ApiError(f"No such promotion code: '{code}'", code="promotion_code_invalid")


def check_usable(
    account: Account,
    coupon: Document,
    code: Document | None,
    *,
    customer: str | None,
    currency: str,
    amount: int,
) -> None:
    """Refuse a coupon or code that is spent, expired or meant for someone else."""
    now = account.now()
    problem = None
    if not is_valid(account, coupon):
        problem = "This coupon is no longer valid."
    elif coupon["amount_off"] is not None and coupon["currency"] != currency:
        problem = "This coupon is for another currency."
    elif code is not None:
        limits = code["restrictions"]
        minimum = limits["minimum_amount"]
        if not code["active"] or (code["expires_at"] or now + 1) <= now:
            problem = "This promotion code has expired."
        elif (code["max_redemptions"] or code["times_redeemed"] + 1) <= code[
            "times_redeemed"
        ]:
            problem = "This promotion code has been used up."
        elif code["customer"] and code["customer"] != customer:
            problem = "This promotion code is for another customer."
        elif minimum and amount < minimum:
            problem = "The order does not reach this promotion code's minimum."
        elif limits["first_time_transaction"] and _has_paid(account, customer):
            problem = "This promotion code is for first orders."
    if problem:
        raise ApiError(problem, code="promotion_code_invalid", param="discounts")


def is_valid(account: Account, coupon: Document) -> bool:
    """Whether a coupon can still be redeemed."""
    limit, until = coupon["max_redemptions"], coupon["redeem_by"]
    return (limit is None or coupon["times_redeemed"] < limit) and (
        until is None or until > account.now()
    )


def resolve(
    account: Account, entries: list[dict[str, Any]]
) -> list[tuple[Document, Document | None]]:
    """Coupons and promotion codes named by a ``discounts`` parameter."""
    # One that is there already is kept by whoever calls.
    return [
        _named(account, entry, f"discounts[{position}]")
        for position, entry in enumerate(entries)
        if "discount" not in entry
    ]


def _named(
    account: Account, entry: dict[str, Any], where: str
) -> tuple[Document, Document | None]:
    if "promotion_code" in entry:
        code = account.refer(
            "promotion_code", entry["promotion_code"], f"{where}[promotion_code]"
        )
        return account.get("coupon", code["promotion"]["coupon"]), code
    if "coupon" in entry:
        return account.refer("coupon", entry["coupon"], f"{where}[coupon]"), None
    raise ApiError("You must give a coupon or promotion_code.", param=where)


def grant(
    account: Account,
    entries: list[dict[str, Any]],
    *,
    currency: str,
    amount: int,
    start: int,
    customer: str,
    subscription: str,
    item: str | None = None,
    session: str | None = None,
    counted: bool = True,
    where: str = "discounts",
) -> list[str]:
    """The discounts a ``discounts`` parameter asks for, old and new, in its order."""
    granted = []
    for position, entry in enumerate(entries):
        place = f"{where}[{position}]"
        if "discount" in entry:
            known = account.refer("discount", entry["discount"], f"{place}[discount]")
            granted.append(known["id"])
            continue
        coupon, code = _named(account, entry, place)
        check_usable(
            account, coupon, code, customer=customer, currency=currency, amount=amount
        )
        given = redeem(
            account,
            coupon,
            code,
            start=start,
            customer=customer,
            subscription=subscription,
            item=item,
            session=session,
            counted=counted,
        )
        granted.append(given["id"])
    return granted


def running(account: Account, identifiers: list[str], at: int) -> list[Document]:
    """Those of the discounts that have not ended at ``at``."""
    found = [account.get("discount", name) for name in identifiers]
    return [one for one in found if one["end"] is None or one["end"] > at]


def unspent(account: Account, identifiers: list[str], at: int) -> list[str]:
    """Those that go on after an invoice of ``at``: not ended, nor for once."""
    return [
        discount["id"]
        for discount in running(account, identifiers, at)
        if account.get("coupon", discount["source"]["coupon"])["duration"] != "once"
    ]


def redeem(
    account: Account,
    coupon: Document,
    code: Document | None,
    *,
    start: int,
    customer: str | None,
    subscription: str | None = None,
    item: str | None = None,
    session: str | None = None,
    counted: bool = True,
) -> Document:
    """Turn a coupon into a discount with a beginning and, perhaps, an end.

    One that is only previewed is not ``counted``.
    """
    end = None
    if coupon["duration"] == "repeating":
        end = boundary(start, "month", coupon["duration_in_months"], 1)
    discount: Document = {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": session,
        "customer": customer,
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code["id"] if code else None,
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": start,
        "subscription": subscription,
        "subscription_item": item,
    }
    for spent in filter(None, (coupon, code)) if counted else ():
        spent["times_redeemed"] += 1
        account.put(spent)
    coupon["valid"] = is_valid(account, coupon)
    return account.put(discount)


def take_off(
    coupons: list[tuple[str, Document]], lines: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Fill the lines' ``discount_amounts``; returns the totals per discount.

    Proration lines already are differences of list prices and take part: what a
    percentage takes from the new plan it gives back on the old one.
    """
    totals = []
    for discount, coupon in coupons:
        products = (coupon.get("applies_to") or {}).get("products")
        chosen = [
            line
            for line in lines
            if line["discountable"]
            and (coupon["percent_off"] is not None or not line["_proration"])
            and (not products or _product(line) in products)
        ]
        open_amounts = [
            line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
            for line in chosen
        ]
        shares = _shares(coupon, open_amounts)
        for line, share in zip(chosen, shares, strict=True):
            line["discounts"].append(discount)
            line["discount_amounts"].append({"amount": share, "discount": discount})
        totals.append({"amount": sum(shares), "discount": discount})
    return totals


def _product(line: dict[str, Any]) -> str:
    details = (line["pricing"] or {}).get("price_details") or {}
    return str(details.get("product", ""))


def _shares(coupon: Document, amounts: list[int]) -> list[int]:
    if coupon["percent_off"] is not None:
        percent = Fraction(str(coupon["percent_off"])) / 100
        return [rounded(amount * percent) for amount in amounts]
    total = sum(amounts)
    off = max(0, min(coupon["amount_off"], total))
    if total <= 0:
        return [0 for _ in amounts]
    # Of what was reached, so that no line gives more than it has.
    reached = [off * part // total for part in accumulate(amounts)]
    return [after - before for before, after in pairwise([0, *reached])]


def _has_paid(account: Account, customer: str | None) -> bool:
    return customer is not None and any(
        invoice["amount_paid"] > 0
        for invoice in account.scan("invoice", customer=customer)
    )

"""The tax numbers of a customer, which stand on their invoices."""

from typing import Any

from stripe_emulator.account import Account, new_id
from stripe_emulator.engine.billto import tax_ids_of
from stripe_emulator.errors import ApiError, missing
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]
# Stripe keeps this many for a customer.
MOST = 5
# Kinds whose name does not begin with their country.
COUNTRIES = {"eu_vat": "", "eu_oss_vat": ""}


def create(account: Account, params: Params, customer: str) -> Document:
    """Note a tax number; nobody asks an office whether it exists."""
    owner = account.get("customer", customer)
    if len(tax_ids_of(account, customer)) >= MOST:
        raise ApiError(f"A customer can have at most {MOST} tax IDs.", param="value")
    kind, value = params["type"], params["value"]
    made: Document = {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": COUNTRIES.get(kind, kind[:2].upper()) or value[:2].upper(),
        "created": account.time_of(owner),
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "owner": {
            "account": None,
            "application": None,
            "customer": customer,
            "customer_account": None,
            "type": "customer",
        },
        "type": kind,
        "value": value,
        "verification": {
            "status": "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
    }
    account.put(made)
    account.emit("customer.tax_id.created", made)
    return made


def index(account: Account, params: Params, customer: str) -> Document:
    """A customer's tax numbers."""
    account.get("customer", customer)
    url = f"/v1/customers/{customer}/tax_ids"
    return page(account, "tax_id", params, url=url, customer=customer)


def retrieve(account: Account, params: Params, customer: str, tax_id: str) -> Document:
    """One tax number of a customer."""
    account.get("customer", customer)
    found = account.get("tax_id", tax_id)
    if found["customer"] != customer:
        raise missing("tax_id", tax_id)
    return found


def delete(account: Account, params: Params, customer: str, tax_id: str) -> Document:
    """Take a tax number away; invoices that were issued keep it."""
    found = retrieve(account, params, customer, tax_id)
    account.emit("customer.tax_id.deleted", found)
    found["deleted"] = True
    return account.put(found)

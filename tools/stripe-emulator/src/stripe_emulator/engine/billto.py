"""What an invoice says about who pays: fields of their own, and tax numbers."""

from typing import Any

from stripe_emulator.account import Account
from stripe_emulator.errors import ApiError
from stripe_emulator.store import Document

MOST_FIELDS, LONGEST_NAME, LONGEST_VALUE = 4, 40, 140


def custom_fields(given: Any, param: str) -> list[dict[str, str]] | None:
    """The fields a parameter asks for, within Stripe's limits; empty text unsets."""
    if not given:
        return None
    if len(given) > MOST_FIELDS:
        raise ApiError(
            f"You can have at most {MOST_FIELDS} custom fields.", param=param
        )
    for number, field in enumerate(given):
        for name, longest in (("name", LONGEST_NAME), ("value", LONGEST_VALUE)):
            if len(field[name]) > longest:
                raise ApiError(
                    f"Invalid string: must be at most {longest} characters.",
                    param=f"{param}[{number}][{name}]",
                )
    return [{"name": field["name"], "value": field["value"]} for field in given]


def tax_ids_of(account: Account, customer: str) -> list[dict[str, str]]:
    """The tax numbers of a customer as an invoice shows them, the oldest first."""
    found = account.scan(
        "tax_id", customer=customer, match=lambda each: not each.get("deleted")
    )
    return [{"type": each["type"], "value": each["value"]} for each in found][::-1]


def refresh(account: Account, invoice: Document, customer: Document) -> None:
    """Bring a draft up to what the customer is when it is finalised."""
    invoice.update(
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
        customer_tax_ids=tax_ids_of(account, customer["id"]),
    )

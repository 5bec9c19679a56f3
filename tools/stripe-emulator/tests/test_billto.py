"""What an invoice says about who pays: name, tax numbers, fields of their own."""

from typing import Any

import httpx
import pytest
import stripe

from shopping import Shop

FIELDS = [
    {"name": "PO number", "value": "PO-7741"},
    {"name": "Cost centre", "value": "R&D"},
]


def invoiced(shop: Shop, customer: str) -> Any:
    """Return the first invoice of a new subscription that is paid by invoice."""
    made = shop.subscribe(customer, collection_method="send_invoice", days_until_due=30)
    return shop.client.v1.invoices.retrieve(made.latest_invoice)


def test_a_customers_fields_and_numbers_stand_on_every_new_invoice(shop: Shop) -> None:
    customer = shop.customer(
        card=None,
        name="Nordwind GmbH",
        invoice_settings={"custom_fields": FIELDS, "footer": "Thank you."},
        tax_id_data=[{"type": "eu_vat", "value": "DE136695976"}],
    )

    invoice = invoiced(shop, customer.id)

    assert [each.to_dict() for each in invoice.custom_fields] == FIELDS
    assert invoice.footer == "Thank you."
    assert invoice.customer_name == "Nordwind GmbH"
    assert [each.to_dict() for each in invoice.customer_tax_ids] == [
        {"type": "eu_vat", "value": "DE136695976"}
    ]
    assert invoice.due_date == invoice.created + 30 * 86400
    page = httpx.get(invoice.hosted_invoice_url).text
    assert "PO-7741" in page
    assert "DE136695976" in page
    assert b"PO-7741" in httpx.get(invoice.invoice_pdf).content


def test_an_invoice_that_is_issued_keeps_what_it_said(shop: Shop) -> None:
    v1 = shop.client.v1
    customer = shop.customer(card=None, name="Before")
    tax_id = v1.customers.tax_ids.create(
        customer.id, {"type": "cn_tin", "value": "91110108MA01C8B27F"}
    )
    invoice = invoiced(shop, customer.id)

    v1.customers.tax_ids.delete(customer.id, tax_id.id)
    v1.customers.update(
        customer.id, {"name": "After", "invoice_settings": {"custom_fields": FIELDS}}
    )

    kept = v1.invoices.retrieve(invoice.id)
    assert kept.customer_name == "Before"
    assert kept.custom_fields is None
    assert [each.value for each in kept.customer_tax_ids] == ["91110108MA01C8B27F"]


def test_empty_text_takes_the_fields_away(client: Any) -> None:
    made = client.v1.customers.create({"invoice_settings": {"custom_fields": FIELDS}})

    changed = client.v1.customers.update(
        made.id, {"invoice_settings": {"custom_fields": ""}}
    )

    assert changed.invoice_settings.custom_fields is None


@pytest.mark.parametrize(
    "fields",
    [
        [{"name": "n" * 41, "value": "v"}],
        [{"name": "n", "value": "v" * 141}],
        [{"name": str(number), "value": "v"} for number in range(5)],
    ],
)
def test_fields_beyond_the_limits_are_refused(client: Any, fields: Any) -> None:
    made = client.v1.customers.create({"name": "Ada"})

    with pytest.raises(stripe.InvalidRequestError, match="at most"):
        client.v1.customers.update(
            made.id, {"invoice_settings": {"custom_fields": fields}}
        )

    found = client.v1.customers.retrieve(made.id)
    assert found.invoice_settings.custom_fields is None


def test_an_invoice_may_have_fields_of_its_own(shop: Shop) -> None:
    customer = shop.customer(card=None)
    v1 = shop.client.v1

    made = v1.invoices.create({"customer": customer.id, "custom_fields": FIELDS[:1]})
    changed = v1.invoices.update(made.id, {"custom_fields": FIELDS[1:], "footer": "x"})

    assert [each.name for each in made.custom_fields] == ["PO number"]
    assert [each.name for each in changed.custom_fields] == ["Cost centre"]
    assert changed.footer == "x"


def test_what_is_not_covered_is_refused_rather_than_ignored(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not cover"):
        client.v1.customers.create(
            {
                "invoice_settings": {
                    "rendering_options": {"amount_tax_display": "exclude_tax"}
                }
            }
        )


def test_tax_numbers_are_kept_listed_and_taken_away(client: Any) -> None:
    v1 = client.v1
    customer = v1.customers.create({"name": "Ada"})
    other = v1.customers.create({"name": "Bo"})
    made = v1.customers.tax_ids.create(
        customer.id, {"type": "eu_vat", "value": "FR40303265045"}
    )

    assert (made.country, made.owner.customer) == ("FR", customer.id)
    assert v1.customers.tax_ids.retrieve(customer.id, made.id).value == made.value
    assert [each.id for each in v1.customers.tax_ids.list(customer.id)] == [made.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such tax_id"):
        v1.customers.tax_ids.retrieve(other.id, made.id)
    assert v1.customers.tax_ids.delete(customer.id, made.id).deleted
    assert list(v1.customers.tax_ids.list(customer.id)) == []
    kinds = [each.type for each in v1.events.list()]
    assert kinds[:2] == ["customer.tax_id.deleted", "customer.tax_id.created"]


def test_a_sixth_tax_number_is_refused(client: Any) -> None:
    numbers = [{"type": "us_ein", "value": f"12-345678{digit}"} for digit in range(5)]
    customer = client.v1.customers.create({"tax_id_data": numbers})

    with pytest.raises(stripe.InvalidRequestError, match="at most 5"):
        client.v1.customers.tax_ids.create(
            customer.id, {"type": "us_ein", "value": "12-3456789"}
        )

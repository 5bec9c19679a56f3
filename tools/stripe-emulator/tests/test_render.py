"""How documents leave: nothing of our own, expanded when asked."""

from typing import Any

import pytest

from stripe_emulator.errors import ApiError
from stripe_emulator.render import LINES_SHOWN, expand, listing, public
from stripe_emulator.store import Store


def customer(identifier: str = "cus_1", **values: Any) -> dict[str, Any]:
    return {"object": "customer", "id": identifier, "metadata": {}, **values}


def test_names_of_our_own_stay_inside_at_every_depth(store: Store) -> None:
    document = customer(
        _invoices=3, nested={"_own": 1, "kept": [{"_own": 2, "kept": 3}]}
    )

    assert public(store, document) == customer(nested={"kept": [{"kept": 3}]})


def test_names_of_the_callers_are_left_alone(store: Store) -> None:
    document = customer(metadata={"_theirs": "1"}, payload={"_too": "2"})

    assert public(store, document) == document


def test_a_copy_is_no_way_into_the_store(store: Store) -> None:
    document = customer(address={"city": "Bonn"})

    shown = public(store, document)
    shown["address"]["city"] = "Paris"
    shown["metadata"]["new"] = "1"

    assert document == customer(address={"city": "Bonn"})


def test_a_tombstone_says_nothing_else(store: Store) -> None:
    document = customer(deleted=True, email="a@example.test")

    assert public(store, document) == {
        "id": "cus_1",
        "object": "customer",
        "deleted": True,
    }


@pytest.mark.parametrize("count", [LINES_SHOWN, LINES_SHOWN + 1])
def test_an_invoice_shows_its_first_lines(store: Store, count: int) -> None:
    lines = [{"object": "line_item", "id": f"il_{number}"} for number in range(count)]
    invoice = {
        "object": "invoice",
        "id": "in_1",
        "lines": listing("/v1/invoices/in_1/lines", lines),
    }

    shown = public(store, invoice)["lines"]

    assert len(shown["data"]) == LINES_SHOWN
    assert shown["has_more"] is (count > LINES_SHOWN)
    assert len(invoice["lines"]["data"]) == count  # type: ignore[index]


def test_an_id_is_replaced_by_what_it_names(store: Store) -> None:
    store.put(customer("cus_1", email="a@example.test"))
    charge = {"object": "charge", "id": "ch_1", "customer": "cus_1"}

    shown = expand(store, public(store, charge), ["customer"])

    assert shown["customer"]["email"] == "a@example.test"
    assert charge["customer"] == "cus_1"


def test_paths_go_through_lists_and_objects(store: Store) -> None:
    store.put({"object": "product", "id": "prod_1", "name": "Tea"})
    store.put({"object": "price", "id": "price_1", "product": "prod_1"})
    data = [{"object": "item", "id": "li_1", "price": "price_1"}]
    page = listing("/v1/items", data)

    shown = expand(store, page, ["data.price.product"])

    assert shown["data"][0]["price"]["product"]["name"] == "Tea"


def test_nothing_to_expand_stays_nothing(store: Store) -> None:
    charge: dict[str, Any] = {"object": "charge", "id": "ch_1", "customer": None}

    assert expand(store, charge, ["customer", "customer.test_clock"]) == charge


def test_what_was_deleted_has_nothing_left_to_expand(store: Store) -> None:
    store.put(customer("cus_1", deleted=True, default_source=None))
    charge = {"object": "charge", "id": "ch_1", "customer": "cus_1"}

    shown = expand(store, charge, ["customer.test_clock"])

    assert shown["customer"] == {"id": "cus_1", "object": "customer", "deleted": True}


@pytest.mark.parametrize("path", ["nonsense", "amount", "customer.nonsense"])
def test_a_name_that_is_none_is_refused(store: Store, path: str) -> None:
    store.put(customer("cus_1"))
    charge = {"object": "charge", "id": "ch_1", "customer": "cus_1", "amount": "5"}

    with pytest.raises(ApiError, match=r"cannot be expanded") as refusal:
        expand(store, charge, [path])

    assert refusal.value.param == "expand"


def test_four_levels_are_the_most(store: Store) -> None:
    charge: dict[str, Any] = {"object": "charge", "id": "ch_1", "customer": None}
    page = listing("/v1/charges", [])

    assert expand(store, charge, ["customer.b.c.d"]) == charge
    # In a list, its own level counts.
    assert expand(store, page, ["data.a.b.c"]) == page
    for path in ("customer.b.c.d.e", "data.a.b.c.d"):
        with pytest.raises(ApiError, match="more than 4 levels") as refusal:
            expand(store, charge, [path])
        assert refusal.value.code == "property_expansion_max_depth"


def test_some_names_appear_only_when_asked_for(store: Store) -> None:
    store.put(customer("cus_1"))
    store.put(
        {
            "object": "subscription",
            "id": "sub_1",
            "customer": "cus_1",
            "status": "active",
            "items": {"data": []},
        }
    )
    store.put(
        {
            "object": "subscription",
            "id": "sub_2",
            "customer": "cus_1",
            "status": "canceled",
            "items": {"data": []},
        }
    )
    plain = public(store, store.find("customer", "cus_1") or {})

    assert "subscriptions" not in plain
    shown = expand(store, plain, ["subscriptions", "tax_ids"])
    assert [one["id"] for one in shown["subscriptions"]["data"]] == ["sub_1"]
    assert shown["tax_ids"]["data"] == []


def test_a_charge_shows_its_own_refunds(store: Store) -> None:
    for identifier, owner in (("re_1", "ch_1"), ("re_2", "ch_2")):
        store.put({"object": "refund", "id": identifier, "charge": owner})
    charge = {"object": "charge", "id": "ch_1"}

    shown = expand(store, charge, ["refunds"])

    assert [one["id"] for one in shown["refunds"]["data"]] == ["re_1"]
    assert shown["refunds"]["url"] == "/v1/charges/ch_1/refunds"


def test_tiers_are_hidden_until_expanded(store: Store) -> None:
    price = {"object": "price", "id": "price_1", "tiers": [{"up_to": None}]}
    store.put(price)

    shown = public(store, price)

    assert "tiers" not in shown
    assert expand(store, shown, ["tiers"])["tiers"] == [{"up_to": None}]

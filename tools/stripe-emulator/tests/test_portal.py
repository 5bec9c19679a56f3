"""The billing portal: what a configuration allows, and where a flow leads."""

from typing import Any

import httpx
import pytest
import stripe

from shopping import Shop
from stripe_emulator.testing import StripeEmulator


@pytest.fixture
def member(shop: Shop) -> Any:
    """A customer who holds the small plan."""
    customer = shop.customer()
    shop.subscribe(customer.id)
    return customer


def plan(shop: Shop) -> Any:
    (found,) = shop.client.v1.subscriptions.list({"status": "all"}).data
    return found


def configured(shop: Shop, **features: Any) -> str:
    made = shop.client.v1.billing_portal.configurations.create({"features": features})
    return str(made.id)


def link(shop: Shop, customer: Any, **params: Any) -> str:
    session = shop.client.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://shop.test/", **params}
    )
    return str(session.url)


def switching(shop: Shop, **changes: Any) -> dict[str, Any]:
    return {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": [
            {"product": shop.product.id, "prices": [shop.small.id, shop.large.id]}
        ],
        **changes,
    }


def test_without_a_configuration_there_is_one_of_the_account(
    shop: Shop, member: Any
) -> None:
    v1 = shop.client.v1.billing_portal

    first = v1.sessions.create({"customer": member.id})
    second = v1.sessions.create({"customer": member.id})

    (default,) = v1.configurations.list().data
    assert default.is_default
    assert first.configuration == second.configuration == default.id
    assert first.url != second.url


def test_a_configuration_changes_what_it_names(shop: Shop) -> None:
    configurations = shop.client.v1.billing_portal.configurations
    made = configurations.create(
        {
            "features": {"invoice_history": {"enabled": False}},
            "business_profile": {"headline": "Your plan"},
        }
    )

    changed = configurations.update(
        made.id, {"active": False, "features": {"customer_update": {"enabled": False}}}
    )

    assert changed.features.invoice_history.enabled is False
    assert changed.features.customer_update.enabled is False
    assert changed.features.subscription_cancel.enabled is True
    assert changed.business_profile.headline == "Your plan"
    assert [one.id for one in configurations.list({"active": False}).data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        configured(
            shop,
            subscription_update=switching(
                shop, products=[{"product": shop.product.id, "prices": ["price_no"]}]
            ),
        )


def test_home_shows_plan_card_and_invoices(shop: Shop, member: Any) -> None:
    page = httpx.get(link(shop, member)).text

    assert "Team" in page
    assert "$100.00" in page
    assert "Visa •••• 4242" in page
    assert f"{member.invoice_prefix}-0001" in page
    assert 'href="http://shop.test/"' in page


def test_a_customer_without_anything_is_told_so(shop: Shop) -> None:
    page = httpx.get(link(shop, shop.customer(card=None))).text

    for sentence in ("You have no plan.", "No card on file.", "No invoices yet."):
        assert sentence in page


@pytest.mark.parametrize(
    ("feature", "action", "form"),
    [
        ("payment_method_update", "card", {"card": "success"}),
        ("customer_update", "details", {"name": "Eve"}),
        ("subscription_cancel", "cancel/{plan}", {"feedback": "unused"}),
        ("subscription_update", "switch/{plan}", {"price": "{large}"}),
    ],
)
def test_what_is_switched_off_cannot_be_posted_either(
    shop: Shop,
    stripe_emulator: StripeEmulator,
    member: Any,
    feature: str,
    action: str,
    form: dict[str, str],
) -> None:
    features: Any = {feature: {"enabled": False}}
    if feature == "customer_update":
        features[feature]["allowed_updates"] = []
    opened = link(shop, member, configuration=configured(shop, **features))
    held = plan(shop)
    before = shop.client.v1.customers.retrieve(member.id).to_dict()
    filled = {name: value.format(large=shop.large.id) for name, value in form.items()}

    answer = stripe_emulator.portal_post(opened, action.format(plan=held.id), **filled)

    assert answer.status_code == 404
    assert shop.client.v1.customers.retrieve(member.id).to_dict() == before
    assert plan(shop).to_dict() == held.to_dict()


def test_details_are_saved_as_far_as_they_may(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    only_name = configured(
        shop, customer_update={"enabled": True, "allowed_updates": ["name"]}
    )
    opened = link(shop, member, configuration=only_name)

    saved = stripe_emulator.portal_post(
        opened, "details", name=" Ada ", email="new@example.test"
    )
    refused = stripe_emulator.portal_post(link(shop, member), "details", email="none")

    assert (saved.status_code, refused.status_code) == (303, 400)
    found = shop.client.v1.customers.retrieve(member.id)
    assert (found.name, found.email) == ("Ada", "buyer@example.test")
    assert "Your details are saved." in httpx.get(f"{opened}?done=details").text


def test_a_portal_may_end_a_plan_at_once_and_give_back(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    at_once = configured(
        shop,
        subscription_cancel={
            "enabled": True,
            "mode": "immediately",
            "proration_behavior": "create_prorations",
        },
    )
    opened = link(shop, member, configuration=at_once)

    assert "ends at once" in httpx.get(f"{opened}/cancel/{plan(shop).id}").text
    stripe_emulator.portal_post(opened, f"cancel/{plan(shop).id}", feedback="unused")

    assert plan(shop).status == "canceled"
    (credit,) = shop.client.v1.invoice_items.list({"customer": member.id}).data
    assert credit.amount == pytest.approx(-10000, abs=2)


def test_a_reason_that_is_none_of_the_choices_is_dropped(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    stripe_emulator.portal_post(
        link(shop, member), f"cancel/{plan(shop).id}", feedback="<script>"
    )

    assert plan(shop).cancellation_details.feedback is None


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("payment_method_update", "/card"),
        ("subscription_cancel", "/cancel/{plan}"),
        ("subscription_update", "/switch/{plan}"),
    ],
)
def test_a_flow_opens_its_own_page(
    shop: Shop, member: Any, kind: str, path: str
) -> None:
    held = plan(shop).id
    flow: dict[str, Any] = {"type": kind}
    if kind.startswith("subscription"):
        flow[kind] = {"subscription": held}
    opened = link(
        shop,
        member,
        flow_data=flow,
        configuration=configured(shop, subscription_update=switching(shop)),
    )

    answer = httpx.get(opened)

    assert answer.status_code == 303
    assert answer.headers["location"].endswith(path.format(plan=held))
    assert httpx.get(opened, follow_redirects=True).status_code == 200
    # Once it is done, home is home.
    assert httpx.get(f"{opened}?done=card").status_code == 200


def test_a_flow_leads_back_to_the_shop_when_it_says_so(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    opened = link(
        shop,
        member,
        flow_data={
            "type": "subscription_cancel",
            "subscription_cancel": {"subscription": plan(shop).id},
            "after_completion": {
                "type": "redirect",
                "redirect": {"return_url": "http://shop.test/bye"},
            },
        },
    )

    answer = stripe_emulator.portal_post(opened, f"cancel/{plan(shop).id}")

    assert answer.headers["location"] == "http://shop.test/bye"


def test_a_flow_is_about_a_plan_of_ones_own(shop: Shop, member: Any) -> None:
    stranger = shop.customer()
    held = plan(shop).id

    with pytest.raises(stripe.InvalidRequestError, match="another customer"):
        link(
            shop,
            stranger,
            flow_data={
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": held},
            },
        )
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param"):
        link(shop, member, flow_data={"type": "subscription_update"})


def test_a_confirmed_change_shows_what_it_costs(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    held = plan(shop)
    opened = link(
        shop,
        member,
        configuration=configured(shop, subscription_update=switching(shop)),
        flow_data={
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {
                "subscription": held.id,
                "items": [
                    {
                        "id": held["items"].data[0].id,
                        "price": shop.large.id,
                        "quantity": 2,
                    }
                ],
            },
        },
    )

    page = httpx.get(opened, follow_redirects=True)
    stripe_emulator.portal_post(opened, f"switch/{held.id}")

    assert page.status_code == 200
    assert "Total due today" in page.text
    (item,) = plan(shop)["items"].data
    assert (item.price.id, item.quantity) == (shop.large.id, 2)


def test_seats_are_chosen_within_their_limits(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    seats = switching(
        shop,
        default_allowed_updates=["price", "quantity"],
        products=[
            {
                "product": shop.product.id,
                "prices": [shop.small.id],
                "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 5},
            }
        ],
    )
    opened = link(
        shop, member, configuration=configured(shop, subscription_update=seats)
    )
    held = plan(shop).id

    refused = stripe_emulator.portal_post(
        opened, f"switch/{held}", price=shop.small.id, quantity="6"
    )
    assert refused.status_code == 400
    assert plan(shop)["items"].data[0].quantity == 1
    stripe_emulator.portal_post(
        opened, f"switch/{held}", price=shop.small.id, quantity="5"
    )

    assert plan(shop)["items"].data[0].quantity == 5


def test_a_switch_that_is_not_paid_for_does_not_happen(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    shop.use_card(member.id, "pm_card_chargeCustomerFail")
    opened = link(
        shop,
        member,
        configuration=configured(shop, subscription_update=switching(shop)),
    )

    refused = stripe_emulator.portal_post(
        opened, f"switch/{plan(shop).id}", price=shop.large.id
    )

    assert refused.status_code == 402
    assert 'role="alert"' in refused.text
    assert plan(shop)["items"].data[0].price.id == shop.small.id


def test_a_price_that_is_not_offered_cannot_be_chosen(
    shop: Shop, stripe_emulator: StripeEmulator, member: Any
) -> None:
    cheap = shop.client.v1.prices.create(
        {
            "product": shop.product.id,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {"interval": "month"},
        }
    )
    opened = link(
        shop,
        member,
        configuration=configured(shop, subscription_update=switching(shop)),
    )

    refused = stripe_emulator.portal_post(
        opened, f"switch/{plan(shop).id}", price=cheap.id
    )

    assert refused.status_code == 404
    assert plan(shop)["items"].data[0].price.id == shop.small.id


def test_another_sites_form_changes_nothing(shop: Shop, member: Any) -> None:
    opened = link(shop, member)

    for action in ("card", "details", f"cancel/{plan(shop).id}"):
        refused = httpx.post(
            f"{opened}/{action}",
            data={"card": "success", "name": "Eve"},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert refused.status_code == 403
    assert not plan(shop).cancel_at_period_end
    assert shop.client.v1.customers.retrieve(member.id).name is None

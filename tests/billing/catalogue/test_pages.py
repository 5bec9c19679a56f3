"""Plans by web: written, looked at, published as shown, kept by who bought before."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Record
from billing.plans import drafts
from billing.plans.exceptions import DraftChanged, NoDraft
from billing.plans.models import Plan, PlanVersion, Price
from billing.plans.queries import offer_for
from billing.plans.services import ensure_default_plans
from billing.subscriptions.models import Subscription
from core.money import NANO
from entitlements.queries import entitlements_for, terms_for
from entitlements.usage_price import Mode
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db
TERMS = {
    "collection": "charge_automatically",
    "currency": "usd",
    "month": "24.00",
    "year": "240.00",
    "seat_min": "1",
    "seat_max": "1",
    "trial_days": "0",
    "premium_models": "on",
    "allowance": "25.00",
    "usage_mode": "flat",
    "overage_percent": "120",
    "requests_per_minute": "300",
    "tokens_per_minute": "300000",
    "concurrent_requests": "16",
}


@pytest.fixture
def staff(person: Callable[..., Any], client: Client) -> User:
    ensure_default_plans()
    found: User = person("sam", is_staff=True)
    EmailAddress.objects.get_or_create(
        user=found, email=found.email, verified=True, primary=True
    )
    client.post("/accounts/login/", {"login": found.email, "password": "correct horse"})
    return found


def page(plan: str, rest: str = "") -> str:
    return f"/staff/plans/{plan}/{rest}"


def shown(client: Client, plan: str = "pro", **terms: str) -> Any:
    """Save a draft and return the page that shows what it changes."""
    answer = client.post(page(plan, "draft/"), TERMS | terms)
    assert answer.status_code == 302, answer.context["form"].errors
    return client.get(answer["Location"])


def published(client: Client, seen: Any, **fields: str) -> Any:
    sent = {"fingerprint": seen.context["fingerprint"], "reason": "Dearer models"}
    return client.post(page(seen.context["plan"].key, "publish/"), sent | fields)


def test_what_changes_is_shown_before_it_is_sold_and_audited_after(
    client: Client, staff: User
) -> None:
    seen = shown(client)

    said = seen.content.decode()
    changed = [
        str(each.label) for each in seen.context["differences"] if each.is_change
    ]
    assert changed == [
        *("Price of a month", "Price of a year", "Usage included per month"),
        "Usage beyond it",
    ]
    assert "<del>$20.00</del>" in said
    assert "<strong>$24.00</strong>" in said
    assert offer_for("pro").version.version == 1
    assert published(client, seen).status_code == 302
    version = offer_for("pro").version
    assert (version.version, version.overage_percent) == (2, 120)
    assert offer_for("pro").prices["year"].unit_amount == 24_000
    line = Record.objects.get(action="plan.published")
    assert line.after is not None
    assert line.before is not None
    assert (line.actor_id, line.after["reason"]) == (staff.pk, "Dearer models")
    assert (line.before["prices"]["month"], line.after["prices"]["month"]) == (
        2_000,
        2_400,
    )


def test_a_draft_that_was_changed_meanwhile_is_not_published(
    client: Client, staff: User
) -> None:
    seen = shown(client)
    shown(client, month="29.00")

    answer = published(client, seen)

    assert answer.status_code == 409
    said = answer.content.decode()
    assert "The draft was changed meanwhile" in said
    assert "$29.00" in said
    assert 'value="Dearer models"' in said
    assert offer_for("pro").version.version == 1
    assert published(client, answer).status_code == 302
    assert offer_for("pro").prices["month"].unit_amount == 2_900


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_publish_at_once_one_does(client: Client, staff: User) -> None:
    seen = shown(client)
    plan = Plan.objects.get(key="pro")
    publish = partial(
        drafts.publish_draft,
        plan,
        fingerprint=seen.context["fingerprint"],
        reason="Now",
        by=staff,
    )

    came = together(*[publish] * 8)

    assert sum(isinstance(each, PlanVersion) for each in came) == 1
    assert sum(isinstance(each, NoDraft) for each in came) == 7
    assert plan.versions.count() == 2


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("month", "-1"),
        ("month", "0"),
        ("seat_max", "0"),
        ("overage_percent", "1001"),
        ("trial_days", "731"),
        ("allowance", ""),
        ("requests_per_minute", "0"),
        ("collection", "free"),
        ("currency", "xxx"),
    ],
)
def test_terms_that_cannot_be_are_said_by_field_and_lose_nothing(
    client: Client, staff: User, field: str, typed: str
) -> None:
    answer = client.post(page("pro", "draft/"), {**TERMS, field: typed})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert 'value="240.00"' in answer.content.decode()
    assert not PlanVersion.objects.filter(published_at=None).exists()


def test_yen_have_no_smaller_unit_and_what_is_sold_has_a_price(
    client: Client, staff: User
) -> None:
    half = client.post(
        page("pro", "draft/"), {**TERMS, "currency": "jpy", "year": "1.5"}
    )
    assert list(half.context["form"].errors) == ["year"]
    none = client.post(page("pro", "draft/"), {**TERMS, "month": "", "year": ""})
    assert list(none.context["form"].errors) == ["month"]
    mailed = {**TERMS, "collection": "send_invoice", "trial_days": "7"}
    trial = client.post(page("pro", "draft/"), mailed)
    assert list(trial.context["form"].errors) == ["trial_days"]

    shown(client, currency="jpy", month="2400", year="24000")

    prices = Price.objects.filter(plan_version__published_at=None)
    assert set(prices.values_list("unit_amount", flat=True)) == {2_400, 24_000}


def test_a_draft_shows_again_what_it_says(client: Client, staff: User) -> None:
    shown(client, month="31.50", overage_percent="150", trial_days="7")

    said = client.get(page("pro", "draft/")).content.decode()

    for value in ("31.50", "150", "25.00"):
        assert f'value="{value}"' in said
    client.post(page("pro", "drop/"))
    assert not PlanVersion.objects.filter(published_at=None).exists()
    assert 'value="20.00"' in client.get(page("pro", "draft/")).content.decode()


TIERED = {"usage_mode": "volume", "tiers": "100: 120\n500: 100\n*: 80"}


def test_tiers_are_written_shown_in_words_and_worked_out(
    client: Client, staff: User
) -> None:
    seen = shown(client, **TIERED)

    said = seen.content.decode()
    told = "If usage beyond it is from $100.00 to $500.00: all of it at 100 %"
    assert told in said
    sums = {each.usage_nano: each.charge_nano for each in seen.context["examples"]}
    assert sums[500 * NANO] == 500 * NANO
    assert sums[501 * NANO] == 501 * NANO * 80 // 100
    assert "$400.80" in said
    again = client.get(page("pro", "draft/")).content.decode()
    assert "100: 120\n500: 100\n*: 80" in again
    assert published(client, seen).status_code == 302
    version = offer_for("pro").version
    assert (version.usage_price.mode, version.overage_percent) == (Mode.VOLUME, 0)
    pricing = client.get("/pricing/").content.decode()
    assert told in pricing
    assert "$400.80" in pricing
    plan = client.get("/api/v1/plans/").json()["results"]
    prices = {each["key"]: each["usage_price"] for each in plan}
    assert prices["pro"]["mode"] == "volume"
    assert [tier["percent"] for tier in prices["pro"]["tiers"]] == [120, 100, 80]
    assert prices["free"]["tiers"] == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"usage_mode": "graduated", "tiers": "100: 120"}, "tiers"),
        ({"usage_mode": "flat", "overage_percent": ""}, "overage_percent"),
        ({"usage_mode": "package", "package_size": "10"}, "package_price"),
        ({"usage_mode": "stairs"}, "usage_mode"),
    ],
)
def test_a_price_of_usage_that_cannot_be_is_said_by_field(
    client: Client, staff: User, typed: dict[str, str], field: str
) -> None:
    answer = client.post(page("pro", "draft/"), TERMS | typed)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    if "tiers" in typed:
        assert ">\n100: 120</textarea>" in answer.content.decode()


def test_packages_are_shown_again_as_they_were_written(
    client: Client, staff: User
) -> None:
    shown(client, usage_mode="package", package_size="10.00", package_price="9.50")

    said = client.get(page("pro", "draft/")).content.decode()

    assert 'value="10.00"' in said
    assert 'value="9.50"' in said
    draft = drafts.draft_of(Plan.objects.get(key="pro"))
    assert draft is not None
    assert draft.usage_price.charge_of(10 * NANO + 1) == 19 * NANO


def test_who_bought_before_keeps_their_terms(
    client: Client,
    staff: User,
    shop: StripeEmulator,
    person: Callable[..., Any],
    buy: Callable[..., Any],
) -> None:
    ada, ben = person("ada"), person("ben")
    old: Subscription = buy(ada.memberships.get().organisation, ada)

    seen = shown(client)
    assert "1 organisation has this plan and keeps" in seen.content.decode()
    assert published(client, seen).status_code == 302

    new: Subscription = buy(ben.memberships.get().organisation, ben)
    assert old.price is not None
    assert new.price is not None
    assert (old.price.unit_amount, new.price.unit_amount) == (2_000, 2_400)
    assert entitlements_for(old.organisation_id).monthly_allowance_nano == 20 * 10**9
    assert terms_for(old.organisation_id).overage_percent == 0
    assert terms_for(new.organisation_id).overage_percent == 120
    at_stripe = shop.client().v1.prices.retrieve(new.price.stripe_price_id or "")
    assert at_stripe.unit_amount == 2_400
    rows = client.get("/staff/plans/").context["rows"]
    counts = {row.plan.key: (row.having, row.having_older) for row in rows}
    assert counts["pro"] == (1, 1)


def test_a_plan_is_published_without_stripe_and_sold_when_it_is_back(
    client: Client, staff: User, shop: StripeEmulator, settings: Any
) -> None:
    seen = shown(client)
    address, settings.STRIPE_API_BASE = settings.STRIPE_API_BASE, "http://127.0.0.1:9"

    answer = published(client, seen)

    assert answer.status_code == 302
    said = client.get(page("pro")).content.decode()
    assert "Stripe did not answer" in said
    settings.STRIPE_API_BASE = address
    assert offer_for("pro").prices["month"].stripe_price_id is None


def test_a_new_plan_is_seen_by_nobody_until_it_is_published(
    client: Client, staff: User, shop: StripeEmulator
) -> None:
    wanted = {
        "name": "Studio",
        "key": "studio",
        "summary": "For two",
        "edition": "premium",
        "tier_rank": "15",
    }
    made = client.post("/staff/plans/new/", wanted)
    assert made["Location"] == page("studio", "draft/")
    again = client.post("/staff/plans/new/", wanted)
    assert set(again.context["form"].errors) == {"key", "tier_rank"}
    assert "Studio" not in client.get("/pricing/").content.decode()

    published(client, shown(client, "studio", seat_min="2", seat_max="5"))

    pricing = client.get("/pricing/").content.decode()
    assert "Studio" in pricing
    assert "at 120 % of the model" in pricing
    assert offer_for("studio").prices["month"].kind == "seat"
    assert offer_for("studio").features.seats == 2
    client.post(page("studio"), {"name": "Studio", "summary": "For two"})
    assert "Studio" not in client.get("/pricing/").content.decode()
    assert Record.objects.filter(action="plan.changed").exists()


def test_an_archived_plan_is_not_sold_and_stays_with_who_has_it(
    client: Client,
    staff: User,
    person: Callable[..., Any],
    buy: Callable[..., Any],
) -> None:
    ada = person("ada")
    row: Subscription = buy(ada.memberships.get().organisation, ada)
    without = client.post(page("pro", "archive/"), {"reason": ""})
    assert without.status_code == 422
    assert offer_for("pro")

    assert (
        client.post(page("pro", "archive/"), {"reason": "Too cheap"}).status_code == 302
    )

    assert not Plan.objects.get(key="pro").versions.on_offer().exists()
    assert entitlements_for(row.organisation_id).plan == "pro"
    line = Record.objects.get(action="plan.archived")
    assert (line.target, line.after) == ("pro", {"reason": "Too cheap"})
    # It comes back with the terms it had.
    assert 'value="20.00"' in client.get(page("pro", "draft/")).content.decode()


def test_what_everybody_has_is_neither_published_nor_archived(
    client: Client, staff: User
) -> None:
    answer = client.post(page("free", "draft/"), TERMS)
    assert answer.status_code == 422
    assert "what everybody has" in answer.content.decode()
    gone = client.post(page("free", "archive/"), {"reason": "No"})
    assert gone.status_code == 422
    assert Plan.objects.get(key="free").versions.on_offer().exists()


def test_a_plan_has_one_draft_and_published_terms_are_final(staff: User) -> None:
    plan = Plan.objects.get(key="pro")
    values = {"plan": plan, "features": {}, "collection": "send_invoice"}
    PlanVersion.objects.create(version=8, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlanVersion.objects.create(version=9, **values)
    offered = drafts.offered_of(plan)
    assert offered is not None
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        PlanVersion.objects.filter(pk=offered.pk).update(overage_percent=5)
    with pytest.raises(DraftChanged):
        drafts.publish_draft(plan, fingerprint="x", reason="No", by=staff)


def test_the_list_asks_as_often_with_many_plans_as_with_four(
    client: Client, staff: User, django_assert_max_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as few:
        client.get("/staff/plans/")
    for number in range(12):
        Plan.objects.create(
            key=f"p{number}", name="P", edition="premium", tier_rank=100 + number
        )

    with django_assert_max_num_queries(len(few)):
        client.get("/staff/plans/")


def test_only_staff_see_the_pages(client: Client, person: Callable[..., Any]) -> None:
    ensure_default_plans()
    client.force_login(person("ada"))

    for rest in ("", "pro/", "new/", "pro/draft/", "pro/publish/"):
        assert client.get(f"/staff/plans/{rest}").status_code == 403

"""Plans are written once and their terms are final."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from billing.plans import services
from billing.plans.defaults import DEFAULT_PLANS
from billing.plans.exceptions import PlanNotOnOffer
from billing.plans.models import Plan, PlanVersion, Price
from billing.plans.queries import offer_for, offers
from billing.plans.services import ensure_default_plans, publish_version
from core.money import NANO
from entitlements.features import FREE, Features

pytestmark = pytest.mark.django_db


def test_the_default_plans_are_written_once() -> None:
    first = ensure_default_plans()
    second = ensure_default_plans()

    assert {k: v.pk for k, v in first.items()} == {k: v.pk for k, v in second.items()}
    assert Plan.objects.count() == 4
    assert PlanVersion.objects.count() == 4
    assert Price.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_default_plans_that_cannot_all_be_written_are_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Those before it are whole by then.
    *others, last = DEFAULT_PLANS
    monkeypatch.setattr(
        services, "DEFAULT_PLANS", [*others, replace(last, tier_rank=-1)]
    )

    with pytest.raises(IntegrityError):
        ensure_default_plans()

    assert not Plan.objects.exists()
    assert not PlanVersion.objects.exists()


def test_the_free_plan_grants_what_everybody_has() -> None:
    version = ensure_default_plans()["free"]

    assert version.features_for(1) == FREE


def test_seats_and_their_allowance_go_with_the_number_bought() -> None:
    features = ensure_default_plans()["team"].features_for(7)

    assert (features.seats, features.monthly_allowance_nano) == (7, 175 * NANO)


def test_a_plan_an_operator_changed_is_left_alone() -> None:
    plan = ensure_default_plans()["pro"].plan
    publish_version(
        plan,
        features=Features(plan="pro", premium_models=True),
        prices={"month": 3_000},
        collection="charge_automatically",
    )

    version = ensure_default_plans()["pro"]

    assert (version.version, version.prices.get().unit_amount) == (2, 3_000)
    assert PlanVersion.objects.filter(plan=plan, retired_at=None).count() == 1
    assert version.prices.get().lookup_key == "pro_v2_month_usd"


@pytest.mark.parametrize(
    "change",
    [
        {"features": {"plan": "pro"}},
        {"seat_max": 5},
        {"trial_days": 30},
        {"trial_needs_card": False},
        {"version": 9},
        {"published_at": None},
        {"collection": "free"},
    ],
)
def test_published_terms_cannot_be_changed(change: dict[str, object]) -> None:
    version = ensure_default_plans()["pro"]

    with pytest.raises(DatabaseError), transaction.atomic():
        PlanVersion.objects.filter(pk=version.pk).update(**change)

    version.refresh_from_db()
    assert version.features_for(1).premium_models is True


def test_what_was_published_stays() -> None:
    version = ensure_default_plans()["free"]

    with pytest.raises(DatabaseError), transaction.atomic():
        version.delete()

    assert PlanVersion.objects.filter(pk=version.pk).exists()


def test_a_price_keeps_its_amount_and_may_learn_its_id() -> None:
    price = ensure_default_plans()["pro"].prices.get(interval="month")

    Price.objects.filter(pk=price.pk).update(stripe_price_id="price_1")
    with pytest.raises(DatabaseError), transaction.atomic():
        Price.objects.filter(pk=price.pk).update(unit_amount=1)

    price.refresh_from_db()
    assert (price.unit_amount, price.stripe_price_id) == (2_000, "price_1")


def test_one_version_is_on_offer_at_a_time() -> None:
    version = ensure_default_plans()["pro"]

    with pytest.raises(IntegrityError), transaction.atomic():
        PlanVersion.objects.create(
            plan=version.plan,
            version=2,
            features=version.features,
            collection=version.collection,
            published_at=version.published_at,
        )


def test_hidden_plans_are_not_offered() -> None:
    ensure_default_plans()
    Plan.objects.filter(key="enterprise").update(is_public=False)

    assert [offer.plan.key for offer in offers()] == ["free", "pro", "team"]


def test_an_unknown_plan_is_not_on_offer() -> None:
    with pytest.raises(PlanNotOnOffer):
        offer_for("gold")

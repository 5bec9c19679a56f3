"""The pages on which a plan is ended and kept, and what is offered instead."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Record
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.stripe import changes
from billing.subscriptions import ending, mirror, offers
from billing.subscriptions.models import Cancellation, Subscription
from entitlements.queries import entitlements_for
from tests.billing.subscriptions.plan_pages import again, confirmed, console, shown
from tests.factories.billing import grant_of
from tests.factories.growth import keep_nobody_out
from tests.fakes.stripe_emulator import StripeEmulator


def test_a_plan_ends_with_its_period_and_can_be_kept(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    keep_nobody_out()
    page = console(team, "cancel/")
    asked_why = ada.get(page).content.decode()
    assert "Why do you leave?" in asked_why
    assert ada.post(page, {"reason": ""}).status_code == 400
    said = {"reason": "too_expensive", "comment": "No budget."}
    offered = ada.post(page, said).content.decode()
    assert "Keep the plan with 2 seats" in offered
    # Red is the button that ends it, and no other.
    assert ("button--danger" in asked_why, "button--danger" in offered) == (False, True)
    assert again(team).cancel_at_period_end is False

    ada.post(page, said | {"sure": "1"})

    row = again(team)
    assert row.cancel_at_period_end is True
    asked = Cancellation.objects.get()
    assert (asked.reason, asked.offer) == ("too_expensive", "fewer_seats")
    details = shop.client().v1.subscriptions.retrieve(row.stripe_id)
    assert details.cancellation_details is not None
    assert details.cancellation_details.feedback == "too_expensive"
    assert "Keep the plan" in ada.get(console(team)).content.decode()
    ada.post(console(team, "keep/"))
    assert again(team).cancel_at_period_end is False
    asked.refresh_from_db()
    assert asked.reactivated_at is not None
    actions = Record.objects.filter(action__startswith="subscription.")
    assert list(actions.order_by("pk").values_list("action", flat=True)) == [
        "subscription.cancelled",
        "subscription.kept",
    ]


@pytest.mark.parametrize(
    ("given_until", "said"),
    [
        (None, "Community"),
        ("for ever", "Pro"),
        (timedelta(days=1), "Pro"),
        # Over when the period is: it is not what goes on.
        (timedelta(), "Community"),
        (timedelta(days=-1), "Community"),
    ],
)
def test_the_page_that_ends_a_plan_names_the_one_that_goes_on(
    team: Subscription, ada: Client, given_until: Any, said: str
) -> None:
    if given_until is not None:
        given = grant_of(team.organisation)
        if isinstance(given_until, timedelta):
            assert team.period_end is not None
            given.ends_at = team.period_end + given_until
            given.save()

    page = ada.get(console(team, "cancel/")).content.decode()

    assert f"goes on with the plan {said};" in page


def test_the_plan_that_goes_on_has_the_name_that_staff_gave_it(
    team: Subscription, ada: Client
) -> None:
    Plan.objects.filter(key="free").update(name="Garden")

    page = ada.get(console(team, "cancel/")).content.decode()

    assert "goes on with the plan Garden;" in page


def test_an_answer_that_was_overtaken_is_not_written_over_what_came_after(
    shop: StripeEmulator, team: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = changes.set_ending

    def overtaken(*given: Any, **named: Any) -> Any:
        """While the answer is on its way the plan ends, and a webhook tells of it."""
        answered = real(*given, **named)
        shop.client().v1.subscriptions.cancel(team.stripe_id)
        mirror.sync_subscription(team.stripe_id)
        return answered

    monkeypatch.setattr(changes, "set_ending", overtaken)
    assert team.user is not None
    row = ending.end_plan(
        team.organisation, by=team.user, reason="unused", comment="", offer=""
    )

    assert row.status == "canceled"
    assert entitlements_for(team.organisation_id).plan == "free"


def test_the_end_drops_what_was_to_come(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    confirmed(ada, shown(ada, team, seats="3"))

    ada.post(console(team, "cancel/"), {"reason": "unused", "sure": "1"})

    row = again(team)
    assert (row.cancel_at_period_end, row.next_at) == (True, None)


def test_who_left_lately_is_shown_the_way_back(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    shop.client().v1.subscriptions.cancel(team.stripe_id)
    again(team)

    page = ada.get(console(team)).content.decode()

    assert "Come back to it" in page
    assert "interval=month&amp;seats=5" in page
    Subscription.objects.update(ended_at=timezone.now() - timedelta(days=91))
    assert "Come back to it" not in ada.get(console(team)).content.decode()


@pytest.mark.parametrize(
    ("plan", "seats", "reason", "members", "kind"),
    [
        ("team", 5, "too_expensive", 3, "fewer_seats"),
        ("team", 5, "unused", 5, "smaller_plan"),
        ("team", 2, "too_expensive", 1, "smaller_plan"),
        ("pro", 1, "too_expensive", 1, "yearly"),
        ("pro", 1, "missing_features", 1, "talk"),
        ("team", 5, "customer_service", 1, "talk"),
        ("team", 5, "switched_service", 1, None),
        ("team", 5, "other", 1, None),
    ],
)
def test_an_offer_fits_what_was_said(
    shop: StripeEmulator,
    plan: str,
    seats: int,
    reason: str,
    members: int,
    kind: str | None,
) -> None:
    row = Subscription(price=offer_for(plan).prices["month"], seats=seats)

    found = offers.fitting(
        offers.Situation(subscription=row, reason=reason, members=members)
    )

    assert (found.kind if found else None) == kind


def test_the_portal_neither_changes_nor_ends_a_plan(
    shop: StripeEmulator, team: Subscription
) -> None:
    found = shop.client().v1.billing_portal.configurations.list().data[0].features

    assert found.subscription_cancel.enabled is False
    assert found.subscription_update.enabled is False
    assert found.payment_method_update.enabled is True

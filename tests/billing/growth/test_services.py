"""What becomes of an offer once it was made."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from billing.credits.models import CreditGrant
from billing.growth import holdout, mailing, services
from billing.growth.deciding import DecisionUnit
from billing.growth.exceptions import NotYoursToAccept, OfferNotReady, OfferOver
from billing.growth.mailing import send_offers
from billing.growth.models import Cost, Decision, Exposure, Offer
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.plans.services import ensure_default_plans
from billing.subscriptions.models import StaffGrant
from core.money import NANO
from entitlements.queries import entitlements_for, hint_for
from notifications.models import EmailMessage, Kind, Notification
from notifications.services import set_preferences
from tests.factories.accounts import with_seats
from tests.races import together

pytestmark = pytest.mark.django_db
MOMENT = Moment.THIRD_ANSWER
Person = Callable[..., Any]
Making = Callable[..., Offer]


def offer_to(user: Any, occasion: str = "1") -> Decision:
    """Return what was decided for a person, by the door."""
    unit = DecisionUnit(personal_organisation(user).pk, user.pk)
    return Decision.objects.get(pk=occur(MOMENT, unit, occasion=occasion).id)


def trial(offered: Making, **fields: Any) -> Offer:
    ensure_default_plans()
    values = {"plan": "pro", "days": 7, "cost_nano": 10**9, "budget_nano": 10**10}
    return offered("trial", kind=Offer.Kind.PREMIUM_TRIAL, **{**values, **fields})


def test_an_accepted_trial_is_in_force_and_ends(
    person: Person, offered: Making
) -> None:
    trial(offered)
    ada = person("ada")
    decision = offer_to(ada)

    accepted = services.accept_offer(decision.uuid, by=ada)

    grant = StaffGrant.objects.get()
    assert entitlements_for(decision.organisation_id).premium_models
    assert grant.ends_at == accepted.in_force_until
    assert grant.ends_at is not None
    assert timedelta(days=6.9) < grant.ends_at - timezone.now() <= timedelta(days=7)
    assert (accepted.accepted_by, accepted.seen_at is not None) == (ada, True)
    with pytest.raises(OfferOver):
        services.accept_offer(decision.uuid, by=ada)
    assert StaffGrant.objects.count() == 1


def test_an_offer_is_accepted_by_whom_it_is_for(
    person: Person, offered: Making
) -> None:
    trial(offered)
    ada, eve = person("ada"), person("eve")
    decision = offer_to(ada)

    with pytest.raises(Decision.DoesNotExist):
        services.accept_offer(decision.uuid, by=eve)
    with pytest.raises(Decision.DoesNotExist):
        services.dismiss_offer(decision.uuid, by=eve)
    assert not services.record_exposure(decision.uuid, user=eve, surface="console")

    decision.refresh_from_db()
    assert decision.accepted_at is decision.dismissed_at is decision.seen_at is None


def test_a_member_cannot_start_a_trial_for_the_team(
    person: Person, offered: Making
) -> None:
    trial(offered)
    ada, ben = person("ada"), person("ben")
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    row = occur(MOMENT, DecisionUnit(team.pk, ben.pk), occasion="1")

    with pytest.raises(NotYoursToAccept):
        services.accept_offer(row.uuid, by=ben)

    assert not StaffGrant.objects.exists()
    assert Decision.objects.get().accepted_at is None


def test_what_is_over_cannot_be_accepted(person: Person, offered: Making) -> None:
    offered("talk")
    ada = person("ada")
    decision = offer_to(ada)
    Decision.objects.update(expires_at=timezone.now())

    with pytest.raises(OfferOver):
        services.accept_offer(decision.uuid, by=ada)


def test_a_plan_that_is_not_sold_any_more_cannot_be_tried(
    person: Person, offered: Making
) -> None:
    trial(offered, plan="gone")
    ada = person("ada")
    decision = offer_to(ada)

    with pytest.raises(OfferNotReady):
        services.accept_offer(decision.uuid, by=ada)

    decision.refresh_from_db()
    assert decision.accepted_at is None


@pytest.mark.django_db(transaction=True)
def test_two_clicks_give_one_trial(person: Person, offered: Making) -> None:
    trial(offered)
    ada = person("ada")
    decision = offer_to(ada)

    came = together(*[lambda: services.accept_offer(decision.uuid, by=ada)] * 4)

    assert sorted(type(each).__name__ for each in came) == [
        "Decision",
        "OfferOver",
        "OfferOver",
        "OfferOver",
    ]
    assert StaffGrant.objects.count() == 1


def test_usage_during_a_trial_is_booked_to_it_once(
    person: Person, offered: Making
) -> None:
    trial(offered)
    ada = person("ada")
    decision = services.accept_offer(offer_to(ada).uuid, by=ada)
    organisation = decision.organisation_id
    within = timezone.now() + timedelta(days=1)
    outside = timezone.now() + timedelta(days=8)

    for window, name in ((within, "a"), (within, "a"), (outside, "b")):
        services.book_trial_usage(
            organisation, window=window, cost_nano=7, reference=name
        )

    cost = Cost.objects.get()
    assert (cost.amount_nano, cost.kind) == (7, "trial_usage")
    assert cost.decision == decision


def test_a_credit_is_given_once_and_booked_to_its_offer(
    person: Person, offered: Making
) -> None:
    offered(
        "gift",
        kind=Offer.Kind.CREDITS,
        credit_nano=5 * NANO,
        cost_nano=5 * NANO,
        budget_nano=10 * NANO,
    )
    ada = person("ada")
    uuid = offer_to(ada).uuid

    services.accept_offer(uuid, by=ada)
    with pytest.raises(OfferOver):
        services.accept_offer(uuid, by=ada)

    grant = CreditGrant.objects.get()
    assert (grant.amount_nano, grant.kind) == (5 * NANO, "promotion")
    assert grant.organisation == personal_organisation(ada)
    assert Cost.objects.get().amount_nano == 5 * NANO


def test_an_exposure_is_noted_once_for_each_surface(
    person: Person, offered: Making
) -> None:
    offered("talk", surfaces=["console", "pricing"])
    ada = person("ada")
    uuid = offer_to(ada).uuid

    seen = [
        services.record_exposure(uuid, user=ada, surface=surface)
        for surface in ("console", "console", "pricing")
    ]

    assert seen == [True, False, True]
    assert Exposure.objects.count() == 2
    assert (
        Decision.objects.get().seen_at == Exposure.objects.earliest("seen_at").seen_at
    )


def test_a_payment_after_it_is_noted_and_one_before_is_not(
    person: Person, offered: Making
) -> None:
    offered("talk")
    decision = offer_to(person("ada"))
    before = decision.decided_at - timedelta(seconds=1)
    after = decision.decided_at + timedelta(days=1)

    services.record_payment(decision.organisation_id, at=before)
    decision.refresh_from_db()
    assert decision.paid_at is None

    for at in (after, after + timedelta(days=30)):
        services.record_payment(decision.organisation_id, at=at)
    decision.refresh_from_db()
    assert decision.paid_at == after


NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 9, 1, 3, tzinfo=UTC)


def send_at(monkeypatch: pytest.MonkeyPatch, at: datetime) -> int:
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    return send_offers()


def test_an_offer_is_told_in_the_day_and_mailed_only_on_request(
    person: Person, offered: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered("talk", surfaces=["mail"])
    ada, ben = person("ada", locale="zh-hans"), person("ben")
    set_preferences(ben, {Kind.OFFERS.value: True})
    for user in (ada, ben):
        offer_to(user)
    Decision.objects.update(reach_at=NIGHT, expires_at=NOON + timedelta(days=5))
    EmailMessage.objects.all().delete()

    at_night = send_at(monkeypatch, NIGHT)
    by_day = send_at(monkeypatch, NOON)
    again = send_at(monkeypatch, NOON + timedelta(minutes=5))

    assert (at_night, by_day, again) == (0, 2, 0)
    assert Notification.objects.get(user=ada, kind=Kind.OFFERS).title == "标题"
    assert EmailMessage.objects.get().user == ben
    assert Decision.objects.exclude(reached_at=NOON).count() == 0


def test_who_said_no_after_the_decision_is_not_told(
    person: Person, offered: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered("talk", surfaces=["mail"])
    ada = person("ada")
    offer_to(ada)
    Decision.objects.update(reach_at=NIGHT, expires_at=NOON + timedelta(days=5))
    set_preferences(ada, {Kind.OFFERS.value: False})

    assert send_at(monkeypatch, NOON) == 0
    assert not Notification.objects.filter(kind=Kind.OFFERS).exists()


def test_refusals_of_the_gateway_hint_at_an_offer_while_it_stands(
    person: Person, offered: Making
) -> None:
    offered("talk", surfaces=["gateway"])
    ada = person("ada")

    decision = offer_to(ada)

    hint = hint_for(decision.organisation_id)
    assert hint is not None
    assert hint.text_zh == "标题：正文。"
    assert hint.url == f"http://testserver/_growth/offers/{decision.uuid}/?from=gateway"
    services.dismiss_offer(decision.uuid, by=ada)
    assert hint_for(decision.organisation_id) is None


def test_a_hint_keeps_away_from_a_team_with_somebody_held_out(
    person: Person,
    offered: Making,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offered("talk", surfaces=["gateway"])
    ada, ben = person("ada"), person("ben")
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    other = with_seats(create_organisation("Southwind", owner=ben), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    # Only the other team is held out.
    settings.GROWTH_HOLDOUT_PERCENT = 10
    monkeypatch.setattr(
        holdout, "place", lambda _salt, unit: 0.0 if unit == other.pk else 0.9
    )

    decided = occur(MOMENT, DecisionUnit(team.pk), occasion="1")

    assert decided.offer_id is not None
    assert hint_for(team.pk) is None


def test_what_was_put_away_before_the_mail_is_not_told(
    person: Person, offered: Making
) -> None:
    offered("talk", surfaces=["mail", "console"])
    ada = person("ada", time_zone="UTC")
    decision = offer_to(ada)
    noon = timezone.now().replace(hour=12)
    Decision.objects.update(reach_at=noon)

    # It was listed, and put away before its turn came.
    services.dismiss_offer(decision.uuid, by=ada)

    assert mailing._send(decision.pk, noon) == 0
    assert not Notification.objects.filter(kind=Kind.OFFERS).exists()


def test_what_can_cost_nothing_is_not_looked_for_when_offers_are_over(
    person: Person, offered: Making
) -> None:
    """Its index has the others alone: of most offers nothing was reserved."""
    offered("talk")
    offer_to(person("ada"))
    Decision.objects.update(expires_at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        assert services.release_expired() == 0

    assert len(queries) == 1
    assert '"reserved_nano" > 0' in queries[0]["sql"]

"""The one door: who is offered what, who is not, and what cannot happen at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from accounts.services import add_member, create_organisation
from billing.growth import quiet
from billing.growth.deciding import MOST_A_WEEK, DecisionUnit, decide, replay
from billing.growth.holdout import SALT, is_held_out, place
from billing.growth.models import Decision, Offer
from billing.growth.moments import Moment
from billing.growth.queries import may_be_treated, offer_for_surface
from billing.growth.services import accept_offer, dismiss_offer, release_expired
from billing.subscriptions import mirror
from entitlements.features import Features
from entitlements.services import replace_for
from notifications.models import Kind
from notifications.services import set_preferences
from tests.billing.growth.conftest import make_offer, put_in_force
from tests.factories.accounts import with_seats
from tests.factories.billing import default_price, fetched_subscription
from tests.races import together

pytestmark = pytest.mark.django_db
MOMENT = Moment.THIRD_ANSWER
Person = Callable[..., Any]
Making = Callable[..., Offer]


def unit_of(user: Any) -> DecisionUnit:
    return DecisionUnit(personal_organisation(user).pk, user.pk)


def reason_for(unit: DecisionUnit, occasion: str = "1") -> str:
    return decide(MOMENT, unit, occasion=occasion).reason


def test_a_moment_offers_what_its_policy_has(person: Person, offered: Making) -> None:
    offer = offered("talk")
    ada = person("ada")

    decided = decide(MOMENT, unit_of(ada), occasion="1", context={"answers": 3})

    decision = Decision.objects.get(pk=decided.id)
    assert decided.is_new
    assert (decided.reason, decided.offer_id) == ("offered", offer.pk)
    assert decision.intended == decision.offer == offer
    assert decision.propensity == 1.0
    assert decision.policy == "third_answer@1"
    assert decision.context == {
        "answers": 3,
        "plan": "free",
        "held_chance": 0.0,
        "choices": {"talk": 1.0},
    }


def test_a_decision_takes_two_queries(person: Person, offered: Making) -> None:
    offered("trial", cost_nano=5, budget_nano=100)
    units = [unit_of(person(name)) for name in ("ada", "ben", "cyd")]
    # The first decision of a process loads the catalogue.
    decide(MOMENT, units[0], occasion="1")

    for unit in units[1:]:
        with CaptureQueriesContext(connection) as queries:
            assert decide(MOMENT, unit, occasion="1").offer_id

        assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        decide(MOMENT, units[0], occasion="1")
    assert len(queries) == 1


def test_the_same_occasion_is_decided_once(person: Person, offered: Making) -> None:
    offered("talk")
    unit = unit_of(person("ada"))

    first = decide(MOMENT, unit, occasion="1")
    again = decide(MOMENT, unit, occasion="1")

    assert (again.id, again.uuid, again.offer_id) == (
        first.id,
        first.uuid,
        first.offer_id,
    )
    assert not again.is_new
    assert Decision.objects.count() == 1


def test_a_catalogue_that_changed_is_met_by_the_next_decision(
    person: Person, offered: Making
) -> None:
    offered("talk")
    decide(MOMENT, unit_of(person("ada")), occasion="1")

    other = make_offer("other")
    put_in_force(MOMENT, other)

    decided = decide(MOMENT, unit_of(person("ben")), occasion="1")
    assert decided.offer_id == other.pk


@pytest.mark.parametrize("field", ["is_staff", "is_internal"])
def test_staff_and_test_people_are_offered_nothing(
    person: Person, offered: Making, field: str
) -> None:
    offered("talk")

    assert reason_for(unit_of(person("ada", **{field: True}))) == "excluded"


def test_who_said_no_is_offered_nothing(person: Person, offered: Making) -> None:
    offered("talk")
    ada = person("ada")
    set_preferences(ada, {Kind.OFFERS.value: False})

    assert reason_for(unit_of(ada)) == "no_consent"
    assert reason_for(DecisionUnit(personal_organisation(ada).pk), "2") == "no_consent"


def test_a_unit_is_offered_one_thing_a_day_and_three_a_week(
    person: Person, offered: Making
) -> None:
    offered("talk")
    unit = unit_of(person("ada"))
    reasons = [reason_for(unit, "day 0"), reason_for(unit, "day 0 again")]

    for day in range(1, MOST_A_WEEK + 1):
        # A day goes by.
        # The earlier first: two offers of one day are none.
        offered_before = Decision.objects.filter(reason="offered")
        for decision in offered_before.order_by("offered_on"):
            decision.decided_at -= timedelta(days=1)
            assert decision.offered_on is not None
            decision.offered_on -= timedelta(days=1)
            decision.save()
        reasons.append(reason_for(unit, f"day {day}"))

    assert reasons == ["offered", "cap", "offered", "offered", "cap"]


def test_the_holdout_is_met_last_and_says_what_would_have_been(
    person: Person, offered: Making, settings: Any
) -> None:
    offer = offered("talk")
    settings.GROWTH_HOLDOUT_PERCENT = 100
    ada = person("ada")

    decided = decide(MOMENT, unit_of(ada), occasion="1")

    decision = Decision.objects.get(pk=decided.id)
    assert (decided.reason, decided.offer_id) == ("holdout", None)
    assert decision.intended == offer
    assert not may_be_treated(ada)
    set_preferences(ada, {Kind.OFFERS.value: False})
    assert reason_for(unit_of(ada), "2") == "no_consent"


def test_ten_percent_are_held_out_and_always_the_same(settings: Any) -> None:
    settings.GROWTH_HOLDOUT_PERCENT = 10
    held = {unit for unit in range(20_000) if is_held_out([unit])}

    assert 0.095 < len(held) / 20_000 < 0.105
    assert held == {unit for unit in range(20_000) if place(SALT, unit) < 0.1}
    settings.GROWTH_HOLDOUT_PERCENT = 20
    assert all(is_held_out([unit]) for unit in held)


def team_ids(*, held: bool) -> Callable[[Any], Organisation]:
    """Return a function that makes a team which is, or is not, held out."""

    def make(owner: Any) -> Organisation:
        for number in range(200):
            team = create_organisation(f"Team {number}", owner=owner)
            if is_held_out([team.pk]) is held:
                return with_seats(team, 5)
            team.memberships.all().delete()
            team.delete()
        raise AssertionError("No team landed where it should.")

    return make


def test_who_belongs_to_a_held_out_team_is_held_out_everywhere(
    person: Person, offered: Making, settings: Any
) -> None:
    settings.GROWTH_HOLDOUT_PERCENT = 30
    offered("talk", surfaces=["console"])
    ada, ben = person("ada"), person("ben")
    free, held = team_ids(held=False)(ada), team_ids(held=True)(ben)
    assert decide(MOMENT, DecisionUnit(free.pk), occasion="1").offer_id
    assert offer_for_surface(ada, "console", organisation_id=free.pk)

    add_member(held, user=ada, role="member")

    assert decide(MOMENT, DecisionUnit(free.pk, ada.pk), occasion="2").offer_id is None
    assert offer_for_surface(ada, "console", organisation_id=free.pk) is None
    assert not may_be_treated(ada)


def test_an_offer_has_a_holdout_of_its_own(person: Person, offered: Making) -> None:
    offer = offered("talk", holdout_percent=50)
    users = [person(f"dev{number}") for number in range(30)]

    reasons = {user.pk: reason_for(unit_of(user)) for user in users}

    kept = {pk for pk, reason in reasons.items() if reason == "offer_holdout"}
    assert set(reasons.values()) == {"offered", "offer_holdout"}
    assert kept == {
        user.pk
        for user in users
        if place("offer:talk", personal_organisation(user).pk) < 0.5
    }
    assert set(Decision.objects.values_list("intended", flat=True)) == {offer.pk}


def test_a_trial_is_not_for_whom_a_plan_is_in_force(
    person: Person, offered: Making
) -> None:
    offered("trial", kind=Offer.Kind.PREMIUM_TRIAL, plan="pro", days=7)
    ada, ben = person("ada"), person("ben")
    replace_for(
        personal_organisation(ben).pk,
        Features(plan="pro", premium_models=True),
        source="test",
    )

    assert reason_for(unit_of(ada)) == "offered"
    assert reason_for(unit_of(ben)) == "no_offer"


@pytest.mark.parametrize(
    ("status", "reason"),
    [("canceled", "no_offer"), ("incomplete_expired", "offered")],
)
def test_a_trial_is_not_for_whom_a_plan_was_ever_in_force(
    person: Person, offered: Making, status: str, reason: str
) -> None:
    """A trial at checkout that nobody paid was one; an order never begun is none."""
    offered("trial", kind=Offer.Kind.PREMIUM_TRIAL, plan="pro", days=7)
    ada = person("ada")
    copy = fetched_subscription(
        personal_organisation(ada), default_price("pro"), status=status
    )
    mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert reason_for(unit_of(ada)) == reason


def test_what_was_put_away_is_not_offered_again(
    person: Person, offered: Making
) -> None:
    offered("talk")
    ada = person("ada")
    decided = decide(MOMENT, unit_of(ada), occasion="1")
    dismiss_offer(decided.uuid, by=ada)
    ago = timezone.now() - timedelta(days=2)
    Decision.objects.update(offered_on=ago.date(), decided_at=ago)

    assert reason_for(unit_of(ada), "2") == "no_offer"
    Decision.objects.filter(occasion="1").update(
        dismissed_at=timezone.now() - timedelta(days=31)
    )
    assert reason_for(unit_of(ada), "3") == "offered"


def test_only_what_fits_is_chosen(person: Person, catalogue: None) -> None:
    first, second = make_offer("first"), make_offer("second")
    put_in_force(MOMENT, first, second)

    decided = decide(MOMENT, unit_of(person("ada")), occasion="1", fits={"second"})

    assert decided.offer_id == second.pk


def test_the_budget_is_reserved_and_freed(person: Person, offered: Making) -> None:
    offer = offered("trial", cost_nano=40, budget_nano=100)
    people = [person(name) for name in ("ada", "ben", "cyd", "dan")]

    reasons = [reason_for(unit_of(user)) for user in people[:3]]

    assert reasons == ["offered", "offered", "budget"]
    offer.refresh_from_db()
    assert offer.reserved_nano == 80
    first = Decision.objects.get(user=people[0])
    dismiss_offer(first.uuid, by=people[0])
    dismiss_offer(first.uuid, by=people[0])
    offer.refresh_from_db()
    assert offer.reserved_nano == 40
    Decision.objects.filter(user=people[1]).update(expires_at=timezone.now())
    assert release_expired() == 1
    assert release_expired() == 0
    offer.refresh_from_db()
    assert offer.reserved_nano == 0
    assert reason_for(unit_of(people[3])) == "offered"


def test_an_accepted_offer_keeps_what_is_reserved(
    person: Person, offered: Making
) -> None:
    offer = offered("talk", cost_nano=40, budget_nano=100)
    ada = person("ada")
    decided = decide(MOMENT, unit_of(ada), occasion="1")
    accept_offer(decided.uuid, by=ada)
    Decision.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert release_expired() == 0
    offer.refresh_from_db()
    assert offer.reserved_nano == 40


def test_a_policy_that_learns_logs_the_probability_it_chose_with(
    person: Person, catalogue: None
) -> None:
    put_in_force(
        MOMENT,
        make_offer("a"),
        make_offer("b"),
        mode="bandit",
        floor=0.1,
        shares={"a": 0.9, "b": 0.1},
    )
    for number in range(40):
        decide(MOMENT, unit_of(person(f"dev{number}")), occasion="1")

    decisions = list(Decision.objects.select_related("intended"))
    assert {
        d.intended.key: round(d.propensity, 6) for d in decisions if d.intended
    } == {
        "a": 0.82,
        "b": 0.18,
    }
    assert all(d.intended and replay(d) == d.intended.key for d in decisions)


def test_mail_waits_for_the_morning(person: Person, offered: Making) -> None:
    offered("talk", surfaces=["console", "mail"])
    ada = person("ada", time_zone="Asia/Shanghai")

    decided = decide(MOMENT, unit_of(ada), occasion="1")

    reach_at = Decision.objects.get(pk=decided.id).reach_at
    assert reach_at is not None
    assert not quiet.is_quiet(reach_at, quiet.zone_of("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        # 23:30 in Shanghai, of the 1st: the morning of the 2nd there.
        (datetime(2026, 9, 1, 15, 30, tzinfo=UTC), datetime(2026, 9, 2, 0, tzinfo=UTC)),
        # 03:00 of the 2nd.
        (datetime(2026, 9, 1, 19, tzinfo=UTC), datetime(2026, 9, 2, 0, tzinfo=UTC)),
        # 08:00 and 19:59 are not quiet any more, or not yet.
        (datetime(2026, 9, 1, 0, tzinfo=UTC), datetime(2026, 9, 1, 0, tzinfo=UTC)),
        (
            datetime(2026, 9, 1, 11, 59, tzinfo=UTC),
            datetime(2026, 9, 1, 11, 59, tzinfo=UTC),
        ),
        (datetime(2026, 9, 1, 12, tzinfo=UTC), datetime(2026, 9, 2, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_those_of_the_person(
    hour: datetime, expected: datetime
) -> None:
    assert quiet.next_reachable(hour, quiet.zone_of("Asia/Shanghai")) == expected


def test_the_database_refuses_an_offer_to_whom_nothing_was_decided(
    person: Person, offered: Making
) -> None:
    offer = offered("talk")
    values = {
        "moment": MOMENT,
        "organisation": personal_organisation(person("ada")),
        "propensity": 1,
        "uniform": 0,
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(
            **values, occasion="a", reason="holdout", intended=offer, offer=offer
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(
            **values, occasion="b", reason="offered", intended=offer, offer=offer
        )


@pytest.mark.django_db(transaction=True)
def test_one_occasion_at_once_is_decided_once(person: Person, offered: Making) -> None:
    offer = offered("trial", cost_nano=10, budget_nano=1_000)
    unit = unit_of(person("ada"))

    found = together(*[lambda: decide(MOMENT, unit, occasion="1")] * 6)

    assert len({each.id for each in found}) == 1
    assert sum(each.is_new for each in found) == 1
    offer.refresh_from_db()
    assert offer.reserved_nano == 10


@pytest.mark.django_db(transaction=True)
def test_two_moments_at_once_offer_one_thing(person: Person, offered: Making) -> None:
    offered("talk")
    put_in_force(Moment.COLLEAGUE, Offer.objects.get(key="talk"))
    unit = unit_of(person("ada"))

    found = together(
        *(
            lambda moment=moment, occasion=occasion: decide(
                moment, unit, occasion=occasion
            )
            for moment in (MOMENT, Moment.COLLEAGUE)
            for occasion in ("1", "2", "3")
        )
    )

    assert sorted(each.reason for each in found) == ["cap"] * 5 + ["offered"]
    assert Decision.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_the_last_of_a_budget_is_offered_once(person: Person, offered: Making) -> None:
    offer = offered("trial", cost_nano=60, budget_nano=100)
    units = [unit_of(person(f"dev{number}")) for number in range(6)]

    found = together(
        *(lambda unit=unit: decide(MOMENT, unit, occasion="1") for unit in units)
    )

    assert sorted(each.reason for each in found) == ["budget"] * 5 + ["offered"]
    offer.refresh_from_db()
    assert offer.reserved_nano == 60

"""Which steps of a campaign are taken: in their order, each once, or passed over."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from billing.growth import mailing, occurrences, quiet
from billing.growth.campaigns import stepping
from billing.growth.campaigns.enrolling import enrol
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.deciding import DecisionUnit
from billing.growth.holdout import is_kept_from_campaign
from billing.growth.models import Decision, Enrolment
from billing.growth.queries import offer_for_surface
from billing.growth.services import accept_offer, record_exposure
from billing.ledger.models import UsageCost
from jobs.models import Job
from notifications.models import EmailMessage, Kind, Notification
from notifications.services import set_preferences
from tests.billing.growth.conftest import make_offer
from tests.billing.growth.enrolled import ends, go_by, org_of, put_in, reasons
from tests.factories.campaigns import campaign_of, offer_step, only_if, wait
from tests.races import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_kept_out")]
Person = Callable[..., Any]
End = Enrolment.End


def test_steps_are_taken_in_their_order_and_each_once(
    person: Person, everybody_in: None
) -> None:
    first, second = make_offer("first"), make_offer("second")
    campaign = campaign_of(offer_step(first), wait(48), offer_step(second))
    ada = person("ada")
    put_in(campaign, ada)

    assert take_due_steps() == 1
    assert reasons(campaign) == [(1, "offered")]
    # The wait begins with the next run, and nothing else is due meanwhile.
    assert take_due_steps() == 1
    assert take_due_steps() == 0
    go_by(days=2)
    assert take_due_steps() == 1
    assert reasons(campaign) == [(1, "offered"), (3, "offered")]
    take_due_steps()

    assert ends() == {"completed": 1}
    assert take_due_steps() == 0
    made = Decision.objects.filter(step__campaign=campaign)
    assert [each.intended for each in made.order_by("pk")] == [first, second]
    assert {each.policy for each in made} == {"campaign welcome"}
    assert {each.context["step"] for each in made} == {1, 3}


def test_whom_a_campaign_keeps_out_is_offered_nothing_at_any_step(
    person: Person,
) -> None:
    first, second = make_offer("first"), make_offer("second")
    campaign = campaign_of(
        offer_step(first), wait(48), offer_step(second), holdout_percent=50
    )
    users = [person(f"dev{number}") for number in range(24)]
    put_in(campaign, *users)
    take_due_steps()
    take_due_steps()
    go_by(days=2)
    take_due_steps()

    kept = {
        org_of(user)
        for user in users
        if is_kept_from_campaign(campaign.key, 50, org_of(user))
    }
    # Of 24 all land on one side less often than once in eight million times.
    assert 0 < len(kept) < len(users)
    for organisation_id in map(org_of, users):
        expected = "campaign_holdout" if organisation_id in kept else "offered"
        made = Decision.objects.filter(organisation_id=organisation_id)
        assert list(made.values_list("reason", flat=True)) == [expected] * 2
        assert made.exclude(intended=None).count() == 2


def test_a_step_shows_its_offer_at_the_place_it_names(
    person: Person, everybody_in: None
) -> None:
    offer = make_offer("talk", surfaces=["console", "pricing", "mail"])
    campaign = campaign_of(offer_step(offer, "pricing"))
    ada = person("ada")
    put_in(campaign, ada)
    take_due_steps()

    decision = Decision.objects.get(step__campaign=campaign)
    assert offer_for_surface(ada, "pricing", organisation_id=None) == decision
    assert offer_for_surface(ada, "console", organisation_id=None) is None
    assert decision.reach_at is None
    assert decision.surfaces == {"pricing"}


def test_a_place_the_offer_has_no_more_is_passed_over(
    person: Person, everybody_in: None
) -> None:
    offer = make_offer("talk", surfaces=["console"])
    campaign = campaign_of(offer_step(offer, "mail"))
    put_in(campaign, person("ada"))
    take_due_steps()

    assert reasons(campaign) == [(1, "no_offer")]


@pytest.mark.parametrize(
    ("condition", "deed", "goes_on"),
    [
        ("seen", "see", True),
        ("seen", "", False),
        ("unseen", "", True),
        ("unseen", "see", False),
        ("unaccepted", "see", True),
        ("unaccepted", "accept", False),
        ("unused", "", True),
        ("unused", "use", False),
        ("used", "use", True),
        ("used", "", False),
    ],
)
def test_a_condition_lets_go_on_whom_it_is_true_of(
    person: Person, everybody_in: None, condition: str, deed: str, goes_on: bool
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")), only_if(condition), wait(1))
    ada = person("ada")
    put_in(campaign, ada)
    take_due_steps()
    decision = Decision.objects.get()
    if deed == "see":
        record_exposure(decision.uuid, user=ada, surface="console")
    elif deed == "accept":
        accept_offer(decision.uuid, by=ada)
    elif deed == "use":
        use(org_of(ada))

    take_due_steps()

    assert ends() == ({"": 1} if goes_on else {"condition": 1})


def use(organisation_id: int) -> None:
    UsageCost.objects.create(
        organisation_id=organisation_id,
        model="m",
        edition="open",
        window=timezone.now(),
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=1,
        cost_nano=1,
    )


def test_who_was_offered_enough_is_asked_again_tomorrow_three_times(
    person: Person, everybody_in: None
) -> None:
    ada = person("ada")
    # Another campaign has offered something today.
    put_in(campaign_of(offer_step(make_offer("other")), key="other"), ada)
    take_due_steps()
    campaign = campaign_of(offer_step(make_offer("talk")))
    put_in(campaign, ada)

    for _ in range(stepping.MOST_TRIES):
        Enrolment.objects.filter(campaign=campaign).update(next_at=timezone.now())
        take_due_steps()
        # Not again before tomorrow.
        take_due_steps()

    assert reasons(campaign) == [(1, "cap")] * 3
    take_due_steps()
    assert Enrolment.objects.get(campaign=campaign).ended_as == End.COMPLETED


def test_a_step_that_fails_is_put_off_and_given_up_and_others_go_on(
    person: Person, everybody_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")))
    ada, ben = person("ada"), person("ben")
    put_in(campaign, ada, ben)
    real = occurrences.occur

    def failing(moment: Any, unit: DecisionUnit, **more: Any) -> Any:
        decided = real(moment, unit, **more)
        if unit.user_id == ada.pk:
            raise OSError("The worker lost its database.")
        return decided

    monkeypatch.setattr(stepping, "occur", failing)

    assert take_due_steps() == 1
    for _ in range(stepping.MOST_FAILURES):
        Enrolment.objects.update(next_at=timezone.now())
        take_due_steps()

    # What the failed steps had written went with them.
    assert Decision.objects.get().user == ben
    assert dict(Enrolment.objects.values_list("user", "ended_as")) == {
        ada.pk: End.DEAD,
        ben.pk: End.COMPLETED,
    }


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_crashes_never_take_a_step_twice(
    person: Person, everybody_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = [make_offer(key, surfaces=["mail"]) for key in ("first", "second")]
    campaign = campaign_of(offer_step(offers[0]), wait(48), offer_step(offers[1]))
    users = [person(f"dev{number}") for number in range(12)]
    for user in users:
        set_preferences(user, {Kind.OFFERS.value: True})
    units: dict[int, int | None] = {org_of(user): user.pk for user in users}
    together(*[lambda: enrol(campaign, units, at=timezone.now())] * 3)
    assert Enrolment.objects.count() == len(users)
    real, crashes = occurrences.occur, Counter[tuple[int | None, int]]()

    def crashing(moment: Any, unit: DecisionUnit, **more: Any) -> Any:
        decided = real(moment, unit, **more)
        # Only one worker is at a step of a person, so nobody counts beside it.
        crashes[unit.user_id, more["context"]["step"]] += 1
        if crashes[unit.user_id, more["context"]["step"]] <= 2:
            # Everything is written, and nothing of it committed.
            raise OSError("The worker died.")
        return decided

    monkeypatch.setattr(stepping, "occur", crashing)
    monkeypatch.setattr(quiet, "is_quiet", lambda *_: False)

    for _ in range(4):
        for _ in range(stepping.MOST_FAILURES):
            came = together(*[take_due_steps] * 3)
            assert all(isinstance(moved, int) for moved in came)
            Enrolment.objects.filter(tries__gt=0).update(next_at=timezone.now())
        Decision.objects.filter(reach_at__isnull=False).update(reach_at=timezone.now())
        together(*[mailing.send_offers] * 3)
        go_by(days=2)

    assert set(crashes.values()) == {3}
    assert ends() == {"completed": len(users)}
    for user in users:
        made = Decision.objects.filter(user=user).order_by("pk")
        assert [each.step.rank for each in made if each.step] == [1, 3]
        assert {each.reason for each in made} == {"offered"}
        assert Notification.objects.filter(user=user).count() == 2
        assert EmailMessage.objects.filter(user=user).count() == 2
    mails = set(EmailMessage.objects.values_list("pk", flat=True))
    assert Job.objects.filter(kind="mail").count() == len(mails) == 2 * len(users)

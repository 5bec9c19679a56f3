"""Who goes through a campaign, which steps are taken, and how it ends."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.queries import personal_organisation
from billing.growth import mailing, occurrences, quiet
from billing.growth.campaigns import editing, stepping
from billing.growth.campaigns.enrolling import enrol, refresh_campaigns, stop_ended
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.deciding import DecisionUnit
from billing.growth.exceptions import CampaignOver
from billing.growth.holdout import is_kept_from_campaign
from billing.growth.models import Campaign, Decision, Enrolment
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.queries import offer_for_surface
from billing.growth.services import accept_offer, record_exposure
from billing.ledger.models import UsageCost
from billing.ledger.services import record_invoice
from core.errors import DomainError
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage, Kind, Notification
from notifications.services import set_preferences
from tests.billing.growth.conftest import make_offer
from tests.billing.growth.proof.world import Clock, at
from tests.factories.billing import invoice_record
from tests.factories.campaigns import campaign_of, offer_step, only_if, wait
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
End = Enrolment.End


@pytest.fixture(autouse=True)
def _nobody_kept_out(catalogue: None, settings: Any) -> None:
    settings.GROWTH_HOLDOUT_PERCENT = 0


@pytest.fixture
def everybody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have campaigns keep nobody out."""
    monkeypatch.setattr(
        "billing.growth.deciding.is_kept_from_campaign", lambda *_: False
    )


def org_of(user: User) -> int:
    return personal_organisation(user).pk


def put_in(campaign: Campaign, *users: User) -> None:
    units: dict[int, int | None] = {org_of(user): user.pk for user in users}
    enrol(campaign, units, at=timezone.now())


def go_by(**span: float) -> None:
    """Let time go by for everything that campaigns look at."""
    ago = timedelta(**span)
    for enrolment in Enrolment.objects.all():
        enrolment.entered_at -= ago
        enrolment.next_at -= ago
        enrolment.save()
    # The earlier first: two offers of one day are none.
    for decision in Decision.objects.order_by("offered_on", "pk"):
        decision.decided_at -= ago
        if decision.offered_on is not None:
            decision.offered_on -= timedelta(days=ago.days)
        decision.save()


def ends() -> dict[str, int]:
    found: dict[str, int] = {}
    for each in Enrolment.objects.values_list("ended_as", flat=True):
        found[each] = found.get(each, 0) + 1
    return found


def reasons(campaign: Campaign) -> list[tuple[int, str]]:
    made = Decision.objects.filter(step__campaign=campaign).order_by("pk")
    return list(made.values_list("step__rank", "reason"))


def pay(user: User) -> None:
    record_invoice(
        invoice_record(),
        organisation_id=org_of(user),
        user_id=user.pk,
        fetched_at=timezone.now(),
    )


def test_whom_a_moment_occurs_to_after_the_start_enters_once(person: Person) -> None:
    early, late = person("early"), person("late")
    occur(Moment.THIRD_ANSWER, DecisionUnit(org_of(early), early.pk), occasion="1")
    Decision.objects.update(decided_at=timezone.now() - timedelta(hours=3))
    campaign = campaign_of(wait(24))
    occur(Moment.THIRD_ANSWER, DecisionUnit(org_of(late), late.pk), occasion="1")
    occur(Moment.COLLEAGUE, DecisionUnit(org_of(early), early.pk), occasion="1")

    assert refresh_campaigns() == 1
    assert refresh_campaigns() == 0

    enrolment = Enrolment.objects.get()
    assert (enrolment.campaign, enrolment.organisation_id, enrolment.user_id) == (
        campaign,
        org_of(late),
        late.pk,
    )


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


def test_who_pays_for_the_first_time_is_out_and_who_renews_is_not(
    person: Person, everybody_in: None
) -> None:
    campaign = campaign_of(wait(1), offer_step(make_offer("talk")))
    buyer, customer = person("buyer"), person("customer")
    pay(customer)
    put_in(campaign, buyer, customer)
    take_due_steps()
    pay(buyer)
    pay(customer)
    Enrolment.objects.update(next_at=timezone.now())

    take_due_steps()

    assert ends() == {"converted": 1, "": 1}
    assert Decision.objects.get(step__campaign=campaign).user == customer
    # The nightly look finds who paid while no step was due, too.
    Enrolment.objects.update(ended_at=None, ended_as="")
    refresh_campaigns()
    assert ends() == {"converted": 1, "": 1}


def test_a_goal_may_be_that_an_offer_is_accepted(
    person: Person, everybody_in: None
) -> None:
    campaign = campaign_of(
        offer_step(make_offer("talk")),
        wait(1),
        offer_step(make_offer("more")),
        goal=Campaign.Goal.ACCEPTANCE,
    )
    ada, ben = person("ada"), person("ben")
    put_in(campaign, ada, ben)
    take_due_steps()
    accept_offer(Decision.objects.get(user=ada).uuid, by=ada)
    take_due_steps()

    assert dict(Enrolment.objects.values_list("user__username", "ended_as")) == {
        "ada": End.CONVERTED,
        "ben": "",
    }


def test_unsubscribing_by_the_link_of_the_mail_stops_the_next_step(
    person: Person,
    everybody_in: None,
    settings: Any,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offers = [make_offer(key, surfaces=["mail"]) for key in ("first", "second")]
    campaign = campaign_of(offer_step(offers[0]), wait(24), offer_step(offers[1]))
    ada = person("ada")
    set_preferences(ada, {Kind.OFFERS.value: True})
    put_in(campaign, ada)
    take_due_steps()
    Decision.objects.update(reach_at=timezone.now())
    monkeypatch.setattr(quiet, "is_quiet", lambda *_: False)
    mailing.send_offers()
    sweep("mail")
    take_due_steps()
    letter = next(each for each in mail.outbox if each.to == [ada.email])
    stop = letter.extra_headers["List-Unsubscribe"].strip("<>")
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    answer = client.post(
        stop.removeprefix(settings.SITE_URL), {"List-Unsubscribe": "One-Click"}
    )
    go_by(days=1)
    take_due_steps()

    assert answer.status_code == 200
    assert ends() == {"unsubscribed": 1}
    assert reasons(campaign) == [(1, "offered"), (3, "no_consent")]
    mailing.send_offers()
    assert Notification.objects.filter(user=ada).count() == 1


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


def test_a_paused_campaign_takes_no_step_and_lets_nobody_enter(
    person: Person, everybody_in: None
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")))
    ada, ben = person("ada"), person("ben")
    put_in(campaign, ada)
    occur(Moment.THIRD_ANSWER, DecisionUnit(org_of(ben), ben.pk), occasion="1")
    Campaign.objects.update(paused_at=timezone.now())

    assert (refresh_campaigns(), take_due_steps()) == (0, 0)
    # A worker that had found it due before it was paused leaves it, too.
    assert not stepping.take_step(Enrolment.objects.get().pk)

    Campaign.objects.update(paused_at=None)
    assert (refresh_campaigns(), take_due_steps()) == (1, 2)


def test_a_campaign_goes_from_its_first_day_to_its_last(
    person: Person, everybody_in: None
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")))
    put_in(campaign, person("ada"))
    today = timezone.now().date()
    day = timedelta(days=1)

    Campaign.objects.update(starts_on=today + 2 * day)
    refresh_campaigns()
    assert take_due_steps() == 0
    Campaign.objects.update(starts_on=today - 3 * day, ends_on=today - 2 * day)
    assert take_due_steps() == 0
    refresh_campaigns()

    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.STOPPED
    assert ends() == {"stopped": 1}


def test_staff_and_test_people_are_out_at_once(
    person: Person, everybody_in: None
) -> None:
    campaign = campaign_of(offer_step(make_offer("talk")), wait(1))
    put_in(campaign, person("ada", is_internal=True))

    take_due_steps()

    assert ends() == {"excluded": 1}


def test_the_database_refuses_half_a_campaign(person: Person) -> None:
    offer = make_offer("talk")
    broken: list[Callable[[], object]] = [
        lambda: campaign_of(moment="", key="nobody"),
        lambda: campaign_of({"kind": "wait"}, key="no_hours"),
        lambda: campaign_of({"kind": "offer"}, key="no_offer"),
        lambda: campaign_of({"kind": "condition"}, key="no_condition"),
        lambda: campaign_of({**offer_step(offer), "hours": 1}, key="both"),
        lambda: campaign_of(holdout_percent=0, key="unmeasured"),
    ]
    for write in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


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


@pytest.mark.parametrize(
    ("zone", "is_march"),
    [
        # At 23:30 in UTC it is tomorrow in Shanghai and still today in Honolulu.
        ("Asia/Shanghai", True),
        ("Pacific/Honolulu", False),
        ("UTC", False),
    ],
)
def test_days_begin_and_end_where_staff_plan(
    person: Person, everybody_in: None, settings: Any, zone: str, is_march: bool
) -> None:
    settings.REPORTING_TIME_ZONE = zone
    boss, ada = person("boss", is_staff=True), person("ada")
    talk = make_offer("talk")
    with at(Clock(datetime(2026, 2, 28, 23, 30, tzinfo=UTC))):
        march = campaign_of(offer_step(talk), key="march", starts_on="2026-03-01")
        put_in(march, ada)
        winter = campaign_of(
            wait(1), key="winter", is_started=False, ends_on="2026-02-28"
        )
        running = campaign_of(wait(1), key="running", ends_on="2026-02-28")

        assert take_due_steps() == is_march
        stop_ended(timezone.now())
        came = outcome_of(editing.start_campaign, winter, by=boss)

    running.refresh_from_db()
    assert isinstance(came, CampaignOver) is is_march
    assert (running.state == Campaign.State.STOPPED) is is_march


def outcome_of(act: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Return what came of it: its result, or the refusal."""
    try:
        return act(*args, **named)
    except DomainError as error:
        return error

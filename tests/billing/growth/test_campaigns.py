"""Who enters a campaign, on which days it goes on, and how it ends for somebody."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing.growth import mailing, quiet
from billing.growth.campaigns import editing, stepping
from billing.growth.campaigns.enrolling import refresh_campaigns, stop_ended
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.deciding import DecisionUnit
from billing.growth.exceptions import CampaignOver
from billing.growth.models import Campaign, Decision, Enrolment
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.services import accept_offer
from billing.ledger.services import record_invoice
from core.errors import DomainError
from jobs.working import sweep
from notifications.models import Kind, Notification
from notifications.services import set_preferences
from tests.billing.growth.conftest import make_offer
from tests.billing.growth.enrolled import ends, go_by, org_of, put_in, reasons
from tests.billing.growth.proof.world import Clock, at
from tests.factories.billing import invoice_record
from tests.factories.campaigns import campaign_of, offer_step, wait

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_kept_out")]
Person = Callable[..., Any]
End = Enrolment.End


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

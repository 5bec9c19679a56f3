"""Leads: from a raised hand, or a score, to what came of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from billing.growth import leads, scoring
from billing.growth.deciding import DecisionUnit
from billing.growth.exceptions import LeadClosed
from billing.growth.models import Decision, Lead, LeadScore, Offer
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.growth.services import accept_offer
from billing.ledger.models import UsageCost
from billing.plans.models import Inquiry
from entitlements.features import Features
from entitlements.services import replace_for
from notifications.models import EmailMessage
from tests.factories.growth import lead_of
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
ASKED = {
    "name": "Wei Chen",
    "email": "wei@acme.test",
    "company": "Acme",
    "seats": "40",
    "message": "We need an invoice.",
}


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def staff(person: Person) -> Any:
    return person("staff", is_staff=True)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_raised_hand_is_kept_as_a_lead_and_mailed_once(
    person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    EmailMessage.objects.all().delete()

    for client in (signed_in(ada), signed_in(ada)):
        answer = client.post("/pricing/talk/", ASKED)
        assert answer.status_code == 302
    deliver_outbox()

    lead = Lead.objects.get()
    assert lead.origin == "inquiry"
    assert lead.inquiry is not None
    assert (lead.inquiry.message, lead.inquiry.seats) == ("We need an invoice.", 40)
    assert lead.user == ada
    assert EmailMessage.objects.filter(kind="inquiry").count() == 1


def test_a_visitors_hand_is_a_lead_as_well(
    deliver_outbox: Callable[[], int],
) -> None:
    Client().post("/pricing/talk/", ASKED)
    deliver_outbox()

    lead = Lead.objects.get()
    assert lead.user is None
    assert lead.inquiry is not None
    assert str(lead.inquiry) == "Acme"


@pytest.mark.django_db(transaction=True)
def test_the_same_inquiry_at_once_is_one(deliver_outbox: Callable[[], int]) -> None:
    answers = together(*[lambda: Client().post("/pricing/talk/", ASKED)] * 4)

    assert {answer.status_code for answer in answers} == {302}
    assert Inquiry.objects.count() == 1
    deliver_outbox()
    assert Lead.objects.count() == 1


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        # Tuesday, Friday, Saturday, Sunday.
        (datetime(2026, 9, 1, 15, tzinfo=UTC), datetime(2026, 9, 2, 15, tzinfo=UTC)),
        (datetime(2026, 9, 4, 15, tzinfo=UTC), datetime(2026, 9, 7, 15, tzinfo=UTC)),
        (datetime(2026, 9, 5, 15, tzinfo=UTC), datetime(2026, 9, 7, 15, tzinfo=UTC)),
        (datetime(2026, 9, 6, 15, tzinfo=UTC), datetime(2026, 9, 7, 15, tzinfo=UTC)),
    ],
)
def test_an_answer_is_promised_within_a_working_day(
    opened: datetime, due: datetime
) -> None:
    assert leads.due_after(opened) == due


def test_an_accepted_office_hour_is_a_lead(
    person: Person, offered: Callable[..., Offer]
) -> None:
    offered("hour", kind=Offer.Kind.OFFICE_HOUR)
    ada = person("ada")
    org = personal_organisation(ada)
    decided = occur(Moment.THIRD_ANSWER, DecisionUnit(org.pk, ada.pk), occasion="1")

    accept_offer(decided.uuid, by=ada)

    lead = Lead.objects.get()
    assert (lead.origin, lead.user, lead.organisation) == ("office_hour", ada, org)


def sign(org: Organisation, moment: Moment, *days_ago: float, at: datetime) -> None:
    Decision.objects.bulk_create(
        Decision(
            moment=moment,
            organisation=org,
            occasion=f"{moment} {days}",
            decided_at=at - timedelta(days=days),
            reason="no_offer",
            propensity=1,
            uniform=0,
        )
        for days in days_ago
    )


AT = datetime(2026, 9, 15, 3, tzinfo=UTC)


def test_a_score_is_capped_fades_and_names_its_reasons(person: Person) -> None:
    org = personal_organisation(person("ada"))
    # Five refusals count as three; the latest is two weeks old: half of 36.
    sign(org, Moment.PREMIUM_REFUSED, 14, 15, 16, 17, 18, at=AT)
    sign(org, Moment.LIMIT_HIT, 0, at=AT)
    sign(org, Moment.THIRD_ANSWER, 28, at=AT)
    sign(org, Moment.PRICING_TWICE, 91, at=AT)
    UsageCost.objects.create(
        organisation=org,
        model="m",
        edition="open",
        window=AT,
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=1,
        cost_nano=1,
    )

    with CaptureQueriesContext(connection) as queries:
        assert scoring.score_organisations(AT) == 1

    # Which model is in force, and all scores.
    assert len(queries) == 2
    score = LeadScore.objects.get()
    assert score.day == date(2026, 9, 15)
    assert score.score == pytest.approx(36 / 2 + 15 + 6 / 4 + 2)
    assert [
        (each["sign"], each["times"], each["latest"], each["points"])
        for each in score.reasons
    ] == [
        ("premium_refused", 5, "2026-09-01", 18.0),
        ("limit_hit", 1, "2026-09-15", 15.0),
        ("used_days", 1, "2026-09-15", 2.0),
    ]


def test_a_score_knows_nothing_of_what_came_after_it_and_stays_as_it_is(
    person: Person,
) -> None:
    org = personal_organisation(person("ada"))
    sign(org, Moment.LIMIT_HIT, 1, -1, at=AT)

    scoring.score_organisations(AT)
    first = LeadScore.objects.get().score
    sign(org, Moment.PREMIUM_REFUSED, 0.5, at=AT)
    again = scoring.score_organisations(AT)

    assert first == pytest.approx(15 * 2 ** (-1 / 14))
    assert again == 0
    assert LeadScore.objects.get().score == first


def test_staff_are_not_scored(person: Person) -> None:
    org = personal_organisation(person("staff", is_staff=True))
    sign(org, Moment.LIMIT_HIT, 0, at=AT)

    assert scoring.score_organisations(AT) == 0


def test_who_shows_need_becomes_one_lead_and_neither_payers_nor_the_holdout_do(
    person: Person, settings: Any
) -> None:
    needy, paying, quiet = (
        personal_organisation(person(name)) for name in ("ada", "ben", "cyd")
    )
    for org, score in ((needy, 60), (paying, 90), (quiet, 49.9)):
        LeadScore.objects.create(day=AT.date(), organisation=org, score=score)
    replace_for(paying.pk, Features(plan="pro"), source="test")

    settings.GROWTH_HOLDOUT_PERCENT = 100
    assert scoring.open_leads_by_score(AT) == 0
    settings.GROWTH_HOLDOUT_PERCENT = 0
    assert scoring.open_leads_by_score(AT) == 1
    assert scoring.open_leads_by_score(AT) == 0

    lead = Lead.objects.get()
    assert lead.organisation == needy
    Lead.objects.update(outcome="lost", closed_at=timezone.now())
    assert scoring.open_leads_by_score(AT) == 0
    Lead.objects.update(closed_at=timezone.now() - timedelta(days=91))
    assert scoring.open_leads_by_score(AT) == 1


def test_a_lead_goes_from_the_inbox_to_won(
    person: Person, staff: Any, deliver_outbox: Callable[[], int]
) -> None:
    Client().post("/pricing/talk/", ASKED)
    deliver_outbox()
    lead = Lead.objects.get()
    client = signed_in(staff)
    page = reverse("growth:lead", args=[lead.pk])

    assert "Acme" in client.get(reverse("growth:lead-list")).content.decode()
    client.post(reverse("growth:lead-take", args=[lead.pk]))
    client.post(
        page, {"text": "Sent an offer.", "next_step": "Call them", "is_answer": "on"}
    )
    lead.refresh_from_db()
    assert lead.owner == staff
    assert lead.answered_at is not None
    assert lead.next_step == "Call them"

    wrong = client.post(reverse("growth:lead-close", args=[lead.pk]), {"amount": "x"})
    assert wrong.status_code == 422
    client.post(
        reverse("growth:lead-close", args=[lead.pk]),
        {"outcome": "won", "amount": "12000.50"},
    )

    lead.refresh_from_db()
    assert (lead.outcome, lead.amount, lead.currency) == ("won", 1_200_050, "usd")
    late = client.post(page, {"text": "Too late."})
    assert late.status_code == 422
    assert "This lead is closed." in late.content.decode()
    assert "Too late." in late.content.decode()
    assert lead.notes.count() == 1
    closed = client.get(reverse("growth:lead-list"), {"state": "closed"})
    assert "Won" in closed.content.decode()


def test_the_inbox_is_sorted_by_what_is_promised_and_names_what_is_late(
    person: Person, staff: Any
) -> None:
    late, soon = (
        lead_of(personal_organisation(person(name))) for name in ("ada", "ben")
    )
    Lead.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    client = signed_in(staff)

    shown = client.get(reverse("growth:lead-list")).context["page"]
    overdue = client.get(reverse("growth:lead-list"), {"state": "overdue"})
    mine = client.get(reverse("growth:lead-list"), {"state": "mine"}).context["page"]

    assert [lead.pk for lead in shown] == [late.pk, soon.pk]
    assert [lead.pk for lead in overdue.context["page"]] == [late.pk]
    assert overdue.context["overdue_count"] == 1
    assert list(mine) == []


def test_the_inbox_costs_as_much_for_many_as_for_one(
    person: Person, staff: Any
) -> None:
    client = signed_in(staff)
    counts = []
    for name in ("ada", "ben", "cyd"):
        lead_of(personal_organisation(person(name)))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("growth:lead-list"))
        counts.append(len(queries))

    assert counts[1] == counts[2]


def test_the_page_of_a_lead_gives_its_reasons(person: Person, staff: Any) -> None:
    org = personal_organisation(person("ada"))
    lead = lead_of(org)
    sign(org, Moment.LIMIT_HIT, 0, at=timezone.now() - timedelta(minutes=1))
    scoring.score_organisations()

    page = signed_in(staff).get(reverse("growth:lead", args=[lead.pk]))

    assert "Allowance used up" in page.content.decode()
    assert "15.0 points" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_lead_is_closed_once(person: Person) -> None:
    by = person("staff", is_staff=True)
    lead = lead_of(personal_organisation(person("ada")))

    came = together(
        *(
            lambda outcome=outcome: leads.close_lead(lead, by=by, outcome=outcome)
            for outcome in (Lead.Outcome.WON, Lead.Outcome.LOST, Lead.Outcome.NO_FIT)
        )
    )

    assert sorted(type(each).__name__ for each in came) == [
        "Lead",
        "LeadClosed",
        "LeadClosed",
    ]
    with pytest.raises(LeadClosed):
        leads.take_lead(lead, by=by)


def test_the_database_keeps_what_a_lead_has_to_say(person: Person) -> None:
    org = personal_organisation(person("ada"))
    lead = lead_of(org)

    with pytest.raises(IntegrityError), transaction.atomic():
        lead_of(org)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lead.objects.filter(pk=lead.pk).update(closed_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Lead.objects.filter(pk=lead.pk).update(
            closed_at=timezone.now(), outcome="lost", amount=5
        )

"""People or organisations: one truth of whose way it was."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.queries import personal_organisation
from accounts.services import create_organisation
from billing.conversion.bridge import bridge
from billing.conversion.excluding import (
    set_organisation_excluded,
    set_person_excluded,
)
from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.funnel import ordered_funnel
from billing.conversion.models import Account, Developer, ForeignInvoice, GroupMember
from billing.conversion.rebuilding import rebuild
from billing.conversion.settling import record_rate
from billing.conversion.units import CountedUnit
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_invoice, record_refund
from contracts.accounts import EmailVerified, MemberAdded
from contracts.billing import CheckoutStarted
from contracts.inference import FirstCallSucceeded, UsageAggregated
from core.money import NANO
from outbox import publish
from tests.factories.billing import invoice_record
from tests.races import together

pytestmark = pytest.mark.django_db
Deliver = Callable[[], int]
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def say(*facts: Any) -> None:
    with transaction.atomic():
        for fact in facts:
            publish(fact)


def active(user: Any, organisation: Any) -> list[Any]:
    return [
        EmailVerified(user_id=user.pk),
        FirstCallSucceeded(
            organisation_id=organisation.pk, user_id=user.pk, model="small"
        ),
    ]


def cost(organisation: Any, units: int) -> UsageAggregated:
    return UsageAggregated(
        organisation_id=organisation.pk,
        model="small",
        edition="open",
        window="2026-09-01T00:00:00+00:00",
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=5,
        cost_nano=units * NANO,
    )


def pay(organisation: Any, user: Any | None, amount: int, **fields: Any) -> Any:
    return record_invoice(
        invoice_record(amount, **fields),
        organisation_id=organisation.pk,
        user_id=user.pk if user else None,
        fetched_at=datetime.now(UTC),
    )


def parts() -> dict[str, tuple[int, int]]:
    found = bridge(START, END)
    return {part.key: (part.amount, part.cost_nano) for part in found.parts}


def test_a_team_founded_by_a_developer_and_paid_by_procurement_counts_once(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, procurement = person("founder"), person("procurement")
    team = create_organisation("Northwind", owner=founder)
    say(*active(founder, team), cost(team, 5))
    say(EmailVerified(user_id=procurement.pk))
    pay(team, procurement, 250_000)

    deliver_outbox()

    for unit in CountedUnit:
        cohort = total(cohorts_by_source(START, END, unit=unit))
        assert (cohort.developers, cohort.converters) == (1, 1)
        assert cohort.profit_nano == 2_495 * NANO
    assert parts()["outside"] == (0, 0)


def test_a_colleagues_checkout_is_a_step_of_the_founders_way(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, procurement = person("founder"), person("procurement")
    team = create_organisation("Northwind", owner=founder)
    say(*active(founder, team))
    say(
        CheckoutStarted(
            organisation_id=team.pk, user_id=procurement.pk, plan="team", intent_id=1
        )
    )
    pay(team, procurement, 250_000)
    deliver_outbox()
    Developer.objects.filter(user=founder).update(
        first_visit_at=founder.date_joined - timedelta(days=1)
    )

    for unit in CountedUnit:
        funnel = ordered_funnel(START, END, window=timedelta(days=30), unit=unit)
        assert [step.people for step in funnel] == [1, 1, 1, 1, 1, 1]


def test_who_is_sent_an_invoice_skips_no_step(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder = person("founder")
    team = create_organisation("Northwind", owner=founder)
    say(*active(founder, team))
    pay(team, None, 6_000_000)

    deliver_outbox()

    account = Account.objects.get(pk=team.pk)
    assert account.checkout_at == account.first_paid_at is not None
    assert Developer.objects.get(user=founder).checkout_at == account.checkout_at


def test_a_team_of_staff_has_the_way_of_its_first_engaged_person(
    person: Any, deliver_outbox: Deliver
) -> None:
    staff, late, early = person("staff", is_staff=True), person("late"), person("early")
    team = create_organisation("Northwind", owner=staff)
    pay(team, None, 6_000_000)
    deliver_outbox()
    assert parts()["outside"] == (6_000_000, 0)

    say(MemberAdded(organisation_id=team.pk, user_id=early.pk, role="member"))
    say(*active(early, personal_organisation(early)))
    say(*active(late, team))
    deliver_outbox()

    assert parts()["outside"] == (0, 0)
    assert Developer.objects.get(user=early).revenue == 6_000_000
    assert Account.objects.get(pk=team.pk).developer_id == early.pk
    assert rebuild() == []


def test_a_contract_without_anybody_is_on_a_line_of_its_own(
    person: Any, deliver_outbox: Deliver
) -> None:
    team = create_organisation("Northwind", owner=person("staff", is_staff=True))
    say(cost(team, 7))
    pay(team, None, 6_000_000)

    deliver_outbox()

    assert parts()["outside"] == (6_000_000, 7 * NANO)
    assert parts()["missing"] == (0, 0)


def test_an_idle_personal_organisation_of_a_team_is_nobody(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, alone = person("founder"), person("alone")
    team = create_organisation("Northwind", owner=founder)
    say(*active(founder, team), *active(alone, personal_organisation(alone)))

    deliver_outbox()

    counted = Account.objects.counted().values_list("organisation__slug", flat=True)
    assert sorted(counted) == sorted([team.slug, personal_organisation(alone).slug])


def test_a_buying_group_tells_who_founded_called_and_paid(
    person: Any, deliver_outbox: Deliver
) -> None:
    founder, colleague, buyer = person("founder"), person("colleague"), person("buyer")
    team = create_organisation("Northwind", owner=founder)
    say(MemberAdded(organisation_id=team.pk, user_id=colleague.pk, role="member"))
    say(*active(colleague, team))
    pay(team, buyer, 2_000)
    deliver_outbox()

    group = GroupMember.objects.filter(account=team.pk)

    assert sorted(group.values_list("developer__user__username", "role")) == [
        ("buyer", "payer"),
        ("colleague", "caller"),
        ("colleague", "member"),
        ("founder", "founder"),
    ]


@pytest.mark.django_db(transaction=True)
def test_who_joins_and_becomes_active_at_once_is_not_overlooked(
    person: Any, deliver_outbox: Deliver
) -> None:
    from billing.conversion.services import record_milestone, record_part

    staff, user = person("staff", is_staff=True), person("ada")
    deliver_outbox()
    now = datetime.now(UTC)
    for number in range(4):
        team = create_organisation(f"T{number}", owner=staff)
        deliver_outbox()
        Developer.objects.filter(user=user).update(
            verified_at=now, first_activity_at=None, activated_at=None
        )
        done = together(
            lambda: record_milestone(user.pk, "first_activity_at", at=now),
            lambda pk=team.pk: record_part(  # type: ignore[misc]
                pk, user_id=user.pk, role=GroupMember.Role.MEMBER, at=now
            ),
        )
        assert done == [None, None]
        assert Account.objects.get(pk=team.pk).developer_id == user.pk
    connection.close()


def test_a_payment_in_another_currency_counts_at_the_rate_of_its_day(
    person: Any, deliver_outbox: Deliver
) -> None:
    ada = person("ada")
    team = personal_organisation(ada)
    say(*active(ada, team))
    at = datetime(2026, 11, 6, 12, tzinfo=UTC)
    record_rate("eur", date(2026, 11, 5), nano=1_083_700_000, by=None)
    record_rate("eur", date(2026, 11, 7), nano=2_000_000_000, by=None)
    paid = pay(team, ada, 2_001, currency="eur", paid_at=at, issued_at=at)
    deliver_outbox()

    # 20.01 euro at 1.0837 are 21.684837 dollars.
    assert Developer.objects.get(user=ada).revenue == 2_168
    assert parts()["foreign"] == (2_168, 0)

    refund = RefundRecord(
        stripe_id="re_1", amount=2_001, status="succeeded", refunded_at=at
    )
    record_refund(refund, invoice=paid)
    deliver_outbox()

    assert Developer.objects.get(user=ada).revenue == 0
    assert parts()["missing"] == (0, 0)
    assert rebuild() == []


def test_a_payment_waits_for_its_rate_and_a_wrong_rate_is_put_right(
    person: Any, deliver_outbox: Deliver
) -> None:
    ada = person("ada")
    at = datetime(2026, 11, 6, 12, tzinfo=UTC)
    pay(personal_organisation(ada), ada, 500, currency="jpy", paid_at=at)
    deliver_outbox()
    assert bridge(START, END).foreign[0].unrated == 500

    record_rate("jpy", date(2026, 11, 6), nano=66_000_000, by=None)
    assert ForeignInvoice.objects.get().converted == 3_300
    record_rate("jpy", date(2026, 11, 6), nano=6_600_000, by=None)

    # 500 yen at 0.0066 are 3.30 dollars; yen have no minor unit.
    assert Developer.objects.get(user=ada).revenue == 330
    assert parts()["missing"] == (0, 0)


def test_a_rate_that_is_older_than_a_week_is_none(
    person: Any, deliver_outbox: Deliver
) -> None:
    ada = person("ada")
    at = datetime(2026, 11, 13, 12, tzinfo=UTC)
    record_rate("eur", date(2026, 11, 5), nano=NANO, by=None)
    pay(personal_organisation(ada), ada, 500, currency="eur", paid_at=at)

    deliver_outbox()

    assert ForeignInvoice.objects.get().factor_nano is None


def test_a_person_left_out_leaves_n_and_their_money_stays_in_the_bridge(
    person: Any, deliver_outbox: Deliver
) -> None:
    ada, boss = person("ada"), person("boss", is_staff=True)
    team = personal_organisation(ada)
    say(*active(ada, team))
    pay(team, ada, 2_000)
    deliver_outbox()

    set_person_excluded(ada, is_excluded=True, reason="a test", by=boss)
    assert cohorts_by_source(START, END) == []
    assert parts()["outside"] == (2_000, 0)

    set_person_excluded(ada, is_excluded=False, reason="a mistake", by=boss)
    assert parts()["here"] == (2_000, 0)
    assert rebuild() == []


def test_an_organisation_left_out_takes_its_money_from_the_person(
    person: Any, deliver_outbox: Deliver
) -> None:
    ada, boss = person("ada"), person("boss", is_staff=True)
    team = create_organisation("Test", owner=ada)
    say(*active(ada, team))
    pay(team, ada, 2_000)
    deliver_outbox()

    account = Account.objects.get(pk=team.pk)
    set_organisation_excluded(account, is_excluded=True, reason="a test", by=boss)

    assert Developer.objects.get(user=ada).revenue == 0
    assert Developer.objects.get(user=ada).paid_at is None
    assert parts()["outside"] == (2_000, 0)
    assert rebuild() == []


def test_the_home_page_counts_organisations_when_asked(
    person: Any, deliver_outbox: Deliver, client: Client
) -> None:
    client.force_login(person("staff", is_staff=True))
    ada = person("ada")
    for name in ("One", "Two"):
        say(*active(ada, create_organisation(name, owner=ada)))
    deliver_outbox()

    people = client.get("/staff/conversion/").content.decode()
    teams = client.get("/staff/conversion/?unit=organisation").content.decode()
    rows = client.get("/staff/conversion/people/?unit=organisation").content.decode()

    assert 'data-figure="developers"' in people
    assert "Organisations (N)" in teams
    assert people.count(">1</a>") > 0
    assert ">2</a>" in teams
    assert "/staff/conversion/organisations/one/" in rows
    assert client.get("/staff/conversion/?unit=cat").status_code == 400

"""The figures add up to the ledger, to the cent, whatever happened."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.queries import personal_organisation
from accounts.services import create_organisation
from billing.conversion.bridge import bridge
from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.services import record_invoice
from contracts.accounts import EmailVerified
from contracts.inference import FirstCallSucceeded
from outbox import publish
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)


def pay(
    organisation: Any, user: Any | None, amount: int, currency: str = "usd"
) -> None:
    record_invoice(
        invoice_record(amount, currency=currency),
        organisation_id=organisation.pk,
        user_id=user.pk if user else None,
        fetched_at=datetime.now(UTC),
    )


def test_every_part_of_the_ledger_is_told(
    person: Any, deliver_outbox: Callable[[], int]
) -> None:
    active, staff = person("active"), person("staff", is_staff=True)
    team = create_organisation("Ours", owner=staff)
    with transaction.atomic():
        publish(EmailVerified(user_id=active.pk))
        publish(
            FirstCallSucceeded(
                organisation_id=personal_organisation(active).pk,
                user_id=active.pk,
                model="small",
            )
        )
    pay(personal_organisation(active), active, 2_000)
    pay(team, None, 6_000_000)
    pay(personal_organisation(active), active, 900, "eur")
    deliver_outbox()

    found = bridge(START, END)

    assert [part.amount for part in found.parts] == [2_000, 0, 6_000_000, 0]
    assert found.ledger == 6_002_000
    assert found.foreign == (("eur", 900),)


def test_any_history_adds_up(person: Any, deliver_outbox: Callable[[], int]) -> None:
    dice = random.Random(7)  # noqa: S311 - a history that can be told again
    people = [person(f"p{number}", is_staff=number % 5 == 0) for number in range(12)]
    teams = [
        create_organisation(f"T{number}", owner=people[number]) for number in range(6)
    ]
    organisations = [*teams, *(personal_organisation(each) for each in people)]
    for _step in range(60):
        someone, organisation = dice.choice(people), dice.choice(organisations)
        act = dice.randrange(3)
        if act == 0:
            with transaction.atomic():
                publish(EmailVerified(user_id=someone.pk))
        elif act == 1:
            with transaction.atomic():
                publish(
                    FirstCallSucceeded(
                        organisation_id=organisation.pk, user_id=someone.pk, model="m"
                    )
                )
        else:
            payer = dice.choice([someone, None])
            pay(
                organisation,
                payer,
                dice.randrange(1, 9_999),
                dice.choice(["usd", "eur"]),
            )
        if dice.random() < 0.5:
            deliver_outbox()
    deliver_outbox()

    found = bridge(START, END)
    cohort = total(cohorts_by_source(START, END, window=WINDOW, as_of=END))

    assert found.unaccounted == 0
    assert sum(part.amount for part in found.parts) == found.ledger
    assert found.parts[0].amount == cohort.revenue
    assert rebuild() == []


def test_the_check_says_when_they_do_not_add_up(
    person: Any, deliver_outbox: Callable[[], int], capsys: Any
) -> None:
    ada = person("ada")
    pay(personal_organisation(ada), ada, 2_000)
    call_command("conversion", "check")
    deliver_outbox()
    call_command("conversion", "check")

    Account.objects.update(revenue=1)

    with pytest.raises(CommandError, match="1999 minor units"):
        call_command("conversion", "check")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_who_pay_in_one_second_the_order_they_are_heard_in_decides_nothing(
    order: tuple[int, int], person: Any, deliver_outbox: Callable[[], int]
) -> None:
    payers = [person("earlier"), person("later")]
    team = create_organisation("Ours", owner=person("staff", is_staff=True))
    deliver_outbox()
    now = datetime.now(UTC)
    for number in order:
        record_invoice(
            invoice_record(1_000 + number, paid_at=now),
            organisation_id=team.pk,
            user_id=payers[number].pk,
            fetched_at=now,
        )
        deliver_outbox()

    account = Account.objects.get(organisation_id=team.pk)

    assert account.payer_id == payers[0].pk
    assert rebuild() == []

"""The figures add up to the ledger, to the cent, whatever happened."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.queries import personal_organisation
from accounts.services import create_organisation
from billing.conversion.bridge import Foreign, bridge
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.services import record_invoice
from contracts.accounts import EmailVerified
from contracts.inference import FirstCallSucceeded
from outbox import publish
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


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

    amounts = {part.key: part.amount for part in found.parts}
    assert amounts == {
        "here": 2_000,
        "elsewhere": 0,
        "outside": 6_000_000,
        "foreign": 0,
        "missing": 0,
    }
    assert found.ledger.amount == 6_002_000
    assert found.foreign == (Foreign("eur", net=900, converted=0, unrated=900),)


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

"""Late corrections: entries beside a call that move its hour, month and quota."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import ProgrammingError, transaction
from django.db.models import Sum

from accounts.queries import personal_organisation
from billing.ledger.models import UsageCost
from inference.usage import quota, services
from inference.usage.checks import CHECKS
from inference.usage.corrections import billed, correct_usage
from inference.usage.exceptions import ImpossibleUsage
from inference.usage.models import (
    OrganisationMonth,
    UsageCorrection,
    UsageEvent,
    UsageHour,
)
from stores.redis import client
from tests.factories.inference import key_of, offered_model, used
from tests.races import together

AT = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)
START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def call(transactional_db: None, person: Callable[..., Any]) -> UsageEvent:
    """One call of 100 tokens and 50, at $1 and $2 a million; it cost half of that."""
    ada = person("ada")
    organisation = personal_organisation(ada)
    model = offered_model()
    return used(
        organisation,
        key_of(organisation, ada),
        at=AT,
        price_version_id=model.prices.get().pk,
    )


def broken() -> list[str]:
    return [what for check in CHECKS for what in check(START)]


def test_a_correction_moves_the_sums_and_the_quota_and_leaves_the_call_as_it_was(
    call: UsageEvent, deliver_outbox: Callable[[], int]
) -> None:
    services.report_hours()
    money = quota.money_key(call.organisation_id, "202605")
    client().hset(money, mapping={"spent": 200_000, f"k:{call.key_id}": 200_000})

    entry = correct_usage(call, tokens_in=100, tokens_out=20, reason="Template.")
    services.report_hours()
    deliver_outbox()

    assert entry is not None
    assert (entry.tokens_out, entry.price_nano, entry.cost_nano) == (
        -30,
        -60_000,
        -30_000,
    )
    call.refresh_from_db()
    assert (call.tokens_out, call.price_nano) == (50, 200_000)
    assert billed(call).price_nano == 140_000
    assert OrganisationMonth.objects.get().price_nano == 140_000
    hour = UsageHour.objects.get()
    assert (hour.requests, hour.tokens_out, hour.price_nano) == (1, 20, 140_000)
    # The ledger hears of the difference only.
    told = UsageCost.objects.aggregate(price=Sum("price_nano"), cost=Sum("cost_nano"))
    assert told == {"price": 140_000, "cost": 70_000}
    assert client().hgetall(money) == {b"doubt": b"1"}
    assert broken() == []


def test_the_same_correction_twice_is_one_entry(call: UsageEvent) -> None:
    def correct() -> None:
        correct_usage(call, tokens_in=90, tokens_out=50, reason="Again.")

    together(correct, correct)

    assert UsageCorrection.objects.count() == 1
    assert OrganisationMonth.objects.get().price_nano == 190_000


def test_a_correction_can_be_corrected_and_never_changed(call: UsageEvent) -> None:
    first = correct_usage(call, tokens_in=90, tokens_out=50, reason="A guess.")
    correct_usage(call, tokens_in=95, tokens_cached=5, tokens_out=50, reason="Better.")

    assert first is not None
    assert (billed(call).tokens_in, billed(call).tokens_cached) == (95, 5)
    assert billed(call).price_nano == 90_000 + 2_500 + 100_000
    with pytest.raises(ProgrammingError), transaction.atomic():
        UsageCorrection.objects.filter(pk=first.pk).update(price_nano=0)
    with pytest.raises(ProgrammingError), transaction.atomic():
        first.delete()
    assert broken() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens_in": -1},
        {"tokens_out": -1},
        {"tokens_cached": 101},
        {"reason": "  "},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    call: UsageEvent, wrong: dict[str, Any]
) -> None:
    asked = {"tokens_in": 100, "tokens_out": 50, "reason": "Because.", **wrong}

    with pytest.raises(ImpossibleUsage):
        correct_usage(call, **asked)

    assert UsageCorrection.objects.count() == 0
    assert OrganisationMonth.objects.get().price_nano == 200_000


def test_what_does_not_add_up_is_found(call: UsageEvent) -> None:
    assert broken() == []
    UsageHour.objects.update(price_nano=1)
    OrganisationMonth.objects.update(requests=7)
    UsageEvent.objects.update(price_nano=999_999, held_nano=1)

    rules = {check.__name__ for check in CHECKS if list(check(START))}

    assert rules == {check.__name__ for check in CHECKS}


def test_the_command_checks_shows_and_corrects(call: UsageEvent) -> None:
    said = StringIO()
    call_command("usage", "check", "--days", "4000", stdout=said)
    call_command(
        *("usage", "correct", call.pk, "--tokens-in", "100", "--tokens-out", "20"),
        *("--reason", "Template."),
        stdout=said,
    )

    assert "hours_are_their_calls" in said.getvalue()
    assert "WRONG" not in said.getvalue()
    assert "20 out, $0.00014" in said.getvalue()
    assert "-60000 nano: Template." in said.getvalue()
    with pytest.raises(CommandError, match="There is no call req_none"):
        call_command("usage", "show", "req_none")
    UsageHour.objects.update(price_nano=1)
    with pytest.raises(SystemExit):
        call_command("usage", "check", "--days", "4000", stdout=said)
    assert "1 WRONG" in said.getvalue()

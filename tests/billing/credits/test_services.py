"""Giving credit and taking it back: once, with a reason, never more than there is."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from audit.models import Record
from billing.credits import services, tasks
from billing.credits.checks import CHECKS
from billing.credits.exceptions import (
    CreditKeyReused,
    CreditSpent,
    ImpossibleCredit,
)
from billing.credits.models import CreditEntry, CreditGrant
from billing.credits.notices import remind_of_expiry
from billing.credits.subscribers import cover_usage as hear
from billing.credits.subscribers import tell_expired, tell_granted, tell_withdrawn
from contracts.billing import CreditExpired, CreditGranted, CreditWithdrawn
from core.money import NANO
from entitlements.features import Features
from entitlements.services import replace_for
from notifications.models import Notification
from outbox.models import Event
from tests.factories.accounts import with_seats
from tests.factories.credits import credit_of, usage_of
from tests.races import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(person: Callable[..., Any]) -> User:
    found: User = person("ada")
    return found


@pytest.fixture
def acme(ada: User) -> Organisation:
    return Organisation.objects.get(owner=ada)


def grant(organisation: Organisation, **fields: Any) -> CreditGrant:
    values: dict[str, Any] = {
        "kind": "promotion",
        "amount_nano": 10,
        "key": "one",
        "reason": "Welcome",
    }
    return services.grant_credit(organisation.pk, **{**values, **fields})


def facts() -> list[tuple[str, int]]:
    events = Event.objects.filter(name__startswith="Credit").order_by("pk")
    return [(event.name, event.payload["amount_nano"]) for event in events]


def test_credit_is_given_with_its_entry_a_record_and_a_fact(
    acme: Organisation, ada: User
) -> None:
    given = grant(acme, by=ada, reason="  Welcome ")

    assert (given.remaining_nano, given.priority, given.reason) == (10, 30, "Welcome")
    entry = CreditEntry.objects.get()
    assert (entry.kind, entry.delta_nano, entry.balance_nano) == ("granted", 10, 10)
    record = Record.objects.get(action="credit.granted")
    assert (record.actor, record.organisation) == (ada, acme)
    assert record.after == {
        "kind": "promotion",
        "amount_nano": 10,
        "left_nano": 10,
        "reason": "Welcome",
    }
    assert facts() == [("CreditGranted", 10)]


def test_the_same_key_gives_once_and_never_something_else(
    acme: Organisation, person: Callable[..., Any]
) -> None:
    first = grant(acme)

    assert grant(acme, reason="In other words") == first
    other = Organisation.objects.get(owner=person("ben"))
    for change in ({"amount_nano": 11}, {"kind": "support"}):
        with pytest.raises(CreditKeyReused):
            grant(acme, **change)
    with pytest.raises(CreditKeyReused):
        grant(other)

    assert CreditGrant.objects.count() == CreditEntry.objects.count() == 1
    assert facts() == [("CreditGranted", 10)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_nano", 0),
        ("amount_nano", -1),
        ("amount_nano", services.MOST_NANO + 1),
        ("kind", "loan"),
        ("reason", " "),
        ("reason", "x" * 201),
        ("key", ""),
        ("key", "x" * 129),
        ("priority", 101),
        ("priority", -1),
        ("currency", "eur"),
        ("expires_at", timezone.now() - timedelta(seconds=1)),
    ],
)
def test_what_cannot_be_credit_is_named_and_nothing_is_given(
    acme: Organisation, field: str, value: Any
) -> None:
    with pytest.raises(ImpossibleCredit) as caught:
        grant(acme, **{field: value})

    assert caught.value.field == field.removesuffix("_nano")
    assert not CreditGrant.objects.exists()
    assert facts() == []


def test_a_part_is_taken_back_then_the_rest_and_what_was_used_stays_used(
    acme: Organisation, ada: User
) -> None:
    replace_for(acme.pk, Features(monthly_allowance_nano=0), source="test")
    given = grant(acme)
    hear(usage_of(acme, 3))

    assert services.withdraw_credit(given.pk, key="a", reason="No", amount_nano=5) == 5
    given.refresh_from_db()
    assert (given.remaining_nano, given.withdrawn_at) == (2, None)
    taken = services.withdraw_credit(given.pk, key="b", reason="No", by=ada)
    given.refresh_from_db()

    assert (taken, given.remaining_nano) == (2, 0)
    assert given.withdrawn_at is not None
    assert facts() == [
        ("CreditGranted", 10),
        ("CreditWithdrawn", 5),
        ("CreditWithdrawn", 2),
    ]
    last = Record.objects.filter(action="credit.withdrawn").order_by("-pk")[0]
    assert (last.actor, last.target) == (ada, given.public_id)


def test_more_than_is_left_is_not_taken_back(acme: Organisation) -> None:
    given = grant(acme)

    with pytest.raises(CreditSpent):
        services.withdraw_credit(given.pk, key="a", reason="No", amount_nano=11)
    services.withdraw_credit(given.pk, key="b", reason="No")
    with pytest.raises(CreditSpent):
        services.withdraw_credit(given.pk, key="c", reason="No")
    with pytest.raises(ImpossibleCredit):
        services.withdraw_credit(given.pk, key="d", reason="No", amount_nano=0)
    with pytest.raises(ImpossibleCredit):
        services.withdraw_credit(given.pk, key="e", reason="")

    assert CreditEntry.objects.count() == 2


def test_the_same_key_takes_back_once(acme: Organisation) -> None:
    given, other = grant(acme), credit_of(acme, 10)

    for _ in range(2):
        taken = services.withdraw_credit(given.pk, key="a", reason="No", amount_nano=4)
        assert taken == 4
    with pytest.raises(CreditKeyReused):
        services.withdraw_credit(given.pk, key="a", reason="No", amount_nano=5)
    with pytest.raises(CreditKeyReused):
        services.withdraw_credit(other.pk, key="a", reason="No", amount_nano=4)

    given.refresh_from_db()
    assert given.remaining_nano == 6


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_give_under_one_key_one_gives(acme: Organisation) -> None:
    came = together(*(partial(grant, acme) for _ in range(8)))

    assert {found.pk for found in came} == {CreditGrant.objects.get().pk}
    assert facts() == [("CreditGranted", 10)]


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_take_seven_of_ten_one_takes(acme: Organisation) -> None:
    given = grant(acme)

    came = together(
        *(
            partial(
                services.withdraw_credit,
                given.pk,
                key=f"k{number}",
                reason="No",
                amount_nano=7,
            )
            for number in range(8)
        )
    )

    assert came.count(7) == 1
    assert sum(isinstance(found, CreditSpent) for found in came) == 7
    given.refresh_from_db()
    assert given.remaining_nano == 3


def test_credit_ends_two_minutes_after_its_time_and_once(acme: Organisation) -> None:
    ends_at = timezone.now() + timedelta(hours=1)
    given, keeps = grant(acme, expires_at=ends_at), credit_of(acme, 5)

    assert services.expire_credit(now=ends_at + timedelta(seconds=119)) == 0
    assert services.expire_credit(now=ends_at + timedelta(seconds=120)) == 1
    assert services.expire_credit(now=ends_at + timedelta(days=1)) == 0

    given.refresh_from_db()
    assert given.remaining_nano == 0
    assert keeps.remaining_nano == 5
    assert facts()[-1] == ("CreditExpired", 10)
    assert [found for check in CHECKS for found in check()] == []


@pytest.mark.django_db(transaction=True)
def test_two_that_end_the_same_credit_end_it_once(acme: Organisation) -> None:
    ends_at = timezone.now() + timedelta(hours=1)
    grant(acme, expires_at=ends_at)
    later = ends_at + timedelta(days=1)

    together(*(partial(services.expire_credit, now=later) for _ in range(4)))

    assert CreditEntry.objects.filter(kind="expired").count() == 1
    assert facts() == [("CreditGranted", 10), ("CreditExpired", 10)]


def test_the_job_covers_what_waits_before_it_ends_anything(acme: Organisation) -> None:
    tasks.expire_credit()
    tasks.remind_of_expiry()

    assert not CreditEntry.objects.exists()


def test_the_database_keeps_what_was_given_and_every_entry(acme: Organisation) -> None:
    given = grant(acme)
    entry = CreditEntry.objects.get()

    for change in (
        lambda: CreditGrant.objects.update(amount_nano=11),
        lambda: CreditGrant.objects.update(reason="Another"),
        lambda: CreditEntry.objects.update(delta_nano=11),
        lambda: given.entries.all().delete(),
        lambda: CreditGrant.objects.filter(pk=given.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    for breach in (
        lambda: CreditGrant.objects.update(remaining_nano=11),
        lambda: CreditGrant.objects.update(remaining_nano=-1),
        lambda: CreditEntry.objects.create(
            grant=given,
            organisation=acme,
            kind="used",
            delta_nano=1,
            balance_nano=0,
            month="2026-01-01",
        ),
        lambda: CreditEntry.objects.create(
            grant=given, organisation=acme, kind="used", delta_nano=-1, balance_nano=9
        ),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            breach()

    entry.refresh_from_db()
    assert entry.delta_nano == 10


def test_a_check_finds_what_does_not_add_up(acme: Organisation) -> None:
    given = grant(acme)
    replace_for(acme.pk, Features(monthly_allowance_nano=0), source="test")
    hear(usage_of(acme, 4))
    CreditGrant.objects.filter(pk=given.pk).update(remaining_nano=7)
    given.refresh_from_db()
    services.record_entry(given, CreditEntry.Kind.WITHDRAWN, -1)
    CreditEntry.objects.create(
        grant=given,
        organisation=acme,
        kind="used",
        delta_nano=-2,
        balance_nano=9,
        month=timezone.now().date().replace(day=1),
    )

    found = {check.__name__: len(list(check())) for check in CHECKS}

    assert {name: count for name, count in found.items() if count} == {
        "grants_are_their_entries": 1,
        "balances_follow_each_other": 2,
        "what_was_drawn_covered_usage": 1,
    }


def test_those_who_look_after_the_money_are_told_and_others_are_not(
    ada: User, person: Callable[..., Any]
) -> None:
    team = with_seats(create_organisation("Acme", owner=ada), 5)
    add_member(team, user=person("bill"), role=Membership.Role.BILLING)
    add_member(team, user=person("mem"), role=Membership.Role.MEMBER)
    ends_at = timezone.now() + timedelta(days=6)
    given = grant(team, amount_nano=5 * NANO, expires_at=ends_at)
    common: dict[str, Any] = {
        "organisation_id": team.pk,
        "grant_id": given.pk,
        "kind": "promotion",
        "amount_nano": 2 * NANO,
        "currency": "usd",
    }

    assert remind_of_expiry() == 1
    for _ in range(2):
        tell_granted(CreditGranted(**common))
        assert remind_of_expiry() == 0
        tell_withdrawn(CreditWithdrawn(**common, entry_id=1))
        tell_expired(CreditExpired(**common))

    told = Notification.objects.order_by("pk").values_list("user__username", "title")
    titles = [
        "Acme has received credit",
        "Credit of Acme expires soon",
        "Credit of Acme was taken back",
        "Credit of Acme has expired",
    ]
    assert sorted(told) == sorted(
        (name, title) for name in ("ada", "bill") for title in titles
    )
    assert (
        "$2.00"
        in Notification.objects.get(user=ada, title="Acme has received credit").body
    )


def test_credit_without_a_near_end_is_not_spoken_of(acme: Organisation) -> None:
    grant(acme)
    credit_of(acme, 5, expires_at=timezone.now() + timedelta(days=8))

    assert remind_of_expiry() == 0
    assert not Notification.objects.exists()

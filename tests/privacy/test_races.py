"""Two at once: closings, one taken back, a purchase, the last two owners."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import services as accounts
from accounts.models import Membership, Organisation, User
from accounts.queries import personal_organisation
from outbox.models import Event as Fact
from privacy import services
from privacy.exceptions import AlreadyClosed, NotClosed
from privacy.models import Closing, DataExport
from tests.factories.accounts import with_seats
from tests.factories.privacy import subscription_of
from tests.races import together

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]


def facts(name: str) -> int:
    return Fact.objects.filter(name=name).count()


def test_two_closings_are_one(person: Person) -> None:
    ada = person("ada")

    ends = together(*[lambda: services.close_account(ada)] * 2)

    assert sorted(type(end).__name__ for end in ends) == ["AlreadyClosed", "Closing"]
    assert any(isinstance(end, AlreadyClosed) for end in ends)
    assert facts("AccountClosed") == 1


def test_two_requests_are_one_copy(person: Person) -> None:
    ada = person("ada")

    ends = together(*[lambda: services.create_export(ada)] * 2)

    assert {end.pk for end in ends} == {DataExport.objects.get().pk}


def test_either_it_is_taken_back_or_erased(
    person: Person, let_days_pass: Callable[[Any], None]
) -> None:
    ada = person("ada")
    closing = services.close_account(ada)
    let_days_pass(ada)

    back, erased = together(
        lambda: services.restore_account(ada), lambda: services.erase_account(closing)
    )

    ada.refresh_from_db()
    closing.refresh_from_db()
    if erased is True:
        assert isinstance(back, NotClosed)
        assert (ada.is_active, closing.reopened_at) == (False, None)
    else:
        assert (back, erased) == (None, False)
        assert (ada.username, closing.erased_at) == ("ada", None)


def test_two_erasures_are_one(
    person: Person, let_days_pass: Callable[[Any], None]
) -> None:
    ada = person("ada")
    closing = services.close_account(ada)
    let_days_pass(ada)

    ends = together(*[lambda: services.erase_account(closing)] * 2)

    assert sorted(ends) == [False, True]
    assert facts("AccountErased") == 1


def test_a_purchase_that_is_being_written_is_waited_for_and_found(
    person: Person, let_days_pass: Callable[[Any], None]
) -> None:
    ada = person("ada")
    mine = personal_organisation(ada)
    closing = services.close_account(ada)
    let_days_pass(ada)
    is_written, may_commit = Event(), Event()

    def buy() -> None:
        with transaction.atomic():
            # As the mirror of Stripe's subscriptions does.
            Organisation.objects.select_for_update().get(pk=mine.pk)
            subscription_of(mine)
            is_written.set()
            assert may_commit.wait(60)

    def erase() -> bool:
        assert is_written.wait(60)
        return services.erase_account(closing)

    def commit() -> None:
        assert is_written.wait(60)
        # Only once the erasure waits for the purchase; or has not, and is over.
        for _ in range(600):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                    "'Lock' AND query LIKE '%%accounts_organisation%%'"
                    " AND datname = current_database()"
                )
                waiting = cursor.fetchone()[0]
            if waiting or User.objects.get(pk=ada.pk).erased_at:
                break
            Event().wait(0.05)
        may_commit.set()

    _bought, erased, _committed = together(buy, erase, commit)

    assert erased is False
    ada.refresh_from_db()
    assert (ada.username, ada.erased_at) == ("ada", None)
    assert ada.closes_at is not None


def test_of_two_owners_who_leave_one_stays(
    person: Person, let_days_pass: Callable[[Any], None]
) -> None:
    ada, ben, cy = person("ada"), person("ben"), person("cy")
    team = with_seats(accounts.create_organisation("Northwind", owner=ada), 5)
    accounts.add_member(team, user=ben, role=Membership.Role.OWNER)
    accounts.add_member(team, user=cy)
    closings = [services.close_account(each) for each in (ada, ben)]
    for each in (ada, ben):
        let_days_pass(each)

    together(*[lambda row=row: services.erase_account(row) for row in closings])

    owners = team.memberships.filter(role=Membership.Role.OWNER)
    assert owners.count() == 1
    assert User.objects.filter(erased_at__isnull=False).count() == 1
    assert Closing.objects.filter(erased_at=None).count() == 1

"""What is large takes two people: asked by one, decided by another, done once."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from audit.models import Record
from billing.approvals import services, tasks
from billing.approvals.exceptions import (
    AlreadyAsked,
    ApprovalClosed,
    NeedsApproval,
    NotYourDecision,
    OwnOrganisation,
)
from billing.approvals.limits import (
    discount_needs_second_person,
    needs_second_person,
)
from billing.approvals.models import Approval
from billing.credits.models import CreditGrant
from core.money import NANO
from notifications.models import Notification
from outbox.models import Event
from tests.factories.accounts import with_seats
from tests.races import together

pytestmark = pytest.mark.django_db

Staff = dict[str, User]


@pytest.fixture
def staff(person: Callable[..., Any]) -> Staff:
    return {name: person(name, is_staff=True) for name in ("asker", "second", "third")}


@pytest.fixture
def acme(person: Callable[..., Any]) -> Organisation:
    return create_organisation("Acme", owner=person("ada"))


def ask(acme: Organisation, by: User, **fields: Any) -> Approval:
    """Ask for two thousand dollars of credit."""
    amount = fields.pop("amount", 200_000)
    values: dict[str, Any] = {
        "subject": "staff:one",
        "amount": amount,
        "currency": "usd",
        "reason": "An outage of two days",
        "details": {
            "kind": "support",
            "amount_nano": amount * NANO // 100,
            "currency": "usd",
            "reason": "Sorry for the outage",
            "expires_at": None,
        },
    }
    return services.request_approval(
        Approval.Kind.CREDIT, organisation=acme, by=by, **{**values, **fields}
    )


def facts() -> list[str]:
    events = Event.objects.filter(name__startswith="Approval").order_by("pk")
    return list(events.values_list("name", flat=True))


def records() -> list[str]:
    rows = Record.objects.filter(action__startswith="approval.").order_by("pk")
    return list(rows.values_list("action", flat=True))


def test_a_second_person_s_yes_does_what_was_asked(
    acme: Organisation, staff: Staff
) -> None:
    approval = ask(acme, staff["asker"])
    assert not CreditGrant.objects.exists()

    services.approve(approval, by=staff["second"], answer=" Fine ")

    grant = CreditGrant.objects.get()
    assert (grant.amount_nano, grant.granted_by) == (2_000 * NANO, staff["asker"])
    approval.refresh_from_db()
    assert approval.state == Approval.State.APPROVED
    assert (approval.decided_by, approval.answer) == (staff["second"], "Fine")
    assert facts() == ["ApprovalRequested", "ApprovalGranted"]
    assert records() == ["approval.requested", "approval.granted"]


def test_whoever_may_decide_is_told_and_nobody_else(
    acme: Organisation, staff: Staff
) -> None:
    with_seats(acme, 5)
    add_member(acme, user=staff["third"])

    approval = ask(acme, staff["asker"])

    told = Notification.objects.filter(dedupe_key=f"approval-{approval.pk}")
    assert [each.user for each in told] == [staff["second"]]


def test_a_no_does_nothing_and_who_asked_is_told(
    acme: Organisation, staff: Staff
) -> None:
    approval = ask(acme, staff["asker"])

    services.reject(approval, by=staff["second"], answer="Too much")

    assert not CreditGrant.objects.exists()
    assert facts() == ["ApprovalRequested", "ApprovalRejected"]
    news = Notification.objects.get(user=staff["asker"])
    assert news.body == "Too much"


def test_nobody_decides_what_they_asked_for(acme: Organisation, staff: Staff) -> None:
    approval = ask(acme, staff["asker"])

    with pytest.raises(NotYourDecision):
        services.approve(approval, by=staff["asker"], answer="Yes")
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(
            state="approved", decided_by=staff["asker"], decided_at=timezone.now()
        )

    assert not CreditGrant.objects.exists()


def test_nobody_decides_about_an_organisation_they_belong_to(
    acme: Organisation, staff: Staff
) -> None:
    with_seats(acme, 5)
    approval = ask(acme, staff["asker"])
    add_member(acme, user=staff["second"], role=Membership.Role.MEMBER)

    for decide in (services.approve, services.reject):
        with pytest.raises(NotYourDecision):
            decide(approval, by=staff["second"], answer="Yes")

    approval.refresh_from_db()
    assert approval.state == Approval.State.WAITING


def test_nobody_asks_for_an_organisation_they_belong_to(
    acme: Organisation, staff: Staff
) -> None:
    with_seats(acme, 5)
    add_member(acme, user=staff["asker"])

    with pytest.raises(OwnOrganisation):
        ask(acme, staff["asker"])

    assert not Approval.objects.exists()


def test_who_is_not_of_the_staff_neither_asks_nor_decides(
    acme: Organisation, staff: Staff, person: Callable[..., Any]
) -> None:
    stranger = person("stranger")
    with pytest.raises(OwnOrganisation):
        ask(acme, stranger)
    approval = ask(acme, staff["asker"])

    with pytest.raises(NotYourDecision):
        services.approve(approval, by=stranger, answer="Yes")

    assert not CreditGrant.objects.exists()


def test_the_same_is_asked_for_once(acme: Organisation, staff: Staff) -> None:
    approval = ask(acme, staff["asker"])
    with pytest.raises(AlreadyAsked):
        ask(acme, staff["third"])
    services.approve(approval, by=staff["second"], answer="Yes")

    with pytest.raises(AlreadyAsked):
        ask(acme, staff["asker"])

    assert Approval.objects.count() == 1


def test_after_a_no_the_same_may_be_asked_for_again(
    acme: Organisation, staff: Staff
) -> None:
    services.reject(ask(acme, staff["asker"]), by=staff["second"], answer="No")

    assert ask(acme, staff["asker"]).state == Approval.State.WAITING


def test_what_nobody_decides_in_time_is_over(acme: Organisation, staff: Staff) -> None:
    approval = ask(acme, staff["asker"])
    late = timezone.now() - timedelta(minutes=1)
    Approval.objects.update(asked_at=late, expires_at=late)
    with pytest.raises(ApprovalClosed):
        services.approve(approval, by=staff["second"], answer="Yes")

    tasks.expire_requests()
    tasks.expire_requests()

    approval.refresh_from_db()
    assert approval.state == Approval.State.EXPIRED
    assert facts() == ["ApprovalRequested", "ApprovalExpired"]
    assert Notification.objects.filter(user=staff["asker"]).count() == 1
    assert not CreditGrant.objects.exists()


def test_an_old_request_makes_way_for_a_new_one(
    acme: Organisation, staff: Staff
) -> None:
    old = ask(acme, staff["asker"])
    Approval.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

    new = ask(acme, staff["asker"])

    old.refresh_from_db()
    assert (old.state, new.state) == ("expired", "waiting")


def test_only_who_asked_takes_it_back(acme: Organisation, staff: Staff) -> None:
    approval = ask(acme, staff["asker"])
    with pytest.raises(NotYourDecision):
        services.withdraw(approval, by=staff["second"])

    services.withdraw(approval, by=staff["asker"])

    with pytest.raises(ApprovalClosed):
        services.approve(approval, by=staff["second"], answer="Yes")
    assert facts() == ["ApprovalRequested", "ApprovalWithdrawn"]


def test_an_approval_is_of_exactly_what_was_asked_for(
    acme: Organisation, staff: Staff, person: Callable[..., Any]
) -> None:
    other = create_organisation("Other", owner=person("bo"))
    services.approve(ask(acme, staff["asker"]), by=staff["second"], answer="Yes")
    asked: dict[str, Any] = {
        "subject": "staff:one",
        "organisation_id": acme.pk,
        "amount": 200_000,
    }

    assert services.require_approval(Approval.Kind.CREDIT, **asked)
    changes: list[dict[str, Any]] = [
        {"subject": "staff:two"},
        {"organisation_id": other.pk},
        {"amount": 200_001},
    ]
    for change in changes:
        with pytest.raises(NeedsApproval):
            services.require_approval(Approval.Kind.CREDIT, **{**asked, **change})
    with pytest.raises(NeedsApproval):
        services.require_approval(Approval.Kind.REFUND, **asked)


@pytest.mark.parametrize(
    ("amount", "alone", "currency", "needs"),
    [
        (100_000, 0, "usd", False),
        (100_001, 0, "usd", True),
        (1, 99_999, "usd", False),
        (1, 100_000, "usd", True),
        (1_000, 0, "jpy", False),
        (1_001, 0, "jpy", True),
    ],
)
def test_the_limit_is_in_whole_units_of_the_currency(
    amount: int, alone: int, currency: str, needs: bool
) -> None:
    found = needs_second_person(
        Approval.Kind.CREDIT, amount=amount, currency=currency, alone=alone
    )

    assert found is needs


def test_the_limit_of_a_discount_is_a_share(settings: Any) -> None:
    settings.SECOND_PERSON_DISCOUNT = 15

    assert not discount_needs_second_person(1_500)
    assert discount_needs_second_person(1_501)


@pytest.mark.django_db(transaction=True)
def test_of_two_decisions_at_once_one_counts_and_acts_once(
    acme: Organisation, staff: Staff
) -> None:
    approval = ask(acme, staff["asker"])

    came = together(
        partial(services.approve, approval, by=staff["second"], answer="Yes"),
        partial(services.approve, approval, by=staff["third"], answer="Yes"),
        partial(services.reject, approval, by=staff["third"], answer="No"),
    )

    closed = [each for each in came if isinstance(each, ApprovalClosed)]
    decided = [each for each in came if isinstance(each, Approval)]
    assert (len(decided), len(closed)) == (1, 2)
    approval.refresh_from_db()
    granted = CreditGrant.objects.count()
    assert granted == (1 if approval.state == "approved" else 0)
    assert len(facts()) == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_once_one_is_there(acme: Organisation, staff: Staff) -> None:
    came = together(
        partial(ask, acme, staff["asker"]), partial(ask, acme, staff["second"])
    )

    assert sorted(type(each).__name__ for each in came) == ["AlreadyAsked", "Approval"]
    assert Approval.objects.count() == 1

"""Much credit takes two people, on the page and in the service."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.services import create_organisation
from billing.approvals import services as approvals
from billing.approvals.exceptions import NeedsApproval
from billing.approvals.models import Approval
from billing.credits import services
from billing.credits.approving import ask_for_credit
from billing.credits.models import CreditGrant
from core.money import NANO
from tests.races import together
from tests.signing_in import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def acme(person: Callable[..., Any]) -> Organisation:
    return create_organisation("Acme", owner=person("ada"))


@pytest.fixture
def sam(person: Callable[..., Any]) -> User:
    found: User = person("sam", is_staff=True)
    return found


def give(
    acme: Organisation, amount_nano: int, by: User | None, key: str = "k"
) -> CreditGrant:
    return services.grant_credit(
        acme.pk, kind="support", amount_nano=amount_nano, key=key, reason="Why", by=by
    )


def part(acme: Organisation, dollars: int, by: User) -> CreditGrant:
    """Give a part of something larger."""
    return give(acme, dollars * NANO, by, key=str(uuid.uuid4()))


def test_no_person_gives_more_than_the_limit_alone(
    acme: Organisation, sam: User
) -> None:
    with pytest.raises(NeedsApproval):
        give(acme, 1_000 * NANO + 1, sam)

    assert not CreditGrant.objects.exists()
    assert give(acme, 1_000 * NANO, sam).granted_by == sam


def test_in_parts_it_is_as_much_as_at_once(
    acme: Organisation, sam: User, person: Callable[..., Any]
) -> None:
    part(acme, 600, sam)
    part(acme, 400, sam)

    with pytest.raises(NeedsApproval):
        give(acme, 1, sam, key="one more")

    # To others, by others and by no person it is another matter.
    other = create_organisation("Other", owner=person("bo"))
    assert part(other, 1_000, sam)
    assert part(acme, 1_000, person("tim", is_staff=True))
    assert give(acme, 1, None)
    assert CreditGrant.objects.filter(organisation=acme, granted_by=sam).count() == 2


@pytest.mark.parametrize(("seconds", "may"), [(-60, False), (60, True)])
def test_parts_count_together_for_thirty_days(
    acme: Organisation, sam: User, seconds: int, may: bool
) -> None:
    then = timezone.now() - timedelta(days=30, seconds=seconds)
    with time_machine.travel(then, tick=False):
        part(acme, 1_000, sam)

    if may:
        assert part(acme, 1, sam)
    else:
        with pytest.raises(NeedsApproval):
            part(acme, 1, sam)


def test_what_was_taken_back_was_not_given(acme: Organisation, sam: User) -> None:
    wrong = part(acme, 900, sam)
    services.withdraw_credit(wrong.pk, key="back", reason="Wrong team", by=sam)

    assert part(acme, 1_000, sam)
    with pytest.raises(NeedsApproval):
        part(acme, 1, sam)


def test_what_two_decided_on_is_not_what_one_gave_alone(
    acme: Organisation, sam: User, person: Callable[..., Any]
) -> None:
    approval = ask_for_credit(
        acme,
        kind="support",
        amount_nano=5_000 * NANO,
        currency="usd",
        key="large",
        reason="A lost week",
        expires_at=None,
        by=sam,
    )
    approvals.approve(approval, by=person("second", is_staff=True), answer="Yes")
    assert CreditGrant.objects.get().granted_by == sam

    assert part(acme, 1_000, sam)
    with pytest.raises(NeedsApproval):
        part(acme, 1, sam)


@pytest.mark.django_db(transaction=True)
def test_parts_at_the_same_moment_are_together_what_one_may_give(
    acme: Organisation, sam: User
) -> None:
    came = together(*[partial(part, acme, 400, sam) for _ in range(5)])

    assert sum(isinstance(each, CreditGrant) for each in came) == 2
    assert {type(each) for each in came} == {CreditGrant, NeedsApproval}


def test_the_page_asks_a_colleague_about_a_part_that_is_too_much(
    acme: Organisation, sam: User
) -> None:
    part(acme, 999, sam)
    sent = {
        "organisation": acme.slug,
        "kind": "support",
        "amount": "2",
        "reason": "A lost hour",
        "once": str(uuid.uuid4()),
    }

    answer = browser_of(sam).post("/staff/credit/", sent, follow=True)

    assert "alone in the last 30 days" in answer.content.decode()
    assert (Approval.objects.get().amount, CreditGrant.objects.count()) == (200, 1)


def test_what_no_person_gives_has_no_limit(acme: Organisation) -> None:
    assert give(acme, 5_000 * NANO, None).amount_nano == 5_000 * NANO


def test_the_page_asks_a_colleague_whose_yes_grants_it(
    acme: Organisation, sam: User, person: Callable[..., Any]
) -> None:
    client = browser_of(sam)
    sent = {
        "organisation": acme.slug,
        "kind": "support",
        "amount": "2500.50",
        "expires_on": "2199-12-31",
        "reason": "A lost week",
        "once": str(uuid.uuid4()),
    }

    first = client.post("/staff/credit/", sent)
    again = client.post("/staff/credit/", sent)

    assert (first.status_code, again.status_code) == (302, 422)
    assert not CreditGrant.objects.exists()
    approval = Approval.objects.get()
    assert (approval.amount, approval.asked_by) == (250_050, sam)
    approvals.approve(approval, by=person("second", is_staff=True), answer="Yes")
    grant = CreditGrant.objects.get()
    assert (grant.amount_nano, grant.reason) == (2_500_500_000_000, "A lost week")
    assert grant.granted_by == sam
    assert grant.expires_at is not None
    assert grant.expires_at.astimezone(UTC) > datetime(2199, 12, 30, tzinfo=UTC)

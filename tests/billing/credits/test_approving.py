"""Much credit takes two people, on the page and in the service."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Organisation, User
from accounts.services import create_organisation
from billing.approvals import services as approvals
from billing.approvals.exceptions import NeedsApproval
from billing.approvals.models import Approval
from billing.credits import services
from billing.credits.models import CreditGrant
from core.money import NANO
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


def give(acme: Organisation, amount_nano: int, by: User | None) -> CreditGrant:
    return services.grant_credit(
        acme.pk, kind="support", amount_nano=amount_nano, key="k", reason="Why", by=by
    )


def test_no_person_gives_more_than_the_limit_alone(
    acme: Organisation, sam: User
) -> None:
    with pytest.raises(NeedsApproval):
        give(acme, 1_000 * NANO + 1, sam)

    assert not CreditGrant.objects.exists()
    assert give(acme, 1_000 * NANO, sam).granted_by == sam


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

"""The page on which the second person decides."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.services import create_organisation
from billing.approvals.models import Approval
from billing.credits.models import CreditGrant
from core.money import NANO
from tests.billing.approvals.test_services import ask
from tests.signing_in import browser_of

pytestmark = pytest.mark.django_db
LIST = "/staff/approvals/"


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def approval(person: Callable[..., Any]) -> Approval:
    acme = create_organisation("Acme", owner=person("ada"))
    return ask(acme, person("asker", is_staff=True))


def test_a_colleague_approves_with_a_reason(
    approval: Approval, person: Callable[..., Any]
) -> None:
    client = browser_of(person("second", is_staff=True))
    page = f"{LIST}{approval.pk}/"
    assert "An outage of two days" in client.get(page).content.decode()

    silent = client.post(page, {"decision": "approve", "answer": ""})
    answer = client.post(page, {"decision": "approve", "answer": "Fair"})

    assert (silent.status_code, answer.status_code) == (422, 302)
    assert CreditGrant.objects.get().amount_nano == 2_000 * NANO


def test_what_was_typed_stays_when_somebody_was_faster(
    approval: Approval, person: Callable[..., Any]
) -> None:
    client = browser_of(person("second", is_staff=True))
    Approval.objects.update(expires_at=approval.asked_at)

    answer = client.post(
        f"{LIST}{approval.pk}/", {"decision": "reject", "answer": "Too much of it"}
    )

    assert answer.status_code == 409
    assert "Too much of it" in answer.content.decode()


def test_who_asked_sees_no_decision_and_may_take_it_back(approval: Approval) -> None:
    assert approval.asked_by is not None
    client = browser_of(approval.asked_by)
    page = f"{LIST}{approval.pk}/"
    html = client.get(page).content.decode()
    assert "somebody else decides" in html
    assert 'name="decision"' not in html

    refused = client.post(page, {"decision": "approve", "answer": "Yes"})
    client.post(f"{page}withdraw/")

    assert refused.status_code == 403
    approval.refresh_from_db()
    assert approval.state == Approval.State.WITHDRAWN
    assert not CreditGrant.objects.exists()


def test_the_list_costs_the_same_however_long_it_is(
    approval: Approval, person: Callable[..., Any]
) -> None:
    client = browser_of(person("second", is_staff=True))
    client.get(LIST)
    assert approval.asked_by is not None
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(LIST)
    for number in range(5):
        ask(approval.organisation, approval.asked_by, subject=f"staff:{number}")
    with CaptureQueriesContext(connection) as many:
        html = client.get(LIST).content.decode()

    assert html.count("An outage of two days") == 6
    assert len(many) == len(few)

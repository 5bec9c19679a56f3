"""What arrives while the figures are rebuilt is neither lost nor counted twice."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.queries import personal_organisation
from billing.conversion import deriving
from billing.conversion.models import Account, Developer
from billing.conversion.rebuilding import rebuild
from billing.ledger.services import record_invoice
from contracts.inference import UsageAggregated
from jobs.models import Job
from jobs.working import work
from outbox import publish
from outbox.models import Event
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db(transaction=True)
Deliver = Callable[[], int]


def pay(organisation: Any, user: Any, amount: int) -> None:
    """Write a paid invoice down, and the fact with it, as the mirror does."""
    record_invoice(
        invoice_record(amount_paid=amount, total=amount),
        organisation_id=organisation.pk,
        user_id=user.pk,
        fetched_at=datetime.now(UTC),
    )


def use(organisation: Any, cost_nano: int) -> None:
    with transaction.atomic():
        publish(
            UsageAggregated(
                organisation_id=organisation.pk,
                model="small",
                edition="open",
                window="2026-09-01T00:00:00+00:00",
                revision=1,
                requests=1,
                tokens_in=1,
                tokens_out=1,
                price_nano=5,
                cost_nano=cost_nano,
            )
        )


def test_a_payment_delivered_in_the_midst_of_a_rebuild_is_kept(
    person: Any, deliver_outbox: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    deliver_outbox()
    has_read, has_tried = threading.Event(), threading.Event()
    read_revenue = deriving.revenue_by_organisation

    def reads_and_waits() -> dict[int, int]:
        sums = read_revenue()
        has_read.set()
        # Long enough for a delivery that nothing holds back to be through.
        has_tried.wait(timeout=1)
        return sums

    monkeypatch.setattr(deriving, "revenue_by_organisation", reads_and_waits)

    def deliver_meanwhile() -> None:
        try:
            has_read.wait(timeout=10)
            pay(organisation, user, 12_300)
            deliver_outbox()
            has_tried.set()
        finally:
            connection.close()

    other = threading.Thread(target=deliver_meanwhile)
    other.start()
    rebuild()
    other.join(timeout=20)
    monkeypatch.undo()
    deliver_outbox()

    developer = Developer.objects.get(user=user)
    assert developer.revenue == 12_300
    assert developer.paid_at is not None
    assert rebuild() == []


def test_what_is_published_and_not_heard_yet_is_counted_once(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    deliver_outbox()
    pay(organisation, user, 12_300)
    use(organisation, 40)

    rebuild()
    account = Account.objects.get(pk=organisation.pk)
    assert (account.revenue, account.cost_nano) == (0, 0)
    deliver_outbox()

    account.refresh_from_db()
    assert (account.revenue, account.cost_nano) == (12_300, 40)
    assert rebuild() == []


def test_a_step_the_log_has_not_heard_of_is_not_forgotten(
    person: Any, deliver_outbox: Deliver
) -> None:
    user = person("ada")
    organisation = personal_organisation(user)
    deliver_outbox()
    pay(organisation, user, 12_300)
    later = timezone.now() + timedelta(hours=1)
    others = Job.objects.waiting().exclude(part__startswith="billing.conversion")
    others.update(due_at=later)
    work("fact", str(Event.objects.latest("pk").pk))

    rebuild()

    assert Developer.objects.get(user=user).paid_at is not None

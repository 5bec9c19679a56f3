"""What others' facts, and ours, set in motion."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from accounts.services import add_member
from billing.ledger.services import record_invoice
from billing.subscriptions import mirror
from entitlements.models import OrganisationEntitlement
from notifications.models import Notification
from tests.factories.billing import (
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)


def test_a_new_organisation_has_the_free_plan_written_down(
    person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    org = personal_organisation(person("ada"))

    deliver_outbox()

    row = OrganisationEntitlement.objects.get(pk=org.pk)
    assert (row.plan, row.revision, row.source) == ("free", 1, "free")


def test_the_purse_is_told_of_a_declined_payment_once(
    person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    ada, ben, eve = person("ada", locale="en"), person("ben"), person("eve")
    team = team_of(ada)
    add_member(team, user=ben, role=Membership.Role.BILLING)
    add_member(team, user=eve, role=Membership.Role.MEMBER)
    what = invoice_record(status="open", amount_paid=0, paid_at=None, attempt_count=1)
    for _ in range(2):
        record_invoice(
            what, organisation_id=team.pk, user_id=None, fetched_at=timezone.now()
        )

    deliver_outbox()
    deliver_outbox()

    told = Notification.objects.filter(kind="billing").order_by("user_id")
    assert [row.user_id for row in told] == [ada.pk, ben.pk]
    assert told[0].title == "A payment for Northwind failed"
    assert told[0].url == f"/console/{team.slug}/billing/"


def test_a_plan_that_starts_and_ends_is_announced_both_times(
    person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    team = team_of(ada)
    copy = fetched_subscription(team, default_price("team"))

    for status in ("active", "paused", "active", "canceled"):
        mirror.apply_subscription(
            replace(copy, status=status), fetched_at=timezone.now()
        )
        deliver_outbox()

    titles = list(
        Notification.objects.filter(kind="billing")
        .order_by("pk")
        .values_list("title", flat=True)
    )
    assert (
        titles
        == [
            "Northwind has a new plan",
            "The plan of Northwind has ended",
        ]
        * 2
    )

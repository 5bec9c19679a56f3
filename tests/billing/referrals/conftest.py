"""Two people, a link between them, and what the ledger says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.queries import personal_organisation
from billing.credits.models import CreditGrant
from billing.ledger.models import Invoice
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_invoice, record_refund
from billing.referrals.models import Referral
from billing.subscriptions.models import BillingAccount
from tests.factories.billing import invoice_record
from tests.factories.referrals import referral_of


@pytest.fixture
def referral(person: Callable[..., Any]) -> Referral:
    """Ada has brought Ben a month ago; their mail is at no company's domain."""
    ada, ben = person("ada"), person("ben")
    User.objects.filter(pk=ada.pk).update(email="ada@first.test")
    User.objects.filter(pk=ben.pk).update(email="ben@second.test")
    ago = timezone.now() - timedelta(days=60)
    return referral_of(
        User.objects.get(pk=ada.pk),
        User.objects.get(pk=ben.pk),
        joined_at=ago,
        visited_at=ago,
    )


def own(user: User) -> Organisation:
    return personal_organisation(user)


def paid(
    user: User,
    *,
    days_ago: float = 0,
    amount: int = 2_000,
    card: str = "",
    organisation: Organisation | None = None,
) -> Invoice:
    """Have a person pay an invoice, by a card, so long ago."""
    organisation = organisation or own(user)
    BillingAccount.objects.update_or_create(
        pk=organisation.pk,
        defaults={
            "stripe_customer_id": f"cus_{organisation.pk}",
            "card_fingerprint": card,
        },
    )
    return record_invoice(
        invoice_record(amount, paid_at=timezone.now() - timedelta(days=days_ago)),
        organisation_id=organisation.pk,
        user_id=user.pk,
        fetched_at=timezone.now(),
    )


def give_back(invoice: Invoice, amount: int, *, status: str = "succeeded") -> None:
    """Have so much of an invoice go back, or with another status not."""
    record_refund(
        RefundRecord(
            stripe_id=f"re_{invoice.pk}",
            status=status,
            amount=amount,
            refunded_at=timezone.now(),
        ),
        invoice=invoice,
    )


def credit_of(user: User) -> int:
    """Return what is left of a person's credit, in billionths of a dollar."""
    grants = CreditGrant.objects.filter(organisation=own(user))
    return sum(grants.values_list("remaining_nano", flat=True))

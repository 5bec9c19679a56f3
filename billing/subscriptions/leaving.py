"""What a person has to settle before they can leave: what runs and what is owed."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from accounts.queries import own_organisations
from billing.ledger.models import Invoice
from billing.subscriptions.models import Subscription
from privacy.registry import Obstacle


def unsettled(user: User) -> Iterator[Obstacle]:
    """Yield live subscriptions and unpaid invoices of organisations theirs alone.

    One that is cancelled runs until its period ends: until then it may be charged.
    """
    mine = own_organisations(user)
    live = Subscription.objects.live().filter(organisation__in=mine, missing_at=None)
    for row in live.select_related("organisation").order_by("pk"):
        if row.ends_at is None:
            reason = gettext("%(organisation)s has a subscription. Cancel it first.")
        else:
            reason = gettext(
                "The subscription of %(organisation)s has not come to its end yet."
            )
        yield Obstacle(
            reason % {"organisation": row.organisation.name},
            reverse("subscriptions:billing", args=[row.organisation.slug]),
            gettext("Billing"),
        )
    unpaid = Invoice.objects.filter(
        organisation__in=mine,
        status__in=[Invoice.Status.DRAFT, Invoice.Status.OPEN],
        amount_due__gt=0,
    )
    for invoice in unpaid.select_related("organisation").order_by("pk"):
        reason = gettext("Invoice %(number)s of %(organisation)s is not paid yet.")
        yield Obstacle(
            reason
            % {"number": str(invoice), "organisation": invoice.organisation.name},
            reverse("subscriptions:billing", args=[invoice.organisation.slug]),
            gettext("Billing"),
        )

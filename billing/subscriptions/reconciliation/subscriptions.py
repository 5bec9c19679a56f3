"""Who subscribes to what, and which one counts."""

from collections.abc import Iterable, Iterator
from functools import partial

from django.db import transaction

from accounts.models import Organisation
from billing.stripe import adapter, lists, objects
from billing.subscriptions import mirror, values
from billing.subscriptions.customers import organisation_of
from billing.subscriptions.models import TERMINAL, Subscription
from billing.subscriptions.reconciliation.comparing import Unlike, unlike_subscription
from billing.subscriptions.reconciliation.work import Difference, Work, batches


def subscriptions(work: Work) -> Iterator[Difference]:
    """Compare every subscription, ended ones too, and note which card pays."""
    theirs = list(lists.subscriptions())
    work.compared += len(theirs)
    known = [each.id for each in theirs]
    yield from _renamed(work, theirs)
    gone = Subscription.objects.filter(missing_at=None).exclude(stripe_id__in=known)
    yield from work.vanished("subscription", gone, mirror.sync_subscription)
    rows = Subscription.objects.select_related(
        "price__plan_version__plan", "paid_price__plan_version__plan"
    ).prefetch_related("items")
    for some in batches(theirs):
        prices = values.prices_of(*some)
        ours = rows.in_bulk([each.id for each in some], field_name="stripe_id")
        for each in some:
            if organisation_of(each.customer_id) is None and each.id not in ours:
                continue
            if each.card and each.status not in TERMINAL:
                work.cards[each.customer_id] = each.card

            def look(each: objects.Subscription = each) -> Unlike:
                fresh = adapter.fetch_subscription(each.id)
                row = rows.filter(stripe_id=each.id).first()
                return unlike_subscription(fresh, row, values.prices_of(fresh))

            yield from work.settle(
                "subscription",
                each.id,
                unlike_subscription(each, ours.get(each.id), prices),
                heal=partial(mirror.sync_subscription, each.id),
                look=look,
            )


def _renamed(
    work: Work, theirs: Iterable[objects.Subscription]
) -> Iterator[Difference]:
    """Know a subscription whose id Stripe does not know by its items."""
    ids = {item.id: each.id for each in theirs for item in each.items}
    lost = Subscription.objects.exclude(stripe_id__in=ids.values())
    found = dict(
        lost.filter(items__stripe_id__in=ids).values_list(
            "stripe_id", "items__stripe_id"
        )
    )
    taken = set(Subscription.objects.values_list("stripe_id", flat=True))
    for before, item_id in found.items() if work.fix else ():
        if ids[item_id] not in taken:
            yield from work.rename(
                "subscription", Subscription.objects.all(), before, ids[item_id]
            )


def duplicates(work: Work) -> Iterator[Difference]:
    """Of several live plans exactly one counts, and staff know of the others."""
    live = Subscription.objects.live().with_plan().defer("raw")
    by_organisation: dict[int, list[Subscription]] = {}
    for row in live.order_by("organisation", "is_duplicate", "pk"):
        by_organisation.setdefault(row.organisation_id, []).append(row)
    for organisation_id, rows in by_organisation.items():
        for number, row in enumerate(rows):
            is_duplicate = bool(number)
            if row.is_duplicate == is_duplicate:
                continue
            if work.fix:
                with transaction.atomic():
                    Organisation.objects.select_for_update().get(pk=organisation_id)
                    mirror.settle_duplicates(organisation_id)
            yield work.repair(
                "subscription",
                row.stripe_id,
                "is_duplicate",
                row.is_duplicate,
                is_duplicate,
            )

"""A comparison that cannot be fooled: every column is as Stripe has it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import Organisation
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.models import Invoice, InvoiceLine, Payment, Refund
from billing.stripe import lists
from billing.subscriptions import values
from billing.subscriptions.models import BillingAccount, Subscription, SubscriptionItem
from billing.subscriptions.reconciliation.comparing import OURS, unlike_subscription
from outbox.models import Event
from tests.billing.subscriptions.reconciling import open_cases, run
from tests.factories.billing import customer_of
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db
MODELS = (
    BillingAccount,
    Subscription,
    SubscriptionItem,
    Invoice,
    InvoiceLine,
    Payment,
    Refund,
)


def mirrored() -> Iterator[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Yield every column that has to be as Stripe has it: all but the excused ones."""
    for model in MODELS:
        for column in model._meta.concrete_fields:
            if column.name not in OURS[model]:
                yield model, column


def wrong_values(column: models.Field[Any, Any], row: Any, chance: Any) -> list[Any]:
    """Return what else the column might hold: another value, and none at all."""
    value = getattr(row, column.attname)
    emptied = [None] if column.null and value is not None else []
    wrong = other(column, row, chance)
    return [each for each in [wrong, *emptied] if is_possible(column, row, each)]


def is_possible(column: models.Field[Any, Any], row: models.Model, wrong: Any) -> bool:
    """Say whether the database takes the value; what it refuses nobody can have."""
    try:
        with transaction.atomic():
            corrupt(column, row, wrong)
            transaction.set_rollback(True)
    except IntegrityError:
        return False
    return True


def corrupt(column: models.Field[Any, Any], row: models.Model, wrong: Any) -> None:
    rows = type(row)._default_manager.filter(pk=row.pk)
    rows.update(**{column.attname: wrong})


def other(column: models.Field[Any, Any], row: Any, chance: Any) -> Any:
    """Return a value that is not the one that is there."""
    value = getattr(row, column.attname)
    if isinstance(column, models.ForeignKey):
        others = column.related_model._default_manager.exclude(pk=value)
        return others.order_by("-pk").values_list("pk", flat=True).first()
    if isinstance(column, models.BooleanField):
        return not value
    if isinstance(column, models.DateTimeField):
        days = timedelta(days=chance.randint(1, 400))
        return (value or timezone.now()) - days
    if isinstance(column, models.IntegerField):
        return (value or 0) + chance.randint(1, 98)
    assert isinstance(column, models.CharField | models.TextField)
    most = column.max_length or 40
    choices = [key for key, _ in column.choices or () if key != value]
    return chance.choice(choices) if choices else f"{chance.getrandbits(64):x}"[:most]


@pytest.mark.faults
@pytest.mark.parametrize(
    "model",
    [
        # A minute and a half for all seven: every run holds the one of most outcomes.
        pytest.param(model, marks=[pytest.mark.smoke] if model is Refund else [])
        for model in MODELS
    ],
    ids=lambda model: model.__name__,
)
def test_every_single_wrong_value_is_found_and_put_right(
    life: StripeEmulator,
    deliver_outbox: Callable[[], int],
    model: type[models.Model],
) -> None:
    """One column at a time, all of them; nothing is told a second time on the way."""
    chance = random.Random(model.__name__)  # noqa: S311
    tried, missed, left = set(), [], []
    revenue = dict(Account.objects.values_list("pk", "revenue"))
    for column in (column for owner, column in mirrored() if owner is model):
        row = chance.choice(list(model._default_manager.order_by("pk")))
        for wrong in wrong_values(column, row, chance):
            corrupt(column, row, wrong)

            found = run()

            tried.add(column.name)
            missed += [] if found else [f"{column.name}={wrong!r}"]
            left += [(column.name, each) for each in found if not each.is_fixed]
    again = run()
    deliver_outbox()

    assert tried
    assert missed == []
    assert left == []
    assert again == []
    assert open_cases() == 0
    assert dict(Account.objects.values_list("pk", "revenue")) == revenue
    assert rebuild() == []


def test_what_went_back_counts_or_does_not_as_stripe_says(life: StripeEmulator) -> None:
    Refund.objects.filter(pk=Refund.objects.earliest("pk").pk).update(counted_at=None)

    found = run()

    assert {each.field for each in found} == {"counted_at"}
    assert all(each.is_fixed for each in found)
    assert not Refund.objects.filter(counted_at=None).exists()


@pytest.mark.parametrize("model", [Subscription, Invoice, Refund])
def test_an_object_under_a_wrong_id_is_renamed_and_not_told_again(
    life: StripeEmulator, model: type[models.Model]
) -> None:
    rows = model._default_manager.all()
    before = sorted(rows.values_list("pk", "stripe_id"))
    told = Event.objects.count()
    rows.filter(pk=before[0][0]).update(stripe_id="unknown")

    found = run()

    assert [(each.field, each.ours, each.is_fixed) for each in found] == [
        ("stripe_id", "unknown", True)
    ]
    assert sorted(rows.values_list("pk", "stripe_id")) == before
    assert Event.objects.count() == told


def test_every_excuse_is_for_a_column_that_is_there() -> None:
    for model, excuses in OURS.items():
        for name, reason in excuses.items():
            try:
                model._meta.get_field(name)
            except FieldDoesNotExist:
                pytest.fail(f"{model.__name__} has no {name}")
            assert reason
    assert set(OURS) == set(MODELS)


def test_stripes_own_numbers_are_compared_not_our_catalogues(
    life: StripeEmulator, orgs: list[Organisation]
) -> None:
    (fetched,) = [
        each
        for each in lists.subscriptions()
        if each.customer_id == customer_of(orgs[0])
    ]
    row = Subscription.objects.get(organisation=orgs[0])
    item = replace(fetched.items[0], quantity=7)
    prices = values.prices_of(fetched)

    unlike = unlike_subscription(replace(fetched, items=(item,)), row, prices)

    # A fifth off the item, and a fifth of the rest off the whole.
    assert row.period_amount == 5 * 2_500 * 80 // 100 * 80 // 100
    assert unlike["seats"] == (5, 7)
    assert unlike["amount"] == (12_500, 17_500)
    assert isinstance(row.fetched_at, datetime)


def test_the_wrong_first_invoice_is_put_right(
    life: StripeEmulator, orgs: list[Organisation]
) -> None:
    own = Invoice.objects.filter(organisation=orgs[1])
    first = own.get(is_first=True)
    own.update(is_first=False)

    found = run()

    assert [(each.field, each.is_fixed) for each in found] == [("is_first", True)]
    assert own.get(is_first=True) == first
    assert run() == []

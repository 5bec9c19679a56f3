"""Who is billed: what the organisation's settings say reaches the provider."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import services as accounts
from accounts.models import Organisation
from billing.stripe.adapter import client as stripe
from billing.subscriptions.customers import ensure_customer
from billing.subscriptions.models import BillingAccount, Subscription
from jobs.models import Job
from jobs.working import sweep
from tests.fakes.stripe_emulator import StripeEmulator
from tests.forms import send

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]


def at_stripe(organisation: Organisation) -> tuple[str, str | None]:
    account = BillingAccount.objects.get(pk=organisation.pk)
    found = stripe().v1.customers.retrieve(account.stripe_customer_id or "")
    return str(found.name), found.email


def hear_and_work() -> list[str]:
    while sweep("fact"):
        pass
    sweep("customer")
    jobs = Job.objects.filter(kind="customer").order_by("pk")
    return list(jobs.values_list("state", flat=True))


def test_a_new_name_and_address_for_bills_reach_the_provider(
    shop: StripeEmulator, person: Person, client: Client
) -> None:
    erin = person("erin")
    team = accounts.create_organisation("Northwind", owner=erin)
    ensure_customer(team)
    assert at_stripe(team) == ("Northwind", "erin@example.test")
    client.force_login(erin)
    page = "/console/northwind/settings/"

    answer = send(
        client, page, "billing_email", name="北风", billing_email="bills@northwind.test"
    )

    assert answer.status_code == 302
    assert hear_and_work() == ["done"]
    assert at_stripe(team) == ("北风", "bills@northwind.test")
    # A second change is told as well, and no change tells nothing.
    send(client, page, "billing_email", name="Boréas", billing_email="")
    send(client, page, "billing_email")
    assert hear_and_work() == ["done", "done"]
    assert at_stripe(team) == ("Boréas", "bills@northwind.test")


def test_an_organisation_that_nobody_bills_has_nobody_told(
    person: Person, shop: StripeEmulator
) -> None:
    erin = person("erin")
    team = accounts.create_organisation("Northwind", owner=erin)

    edit(team, erin)

    assert hear_and_work() == []


def test_what_a_contract_says_stays(
    buy: Callable[..., Any], person: Person, shop: StripeEmulator
) -> None:
    erin = person("erin")
    team = accounts.create_organisation("Northwind", owner=erin)
    row = buy(team, erin)
    Subscription.objects.filter(pk=row.pk).update(collection_method="send_invoice")

    edit(team, erin)

    assert hear_and_work() == ["ignored"]
    assert at_stripe(team) == ("Northwind", "erin@example.test")


def test_a_customer_the_provider_has_deleted_is_left_alone(
    shop: StripeEmulator, person: Person
) -> None:
    erin = person("erin")
    team = accounts.create_organisation("Northwind", owner=erin)
    stripe().v1.customers.delete(ensure_customer(team))

    edit(team, erin)

    assert hear_and_work() == ["ignored"]


def edit(team: Organisation, by: Any) -> None:
    accounts.set_details(
        team, name="Southwind", billing_email="x@south.test", country="", by=by
    )

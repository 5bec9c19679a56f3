"""Working through the inbox: once, in any order, to an end."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.queries import personal_organisation
from billing.ledger.models import Invoice
from billing.stripe import events, registry, services
from billing.stripe.exceptions import NotOurs, StripeUnavailable
from billing.stripe.models import WebhookInbox
from billing.stripe.webhooks import parse_event
from billing.subscriptions import mirror
from billing.subscriptions.models import Subscription
from entitlements.features import FREE
from entitlements.queries import entitlements_for
from jobs.models import Job
from jobs.services import retry
from jobs.working import sweep, work
from outbox.models import Event
from tests.factories.billing import default_price, event_body, fetched_subscription
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together


@pytest.fixture(autouse=True)
def _test_mode(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    monkeypatch.setitem(events.HEARD, "gadget.updated", "gadget")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what a refresher of ``gadget`` is asked for."""
    seen: list[str] = []
    monkeypatch.setitem(registry._refreshers, "gadget", seen.append)
    return seen


def received(kind: str = "gadget.updated", **fields: Any) -> WebhookInbox:
    body = event_body(kind, {"object": "gadget", "id": "g_1"}, **fields)
    services.receive_event(parse_event(json.loads(body), body=body.decode()))
    return WebhookInbox.objects.latest("pk")


def job_of(row: WebhookInbox) -> Job:
    return Job.objects.about("webhook", row.pk).get()


@pytest.mark.django_db
def test_an_event_is_worked_through_once(calls: list[str]) -> None:
    row = received()

    assert [work("webhook", str(row.pk)), work("webhook", str(row.pk))] == [1, 0]

    job = job_of(row)
    assert calls == ["g_1"]
    assert (job.state, job.attempts) == ("done", 1)


@pytest.mark.django_db
def test_what_nobody_looks_after_is_ignored() -> None:
    body = event_body("unknown.thing", {"object": "thing", "id": "t_1"})
    services.receive_event(parse_event(json.loads(body), body=body.decode()))

    sweep("webhook")

    job = job_of(WebhookInbox.objects.get())
    assert (job.state, job.last_error) == (
        "ignored",
        "of a type this version does not know",
    )


@pytest.mark.django_db
def test_live_events_mean_nothing_to_a_test_key(calls: list[str]) -> None:
    row = received(livemode=True)

    sweep("webhook")

    assert (job_of(row).state, calls) == ("ignored", [])


@pytest.mark.django_db
def test_why_stripe_failed_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_id: str) -> None:
        raise StripeUnavailable(reason="the card network is down")

    monkeypatch.setitem(registry._refreshers, "gadget", fail)
    row = received()

    sweep("webhook")

    job = job_of(row)
    assert (job.state, job.attempts) == ("waiting", 1)
    assert job.last_error == "StripeUnavailable: the card network is down"


@pytest.mark.django_db
def test_objects_of_somebody_else_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def foreign(_id: str) -> None:
        raise NotOurs("customer")

    monkeypatch.setitem(registry._refreshers, "gadget", foreign)
    row = received()

    sweep("webhook")

    assert (job_of(row).state, job_of(row).last_error) == ("ignored", "customer")


@pytest.mark.django_db
def test_what_is_done_can_be_worked_through_again(calls: list[str]) -> None:
    row = received()
    sweep("webhook")

    retry(Job.objects.about("webhook", row.pk))
    sweep("webhook")

    assert calls == ["g_1", "g_1"]
    assert job_of(row).state == "done"


@pytest.mark.django_db(transaction=True)
def test_ten_workers_do_the_work_once(calls: list[str]) -> None:
    row = received()

    finished = together(*[lambda: work("webhook", str(row.pk))] * 10)

    assert calls == ["g_1"]
    assert sum(finished) == 1
    assert (job_of(row).state, job_of(row).attempts) == ("done", 1)


@pytest.mark.django_db
def test_every_order_of_copies_ends_in_the_newest(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    price = default_price("pro")
    start = fetched_subscription(org, price, id="sub_order")
    now = timezone.now()
    copies = [
        (now, start),
        (now + timedelta(seconds=1), replace(start, status="past_due")),
        (now + timedelta(seconds=2), replace(start, status="active")),
        (
            now + timedelta(seconds=3),
            replace(start, status="canceled", ended_at=now),
        ),
    ]

    ends = set()
    for order in itertools.permutations(copies):
        Subscription.objects.all().delete()
        for fetched_at, copy in order:
            mirror.apply_subscription(copy, fetched_at=fetched_at)
        row = Subscription.objects.get()
        ends.add((row.status, row.granted_plan, entitlements_for(org.pk).plan))

    assert ends == {("canceled", "", "free")}


@pytest.mark.django_db
def test_shuffled_and_doubled_events_end_the_same(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    shop.advance(days=32)
    shop.client().v1.subscriptions.cancel(subscription.stripe_id)
    events = [
        event.to_dict(for_json=True)
        for event in shop.client().v1.events.list({"limit": 100}).auto_paging_iter()
    ]
    chance = random.Random(7)  # noqa: S311

    ends = set()
    for _ in range(3):
        WebhookInbox.objects.all().delete()
        Job.objects.filter(kind="webhook").delete()
        shuffled = events * 2
        chance.shuffle(shuffled)
        for raw in shuffled:
            services.receive_event(parse_event(raw, body=json.dumps(raw)))
        while sweep("webhook"):
            pass
        subscription.refresh_from_db()
        ends.add(
            (
                subscription.status,
                entitlements_for(org.pk) == FREE,
                tuple(Invoice.objects.order_by("pk").values_list("status", "revenue")),
            )
        )

    assert ends == {("canceled", True, (("paid", 2_000), ("paid", 2_000)))}
    assert Job.objects.unfinished().filter(kind="webhook").count() == 0
    names = Event.objects.values_list("name", flat=True)
    assert list(names).count("InvoicePaid") == 2
    assert list(names).count("SubscriptionStarted") == 1
    assert list(names).count("SubscriptionEnded") == 1


@pytest.mark.django_db
def test_what_is_gone_at_stripe_leaves_a_tombstone(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    shop.reset()

    mirror.sync_subscription(subscription.stripe_id)

    subscription.refresh_from_db()
    assert subscription.missing_at is not None
    assert (subscription.status, entitlements_for(org.pk)) == ("canceled", FREE)

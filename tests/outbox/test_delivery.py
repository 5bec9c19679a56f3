from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation
from contracts.community import DocsImported
from core.backoff import MAX_ATTEMPTS
from outbox import publish, services
from outbox.models import Delivery
from outbox.models import Event as PublishedEvent
from outbox.queries import delivery_backlog
from tests.outbox.conftest import Register
from tests.races import together


def announce(version: str = "1.0") -> PublishedEvent:
    """Publish a fact as a service would; the last one of its name is returned."""
    with transaction.atomic():
        publish(DocsImported(version=version, locale="en", pages=1))
    return PublishedEvent.objects.latest("pk")


def write(version: str) -> None:
    Organisation.objects.create(slug=f"o-{version}", name=version, kind="team")


@pytest.mark.django_db
def test_what_a_subscriber_writes_commits_with_its_delivery(hear: Register) -> None:
    name = hear(DocsImported, lambda fact: write(fact.version), "writer")
    event = announce("2.0")

    first = services.deliver_event(event.pk)
    again = services.deliver_event(event.pk)

    delivery = event.deliveries.get(subscriber=name)
    assert first == event.deliveries.count()
    assert again == 0
    assert (delivery.state, delivery.attempts) == ("done", 1)
    assert delivery.done_at is not None
    assert Organisation.objects.filter(slug="o-2.0").count() == 1


@pytest.mark.django_db
def test_a_subscriber_that_raises_leaves_nothing_and_holds_up_nobody(
    hear: Register,
) -> None:
    def fail(fact: DocsImported) -> None:
        write("half")
        raise ValueError("no such version")

    failing = hear(DocsImported, fail, "failing")
    working = hear(DocsImported, lambda fact: write("whole"), "working")
    event = announce()

    services.deliver_event(event.pk)

    failed = event.deliveries.get(subscriber=failing)
    assert (failed.state, failed.attempts) == ("pending", 1)
    assert failed.last_error == "ValueError: no such version"
    assert event.deliveries.get(subscriber=working).state == "done"
    assert list(Organisation.objects.values_list("slug", flat=True)) == ["o-whole"]


@pytest.mark.django_db
def test_a_broken_statement_leaves_nothing_either(hear: Register) -> None:
    def fail(fact: DocsImported) -> None:
        write("half")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    failing = hear(DocsImported, fail, "failing")
    event = announce()

    services.deliver_event(event.pk)

    delivery = event.deliveries.get(subscriber=failing)
    assert delivery.last_error == "DataError: division by zero"
    assert not Organisation.objects.filter(slug="o-half").exists()


@pytest.mark.django_db
def test_a_failed_delivery_waits_longer_each_time_and_is_given_up_at_last(
    hear: Register,
) -> None:
    def fail(fact: DocsImported) -> None:
        raise ValueError("still not")

    failing = hear(DocsImported, fail, "failing")
    event = announce()
    waits = []

    for _ in range(MAX_ATTEMPTS):
        tried_at = timezone.now()
        services.relay()
        delivery = event.deliveries.get(subscriber=failing)
        waits.append((delivery.due_at - tried_at).total_seconds())
        # Not due: nothing happens until its time has come.
        assert services.relay() == 0
        Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("dead", MAX_ATTEMPTS)
    assert delivery.last_error == "ValueError: still not"
    for number, wait in enumerate(waits, start=1):
        assert 0.8 * min(2**number, 3600) <= wait <= 1.2 * min(2**number, 3600) + 5
    assert sum(waits) > 6 * 3600
    assert services.relay() == 0


@pytest.mark.django_db
def test_a_dead_delivery_is_done_when_it_is_retried(hear: Register) -> None:
    ready: list[int] = []

    def fail_at_first(fact: DocsImported) -> None:
        if not ready:
            raise ValueError
        write("late")

    failing = hear(DocsImported, fail_at_first, "failing")
    event = announce()
    services.relay()
    event.deliveries.filter(subscriber=failing).update(state="dead", attempts=12)
    ready.append(1)

    unheard = services.relay()
    retried = services.retry_deliveries(Delivery.objects.all())
    services.relay()

    delivery = event.deliveries.get(subscriber=failing)
    assert (unheard, retried) == (0, 1)
    assert (delivery.state, delivery.attempts) == ("done", 1)
    assert Organisation.objects.filter(slug="o-late").exists()


@pytest.mark.django_db(transaction=True)
def test_the_relay_delivers_what_was_never_nudged(hear: Register) -> None:
    """A crash between commit and nudge leaves exactly this: rows, and no task."""
    hear(DocsImported, lambda fact: write(fact.version), "writer")
    event = announce("3.0")

    services.relay()

    assert set(event.deliveries.values_list("state", flat=True)) == {"done"}
    assert Organisation.objects.filter(slug="o-3.0").count() == 1


@pytest.mark.django_db
def test_the_relay_delivers_in_the_order_of_publication(hear: Register) -> None:
    heard: list[str] = []
    hear(DocsImported, lambda fact: heard.append(fact.version), "writer")
    for number in range(5):
        announce(str(number))

    services.relay()

    assert heard == ["0", "1", "2", "3", "4"]


@pytest.mark.django_db
def test_the_relay_takes_a_batch_and_leaves_the_rest(hear: Register) -> None:
    for number in range(3):
        announce(str(number))
    waiting = Delivery.objects.count()

    done = services.relay(limit=2)

    assert done == 2
    assert Delivery.objects.due().count() == waiting - 2


@pytest.mark.django_db(transaction=True)
def test_two_relays_at_once_deliver_once(hear: Register) -> None:
    hear(DocsImported, lambda fact: write(fact.version), "writer")
    for number in range(20):
        announce(str(number))
    deliveries = Delivery.objects.count()

    done = together(services.relay, services.relay, services.relay)

    assert sum(done) == deliveries
    assert set(Delivery.objects.values_list("state", "attempts")) == {("done", 1)}
    assert Organisation.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_relay_does_not_wait_for_another_nor_repeat_its_failure(
    hear: Register,
) -> None:
    is_inside, meeting = Event(), Barrier(2)

    def fail(fact: DocsImported) -> None:
        is_inside.set()
        meeting.wait(timeout=10)
        raise ValueError

    failing = hear(DocsImported, fail, "failing")
    event = announce()
    event.deliveries.exclude(subscriber=failing).delete()
    pk = event.deliveries.get().pk

    def other() -> int:
        assert is_inside.wait(timeout=10)
        # The first one is inside its subscriber: this one passes by.
        passed = services.relay()
        meeting.wait(timeout=10)
        return passed

    done = together(services.relay, other)
    late = services._deliver(pk)

    assert done == [0, 0]
    assert late is False
    assert event.deliveries.get().attempts == 1


@pytest.mark.django_db
def test_a_subscriber_that_is_gone_is_a_failure_to_look_at(hear: Register) -> None:
    gone = hear(DocsImported, lambda fact: None, "gone")
    event = announce()
    event.deliveries.filter(subscriber=gone).update(subscriber="nobody.any_more")

    services.relay()

    delivery = event.deliveries.get(subscriber="nobody.any_more")
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert delivery.last_error == "KeyError: 'nobody.any_more'"


@pytest.mark.django_db
def test_a_row_from_before_a_field_was_added_still_loads(hear: Register) -> None:
    heard: list[DocsImported] = []
    hear(DocsImported, lambda fact: heard.append(fact), "writer")
    event = announce()
    PublishedEvent.objects.filter(pk=event.pk).update(
        payload={"version": "1.0", "locale": "en", "pages": 1, "dropped_since": True}
    )

    services.relay()

    assert heard == [DocsImported(version="1.0", locale="en", pages=1)]


@pytest.mark.django_db
def test_pruning_keeps_what_is_young_pending_or_dead(hear: Register) -> None:
    heard, young, pending, dead = (announce(str(number)) for number in range(4))
    old = timezone.now() - timedelta(days=31)
    PublishedEvent.objects.exclude(pk=young.pk).update(published_at=old)
    Delivery.objects.update(state="done")
    Delivery.objects.filter(event=pending).update(state="pending")
    Delivery.objects.filter(event=dead).update(state="dead")

    pruned = services.prune(batch=1)

    assert pruned == 1
    assert set(PublishedEvent.objects.values_list("pk", flat=True)) == {
        young.pk,
        pending.pk,
        dead.pk,
    }
    assert not Delivery.objects.filter(event_id=heard.pk).exists()


@pytest.mark.django_db
def test_the_backlog_tells_how_late_and_how_many() -> None:
    empty = delivery_backlog()
    event = announce()
    count = event.deliveries.count()
    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=2))

    late = delivery_backlog()
    Delivery.objects.update(state="dead")
    given_up = delivery_backlog()

    assert (empty.waiting, empty.overdue, empty.dead) == (0, timedelta(), 0)
    assert (late.waiting, late.dead, late.is_late) == (count, 0, True)
    assert timedelta(seconds=119) < late.overdue < timedelta(seconds=130)
    assert (given_up.waiting, given_up.dead, given_up.is_late) == (0, count, False)

"""Work is written down with its cause, and a person may decide about it."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.schedule import SCHEDULE
from jobs import registry, services, tasks
from jobs.models import Job
from jobs.queries import backlogs
from jobs.registry import kinds
from jobs.working import claim, sweep
from outbox.models import Event
from tests.jobs.conftest import Have, wait_for


def settle(state: str, **fields: Any) -> None:
    Job.objects.update(state=state, finished_at=timezone.now(), **fields)


def test_these_are_the_kinds_and_each_is_swept_on_its_queue() -> None:
    swept = {
        entry["args"][0]: entry.get("options", {}).get("queue", "default")
        for entry in SCHEDULE.values()
        if entry["task"] == "jobs.tasks.sweep"
    }

    assert [kind.name for kind in kinds()] == [
        *("contract", "contribution", "customer", "erasure", "export"),
        *("fact", "mail", "refund", "replay", "webhook"),
    ]
    assert swept == {kind.name: kind.queue for kind in kinds()}


@pytest.mark.django_db
def test_the_same_work_waits_once(have: Have) -> None:
    have(lambda row, job: None)
    event = wait_for("a", "b")
    settle("done")

    services.enqueue("gadget", event.pk, parts=("b", "c"))

    found = Job.objects.order_by("part").values_list("part", "state")
    assert list(found) == [("a", "done"), ("b", "done"), ("c", "waiting")]


@pytest.mark.django_db
def test_many_parts_cost_as_much_as_one(have: Have) -> None:
    have(lambda row, job: None)

    def cost(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            services.enqueue("gadget", count, parts=[str(n) for n in range(count)])
        return len(captured)

    assert cost(1) == cost(200) == 1


@pytest.mark.django_db(transaction=True)
def test_work_outside_of_the_transaction_of_its_cause_is_refused(have: Have) -> None:
    have(lambda row, job: None)

    with pytest.raises(RuntimeError, match="inside the transaction"):
        services.enqueue("gadget", 1)

    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_its_queue_is_nudged_after_the_commit_and_not_before(
    have: Have,
) -> None:
    have(lambda row, job: None, queue="usage")

    with transaction.atomic():
        services.enqueue("gadget", 1)
        before = queued("usage")

    assert (before, queued("usage"), queued("default")) == (0, 1, 0)


@pytest.mark.django_db
def test_the_task_that_is_nudged_does_the_work(have: Have) -> None:
    done: list[str] = []
    have(lambda row, job: done.append(row.name))
    event = wait_for()

    tasks.work("gadget", str(event.pk))

    assert done == ["thing"]


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["dead", "ignored"])
def test_what_is_retried_has_all_its_attempts_again(have: Have, state: str) -> None:
    have(lambda row, job: None)
    wait_for()
    settle(state, attempts=20, last_error="ValueError: broken")

    retried = services.retry(Job.objects.all())

    job = Job.objects.get()
    assert retried == [job]
    assert (job.state, job.attempts, job.finished_at) == ("waiting", 0, None)
    assert sweep("gadget") == 1
    job.refresh_from_db()
    assert (job.state, job.attempts, job.last_error) == ("done", 1, "")


@pytest.mark.django_db
def test_what_was_put_off_is_due_when_it_is_retried(have: Have) -> None:
    have(lambda row, job: None)
    wait_for()
    Job.objects.update(attempts=9, due_at=timezone.now() + timedelta(hours=1))

    services.retry(Job.objects.all())

    assert sweep("gadget") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("is_repeatable", [True, False])
def test_what_is_done_is_retried_only_where_that_is_safe(
    have: Have, is_repeatable: bool
) -> None:
    have(lambda row, job: None, is_repeatable=is_repeatable)
    wait_for()
    settle("done")

    retried = services.retry(Job.objects.all())

    state = Job.objects.get().state
    assert (len(retried), state) == ((1, "waiting") if is_repeatable else (0, "done"))


@pytest.mark.django_db
def test_what_waits_or_is_dead_can_be_ignored_and_is_not_done(have: Have) -> None:
    done: list[str] = []
    have(lambda row, job: done.append(job.part))
    wait_for("waiting", "dead", "done")
    Job.objects.filter(part="dead").update(state="dead", finished_at=timezone.now())
    Job.objects.filter(part="done").update(state="done", finished_at=timezone.now())

    ignored = services.ignore(Job.objects.all())
    sweep("gadget")

    assert [job.part for job in ignored] == ["waiting", "dead"]
    states = dict(Job.objects.values_list("part", "state"))
    assert states == {"waiting": "ignored", "dead": "ignored", "done": "done"}
    assert done == []


@pytest.mark.django_db
def test_what_a_worker_holds_is_not_ignored(have: Have) -> None:
    kind = have(lambda row, job: None)
    wait_for()
    claim(kind)

    assert services.ignore(Job.objects.all()) == []
    assert Job.objects.get().state == "waiting"


@pytest.mark.django_db
def test_pruning_keeps_what_is_young_or_waits_or_is_dead(
    have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its rows are the gadgets' here.
    monkeypatch.delitem(registry._kinds, "fact")
    have(lambda row, job: None)
    rows = {name: wait_for("a", "b", name=name) for name in NAMES}
    old = timezone.now() - timedelta(days=31)
    for name in NAMES:
        jobs = Job.objects.about("gadget", rows[name].pk)
        if name != "waiting":
            state = "ignored" if name == "young" else "done"
            jobs.update(state=state, finished_at=old)
    Job.objects.update(created_at=old)
    Event.objects.update(published_at=old)
    Job.objects.about("gadget", rows["young"].pk).update(finished_at=timezone.now())
    Job.objects.about("gadget", rows["half dead"].pk).filter(part="a").update(
        state="dead"
    )

    pruned = services.prune(batch=2)

    left = set(Event.objects.values_list("name", flat=True))
    assert pruned == 3
    assert left == {"young", "waiting", "half dead"}
    assert Job.objects.about("gadget", rows["half dead"].pk).get().state == "dead"
    assert services.prune() == 0


NAMES = ("done", "young", "waiting", "half dead")


@pytest.mark.django_db
def test_what_is_kept_for_ever_is_not_pruned(have: Have) -> None:
    have(lambda row, job: None, kept=None)
    wait_for()
    old = timezone.now() - timedelta(days=1000)
    settle("done", created_at=old)
    Job.objects.update(finished_at=old)

    assert services.prune() == 0
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_the_backlog_tells_how_late_and_how_many_in_two_queries(have: Have) -> None:
    kind = have(lambda row, job: None)
    wait_for(*"abcd")
    Job.objects.filter(part="d").update(state="dead", finished_at=timezone.now())
    Job.objects.filter(part="c").update(
        due_at=timezone.now() - timedelta(minutes=2), leased_until=None
    )
    # A worker has it: it is not late.
    Job.objects.filter(part="b").update(
        due_at=timezone.now() - timedelta(hours=2),
        leased_until=timezone.now() + timedelta(minutes=1),
    )

    with CaptureQueriesContext(connection) as captured:
        found = {backlog.kind.name: backlog for backlog in backlogs()}

    late, empty = found[kind.name], found["mail"]
    assert len(captured) == 2
    assert (late.waiting, late.dead, late.is_late) == (3, 1, True)
    assert timedelta(seconds=119) < late.overdue < timedelta(seconds=150)
    assert (empty.waiting, empty.overdue, empty.is_late) == (0, timedelta(), False)


@pytest.mark.django_db
def test_what_is_due_later_is_not_late(have: Have) -> None:
    kind = have(lambda row, job: None)
    wait_for()
    Job.objects.update(due_at=timezone.now() + timedelta(hours=1))

    (backlog,) = (each for each in backlogs() if each.kind == kind)

    assert (backlog.waiting, backlog.overdue) == (1, timedelta())


def queued(name: str) -> int:
    """Return how many tasks wait in a queue of the broker."""
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        size: int = channel._size(name)
        return size

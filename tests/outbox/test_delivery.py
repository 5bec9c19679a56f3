from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation
from contracts.community import DocsImported
from jobs.models import Job
from jobs.services import prune
from jobs.working import sweep, sweep_together, work
from outbox import publish
from outbox.models import Event
from outbox.models import Event as PublishedEvent
from outbox.queries import unheard_by
from outbox.registry import FACT
from tests.outbox.conftest import Register
from tests.races import together


def announce(version: str = "1.0") -> PublishedEvent:
    """Publish a fact as a service would; the last one of its name is returned."""
    with transaction.atomic():
        publish(DocsImported(version=version, locale="en", pages=1))
    return PublishedEvent.objects.latest("pk")


def deliver(event: PublishedEvent) -> int:
    return work(FACT, str(event.pk))


def heard_by(name: str) -> Job:
    return Job.objects.get(part=name)


def write(version: str) -> None:
    Organisation.objects.create(slug=f"o-{version}", name=version, kind="team")


@pytest.mark.django_db
def test_what_a_subscriber_writes_commits_with_its_job(hear: Register) -> None:
    name = hear(DocsImported, lambda fact: write(fact.version), "writer")
    event = announce("2.0")
    jobs = Job.objects.about(FACT, event.pk).count()

    first = deliver(event)
    again = deliver(event)

    assert (first, again) == (jobs, 0)
    assert (heard_by(name).state, heard_by(name).attempts) == ("done", 1)
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

    deliver(announce())

    failed = heard_by(failing)
    assert (failed.state, failed.attempts) == ("waiting", 1)
    assert failed.last_error == "ValueError: no such version"
    assert heard_by(working).state == "done"
    assert list(Organisation.objects.values_list("slug", flat=True)) == ["o-whole"]


@pytest.mark.django_db
def test_a_broken_statement_leaves_nothing_either(hear: Register) -> None:
    def fail(fact: DocsImported) -> None:
        write("half")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    failing = hear(DocsImported, fail, "failing")

    deliver(announce())

    assert heard_by(failing).last_error == "DataError: division by zero"
    assert not Organisation.objects.filter(slug="o-half").exists()


@pytest.mark.django_db(transaction=True)
def test_what_was_never_nudged_is_swept(hear: Register) -> None:
    """A crash between commit and nudge leaves exactly this: rows, and no task."""
    hear(DocsImported, lambda fact: write(fact.version), "writer")
    announce("3.0")

    sweep(FACT)

    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert Organisation.objects.filter(slug="o-3.0").count() == 1


@pytest.mark.django_db
def test_facts_are_heard_in_the_order_of_publication(hear: Register) -> None:
    heard: list[str] = []
    hear(DocsImported, lambda fact: heard.append(fact.version), "writer")
    for number in range(5):
        announce(str(number))

    sweep(FACT)

    assert heard == ["0", "1", "2", "3", "4"]


@pytest.mark.django_db
def test_publishing_costs_the_same_for_one_subscriber_and_for_many(
    hear: Register,
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            announce()
        return len(captured)

    one = cost()
    for number in range(30):
        hear(DocsImported, lambda fact: None, f"listener-{number}")

    assert cost() == one


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_deliver_once(hear: Register) -> None:
    hear(DocsImported, lambda fact: write(fact.version), "writer")
    for number in range(20):
        announce(str(number))
    jobs = Job.objects.count()

    done = together(*[lambda: sweep(FACT)] * 3)

    assert sum(done) == jobs
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}
    assert Organisation.objects.count() == 20


@pytest.mark.django_db
def test_a_subscriber_that_is_gone_is_a_failure_to_look_at(hear: Register) -> None:
    gone = hear(DocsImported, lambda fact: None, "gone")
    announce()
    Job.objects.filter(part=gone).update(part="nobody.any_more")

    sweep(FACT)

    job = heard_by("nobody.any_more")
    assert (job.state, job.attempts) == ("waiting", 1)
    assert job.last_error == "KeyError: 'nobody.any_more'"


@pytest.mark.django_db
def test_a_row_from_before_a_field_was_added_still_loads(hear: Register) -> None:
    heard: list[DocsImported] = []
    hear(DocsImported, lambda fact: heard.append(fact), "writer")
    event = announce()
    PublishedEvent.objects.filter(pk=event.pk).update(
        payload={"version": "1.0", "locale": "en", "pages": 1, "dropped_since": True}
    )

    sweep(FACT)

    assert heard == [DocsImported(version="1.0", locale="en", pages=1)]


@pytest.mark.django_db
def test_what_was_not_heard_is_told_until_somebody_decides(hear: Register) -> None:
    name = hear(DocsImported, lambda fact: None, "listener")
    for number in range(4):
        announce(str(number))
    jobs = list(Job.objects.filter(part=name).order_by("pk"))
    ends: dict[str, Any] = {"finished_at": jobs[0].created_at}
    for job, state in zip(jobs, ("done", "dead", "ignored"), strict=False):
        Job.objects.filter(pk=job.pk).update(state=state, **ends)

    unheard = [received.fact.version for received in unheard_by(name)]

    assert unheard == ["1", "3"]
    assert list(unheard_by(name, names={"Other"})) == []


@pytest.mark.django_db
def test_an_old_fact_goes_with_its_last_job(hear: Register) -> None:
    event = announce()
    sweep(FACT)
    old = event.published_at.replace(year=event.published_at.year - 1)
    Event.objects.update(published_at=old)
    Job.objects.update(created_at=old, finished_at=old)
    young = announce()

    assert prune() > 0
    assert Event.objects.get() == young


@pytest.mark.django_db
def test_what_is_delivered_together_is_heard_in_order_once_and_to_the_end(
    hear: Register,
) -> None:
    heard: list[str] = []

    def answer(fact: DocsImported) -> None:
        heard.append(fact.version)
        if fact.version == "1.0":
            publish(DocsImported(version="1.1", locale="en", pages=1))

    name = hear(DocsImported, answer, "answering")
    for version in ("1.0", "2.0"):
        announce(version)

    ran = sweep_together(FACT, batch=2)

    assert heard == ["1.0", "2.0", "1.1"]
    assert ran == Job.objects.filter(state="done").count() == Job.objects.count()
    assert {job.attempts for job in Job.objects.filter(part=name)} == {1}
    assert not Job.objects.filter(finished_at=None).exists()
    assert sweep_together(FACT) == 0


@pytest.mark.django_db
def test_one_that_fails_takes_no_other_of_its_batch_with_it(hear: Register) -> None:
    def fail(fact: DocsImported) -> None:
        write("half")
        raise ValueError("no such version")

    failing = hear(DocsImported, fail, "failing")
    working = hear(DocsImported, lambda fact: write(f"whole-{fact.version}"), "working")
    for version in ("1.0", "2.0"):
        announce(version)

    sweep_together(FACT)

    for failed in Job.objects.filter(part=failing):
        assert (failed.state, failed.attempts) == ("waiting", 1)
        assert failed.last_error == "ValueError: no such version"
    assert {job.state for job in Job.objects.filter(part=working)} == {"done"}
    slugs = Organisation.objects.order_by("slug").values_list("slug", flat=True)
    assert list(slugs) == ["o-whole-1.0", "o-whole-2.0"]


@pytest.mark.django_db
def test_a_batch_is_claimed_loaded_and_ended_with_one_statement_each(
    hear: Register, django_assert_num_queries: Any
) -> None:
    hear(DocsImported, lambda fact: None, "idle")
    for number in range(5):
        announce(f"{number}.0")
    Job.objects.exclude(part="tests.idle").delete()

    # The claim, its rows, a savepoint's two, the end; and a claim that finds nothing.
    with django_assert_num_queries(6):
        sweep_together(FACT)


@pytest.mark.django_db
def test_what_cannot_be_taken_back_is_not_done_together() -> None:
    with pytest.raises(ValueError, match="outside the database"):
        sweep_together("mail")

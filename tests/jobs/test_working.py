"""A job comes to one end, whoever does it and whatever happens meanwhile."""

from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation
from core.backoff import MAX_ATTEMPTS
from jobs.exceptions import Hopeless, Ignored, NotNow
from jobs.models import Job
from jobs.working import (
    _ABOUT,
    _CLAIM,
    DEADLY,
    GONE,
    _postpone,
    _words,
    claim,
    sweep,
    work,
)
from outbox.models import Event as Row
from tests.jobs.conftest import Have, wait_for
from tests.races import together


def write(name: str) -> None:
    Organisation.objects.create(slug=f"o-{name}", name=name, kind="team")


def make_due() -> None:
    Job.objects.waiting().update(due_at=timezone.now(), leased_until=None)


def let_leases_run_out() -> None:
    """Do as if what is claimed now had been claimed long ago, by a worker that died."""
    Job.objects.exclude(leased_until=None).update(leased_until=timezone.now())


@pytest.mark.django_db
def test_a_job_is_done_once(have: Have) -> None:
    done: list[str] = []
    have(lambda row, job: done.append(row.name))
    row = wait_for()

    ended = [work("gadget", str(row.pk)), work("gadget", str(row.pk)), sweep("gadget")]

    job = Job.objects.get()
    assert (ended, done) == ([1, 0, 0], ["thing"])
    assert (job.state, job.attempts, job.leased_until) == ("done", 1, None)
    assert job.finished_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("is_local", [True, False])
def test_a_failure_is_noted_and_holds_up_nobody(have: Have, is_local: bool) -> None:
    def fail_first(row: Row, job: Job) -> None:
        if job.part == "first":
            raise ValueError("no \0 such thing")

    have(fail_first, is_local=is_local, batch=10)
    wait_for("first", "second")

    assert sweep("gadget") == 1

    failed, done = Job.objects.order_by("pk")
    assert (failed.state, failed.attempts, failed.leased_until) == ("waiting", 1, None)
    assert failed.last_error == "ValueError: no  such thing"
    assert failed.due_at > timezone.now()
    assert done.state == "done"


@pytest.mark.django_db
def test_what_a_local_job_wrote_before_it_failed_is_not_there(have: Have) -> None:
    def fail(row: Row, job: Job) -> None:
        write("half")
        raise ValueError

    have(fail, is_local=True)
    wait_for()

    sweep("gadget")

    assert not Organisation.objects.filter(slug="o-half").exists()
    assert Job.objects.get().last_error == "ValueError: "


@pytest.mark.django_db
def test_pauses_grow_up_to_the_ceiling_and_the_job_is_given_up_at_last(
    have: Have,
) -> None:
    def fail(row: Row, job: Job) -> None:
        raise ValueError("still not")

    have(fail, ceiling=600, max_attempts=12)
    wait_for()
    pauses = []

    for _ in range(12):
        tried_at = timezone.now()
        sweep("gadget")
        pauses.append((Job.objects.get().due_at - tried_at).total_seconds())
        # Not due: nothing happens until its time has come.
        sweep("gadget")
        make_due()

    job = Job.objects.get()
    assert (job.state, job.attempts) == ("dead", 12)
    assert (job.last_error, job.finished_at is None) == ("ValueError: still not", False)
    for number, pause in enumerate(pauses[:-1], start=1):
        assert 0.8 * min(2**number, 600) <= pause <= 1.2 * min(2**number, 600) + 5
    assert sweep("gadget") == 0


@pytest.mark.django_db
def test_the_pauses_of_a_night_add_up_to_hours(have: Have) -> None:
    kind = have(lambda row, job: None)
    wait_for()
    job = Job.objects.get()
    waits = 0.0

    for attempts in range(1, MAX_ATTEMPTS):
        Job.objects.update(attempts=attempts)
        job.attempts = attempts
        _postpone(job, ValueError(), ceiling=kind.ceiling)
        waits += (Job.objects.get().due_at - timezone.now()).total_seconds()

    assert 6 * 3600 < waits < 12 * 3600


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (Ignored("about nothing"), "ignored", "about nothing"),
        (Hopeless("cannot be read"), "dead", "cannot be read"),
        (Hopeless(), "dead", "Hopeless"),
    ],
)
@pytest.mark.parametrize("is_local", [True, False])
def test_some_work_comes_to_its_end_at_once(
    have: Have, error: Exception, state: str, words: str, is_local: bool
) -> None:
    def end(row: Row, job: Job) -> None:
        raise error

    have(end, is_local=is_local)
    wait_for()

    sweep("gadget")

    job = Job.objects.get()
    assert (job.state, job.attempts, job.last_error) == (state, 1, words)
    assert job.finished_at is not None


@pytest.mark.django_db
def test_why_it_is_hopeless_is_told_in_the_words_of_the_cause(have: Have) -> None:
    def refuse(row: Row, job: Job) -> None:
        raise Hopeless from OSError(550, "no such person")

    have(refuse)
    wait_for()

    sweep("gadget")

    assert Job.objects.get().last_error == "OSError: [Errno 550] no such person"


@pytest.mark.django_db
def test_while_something_is_away_one_job_asks_and_none_is_given_up(have: Have) -> None:
    asked: list[int] = []

    def be_away(row: Row, job: Job) -> None:
        asked.append(job.pk)
        raise NotNow("the server is away")

    have(be_away)
    wait_for("first", "second")

    assert sweep("gadget") == 0
    for _ in range(MAX_ATTEMPTS * 2):
        asking = Job.objects.filter(part="first")
        asking.update(due_at=timezone.now() - timedelta(hours=1))
        sweep("gadget")

    first, second = Job.objects.order_by("pk")
    assert set(asked) == {first.pk}
    assert (first.state, first.attempts) == ("waiting", MAX_ATTEMPTS // 2)
    assert first.last_error == "the server is away"
    assert first.due_at - timezone.now() <= timedelta(seconds=360)
    assert (second.attempts, second.leased_until) == (0, None)


@pytest.mark.django_db
def test_what_is_not_admitted_is_not_claimed(have: Have) -> None:
    def refuse() -> None:
        raise NotNow

    have(lambda row, job: None, admit=refuse)
    wait_for()

    assert sweep("gadget") == 0
    assert Job.objects.get().attempts == 0


@pytest.mark.django_db
def test_work_about_what_is_gone_is_ignored(have: Have) -> None:
    have(lambda row, job: None)
    wait_for()
    Row.objects.all().delete()

    sweep("gadget")

    job = Job.objects.get()
    assert (job.state, job.last_error) == ("ignored", GONE)


@pytest.mark.django_db
def test_the_oldest_is_done_first_and_batches_are_loaded_at_once(have: Have) -> None:
    done: list[str] = []
    have(lambda row, job: done.append(row.name), batch=10)
    for number in range(10):
        wait_for(name=str(number))
    Job.objects.filter(subject=str(Row.objects.get(name="7").pk)).update(
        due_at=timezone.now() - timedelta(hours=1)
    )

    with CaptureQueriesContext(connection) as captured:
        sweep("gadget")

    assert done == ["7", *"0123456", *"89"]
    # A claim and a look at the rows for all, an end for each, and a last claim.
    assert len(captured) == 1 + 1 + 10 + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_local", [True, False])
def test_many_workers_at_once_do_each_job_once(have: Have, is_local: bool) -> None:
    done: list[str] = []
    have(lambda row, job: done.append(row.name), is_local=is_local, batch=3)
    for number in range(40):
        wait_for(name=str(number))

    ended = together(*[lambda: sweep("gadget")] * 4)

    assert sum(ended) == 40
    assert sorted(done, key=int) == [str(number) for number in range(40)]
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}


@pytest.mark.django_db(transaction=True)
def test_ten_claims_of_one_job_are_one(have: Have) -> None:
    kind = have(lambda row, job: None)
    wait_for()

    claims = together(*[lambda: claim(kind)] * 10)

    assert sorted(len(claimed) for claimed in claims) == [0] * 9 + [1]
    assert Job.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_passes_by_what_another_holds(have: Have) -> None:
    is_inside, meeting = Event(), Barrier(2)

    def fail(row: Row, job: Job) -> None:
        is_inside.set()
        meeting.wait(timeout=10)
        raise ValueError

    have(fail, is_local=True)
    wait_for()

    def other() -> int:
        assert is_inside.wait(timeout=10)
        # Its lease is over, and still nobody begins: the first one is inside.
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        passed = sweep("gadget")
        meeting.wait(timeout=10)
        return passed

    done = together(lambda: sweep("gadget"), other)

    assert done == [0, 0]
    assert Job.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_local_job_is_done_once_though_its_lease_is_over_before_it_ends(
    have: Have,
) -> None:
    done: list[str] = []
    is_inside, may_end = Event(), Event()

    def slowly(row: Row, job: Job) -> None:
        is_inside.set()
        assert may_end.wait(timeout=10)
        done.append(row.name)
        write("once")

    # Over as soon as it is claimed.
    kind = have(slowly, is_local=True, lease=timedelta(0))
    wait_for()

    def other() -> int:
        assert is_inside.wait(timeout=10)
        passed = len(claim(kind))
        may_end.set()
        return passed

    ended = together(lambda: sweep("gadget"), other)

    assert (ended, done) == ([1, 0], ["thing"])
    assert Organisation.objects.filter(slug="o-once").count() == 1
    assert Job.objects.get().state == "done"


@pytest.mark.django_db
def test_what_another_has_done_meanwhile_is_not_done_again(have: Have) -> None:
    """Both were claimed; when the first is done the lease of the second is over."""
    done: list[str] = []

    def be_slow(row: Row, job: Job) -> None:
        done.append(job.part)
        others = Job.objects.waiting().exclude(pk=job.pk)
        others.update(state="done", finished_at=timezone.now())

    have(be_slow, is_local=True, batch=10)
    wait_for("first", "second")

    assert sweep("gadget") == 1
    assert done == ["first"]


@pytest.mark.django_db
def test_whoever_comes_late_with_a_failure_changes_nothing(have: Have) -> None:
    def fail_late(row: Row, job: Job) -> None:
        let_leases_run_out()
        (again,) = claim(kind)
        assert again.attempts == 2
        raise ValueError("too late")

    kind = have(fail_late)
    wait_for()

    sweep("gadget")

    job = Job.objects.get()
    assert (job.state, job.attempts, job.last_error) == ("waiting", 2, "")
    assert job.leased_until is not None


@pytest.mark.django_db
def test_the_work_of_a_worker_that_died_comes_back_after_its_lease(have: Have) -> None:
    done: list[str] = []
    kind = have(lambda row, job: done.append(row.name))
    wait_for()
    (claimed,) = claim(kind)

    during = sweep("gadget")
    let_leases_run_out()
    after = sweep("gadget")

    assert claimed.leased_until is not None
    assert 4 < (claimed.leased_until - timezone.now()).total_seconds() < 6
    assert (during, after, done) == (0, 1, ["thing"])
    assert Job.objects.get().attempts == 2


@pytest.mark.django_db
@pytest.mark.parametrize("is_local", [True, False])
def test_what_kills_its_workers_comes_to_an_end_and_takes_nothing_along(
    have: Have, is_local: bool
) -> None:
    done: list[str] = []

    class Killed(BaseException):
        """What no worker catches: its claims stay behind, and no word about them."""

    def die_of_poison(row: Row, job: Job) -> None:
        if job.part == "poison":
            raise Killed
        done.append(job.part)

    have(die_of_poison, is_local=is_local, batch=10)
    wait_for("first", "poison", "third", "fourth")
    deaths = 0

    while Job.objects.waiting().exists():
        try:
            sweep("gadget")
        except Killed:
            deaths += 1
        let_leases_run_out()

    poison = Job.objects.get(part="poison")
    others = Job.objects.exclude(part="poison")
    assert deaths == MAX_ATTEMPTS
    assert (poison.state, poison.last_error) == ("dead", DEADLY)
    assert sorted(done) == ["first", "fourth", "third"]
    assert max(others.values_list("attempts", flat=True)) <= 2


@pytest.mark.django_db
def test_no_transaction_is_open_while_work_leaves_the_process(
    have: Have, transactional_db: None
) -> None:
    seen: list[bool] = []
    have(lambda row, job: seen.append(connection.in_atomic_block))
    wait_for()

    sweep("gadget")

    assert seen == [False]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("about", "index"), [("", "jobs_job_due"), (_ABOUT, "jobs_job_once")]
)
def test_a_claim_reads_an_index(about: str, index: str) -> None:
    at = timezone.now()
    values: dict[str, Any] = {
        "kind": "fact",
        "subject": "7",
        "batch": 10,
        "now": at,
        "until": at,
    }
    claiming = _CLAIM.format(about=about)
    with connection.cursor() as cursor:
        # A flood of facts that are due, as statistics see it.
        cursor.execute(
            "INSERT INTO jobs_job (kind, subject, due_at, created_at)"
            " SELECT 'fact', n::text, now() - interval '1 minute', now()"
            " FROM generate_series(1, 5000) AS n"
        )
        cursor.execute("ANALYZE jobs_job")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {claiming}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert index in plan
    assert "Seq Scan" not in plan


def test_of_an_error_only_what_a_column_can_hold_is_kept() -> None:
    # Not raised: the log of a test cannot hold half a character either.
    assert _words(ValueError("half \ud800 of one\0")) == "ValueError: half ? of one"
    assert len(_words(ValueError("x" * 10_000))) == 2_000


def test_a_kind_nobody_registered_is_an_error() -> None:
    with pytest.raises(LookupError):
        sweep("nothing")

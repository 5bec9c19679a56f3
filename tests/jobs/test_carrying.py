"""The queues of the release before, while its processes still write them."""

from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from billing.stripe.models import WebhookInbox
from jobs.carrying import Former
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage
from outbox.models import Event
from tests.notifications.conftest import MailServer, mail_server
from tests.outbox.test_publishing import own_database_url

__all__ = ["mail_server"]

FACT: Former = import_module("outbox.migrations.0004_queue").FORMER
MAIL: Former = import_module("notifications.migrations.0004_queue").FORMER
WEBHOOK: Former = import_module("billing.stripe.migrations.0002_queue").FORMER
CONTRIBUTION: Former = import_module(
    "community.contributions.migrations.0003_queue"
).FORMER
ALL = (FACT, MAIL, WEBHOOK, CONTRIBUTION)
# Tables are locked and changed: no test's transaction may be around that.
pytestmark = pytest.mark.django_db(transaction=True)

HOOK = (
    "INSERT INTO billing_stripe_webhookinbox (endpoint, event_id, type, api_version,"
    " livemode, object_kind, object_id, payload, created_at, received_at, due_at, state,"
    " deliveries, attempts, last_error, processed_at) VALUES ('stripe', %(id)s,"
    " 'invoice.paid', '', false, '', '', '{}', now(), now() - interval '2 days', now(),"
    " %(state)s, 1, %(attempts)s, %(error)s, %(ended)s) RETURNING id"
)
LETTER = (
    'INSERT INTO notifications_emailmessage ("to", kind, subject, text, html, headers,'
    " message_id, idempotency_key, state, attempts, due_at, last_error, created_at,"
    " sent_at) VALUES ('ada@example.test', '', %(id)s, 'Hello', '', '{}', %(id)s, '',"
    " %(state)s, %(attempts)s, now(), %(error)s, now(), %(ended)s) RETURNING id"
)
DELIVERY = (
    "INSERT INTO outbox_delivery (event_id, subscriber, state, attempts, due_at,"
    " last_error) VALUES (%(event)s, %(id)s, %(state)s, %(attempts)s, now(), %(error)s)"
    " RETURNING id"
)
RETRY = (
    "UPDATE outbox_delivery SET state = 'pending', attempts = %(attempts)s"
    " WHERE id = %(pk)s"
)
PUSH = (
    "INSERT INTO contributions_delivery (guid, event, action, payload, state, attempts,"
    " deliveries, received_at, due_at, last_error, processed_at) VALUES (%(id)s, 'push',"
    " '', '{}', %(state)s, %(attempts)s, 1, now(), now(), %(error)s, %(ended)s)"
    " RETURNING guid"
)


@pytest.fixture(autouse=True)
def _carried() -> Any:
    """Leave every table as a migrated one is, and those the ORM forgot empty."""
    yield
    for former in ALL:
        former.carry_over()
    run("TRUNCATE outbox_delivery")


def run(statement: str, **values: Any) -> Any:
    """Do as a process of the release before: run its SQL."""
    given = {"attempts": 0, "error": "", "ended": None, **values}
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return cursor.fetchone()[0] if cursor.description else None


def jobs(kind: str) -> dict[str, tuple[str, int, str]]:
    """Return state, attempts and error of each job, by its part or else its subject."""
    return {
        job.part or job.subject: (job.state, job.attempts, job.last_error)
        for job in Job.objects.filter(kind=kind)
    }


def test_facts_that_wait_or_were_given_up_are_carried_over() -> None:
    event = Event.objects.create(name="DocsImported", payload={})
    FACT.bring_back()
    for name, state in (("a.b", "pending"), ("a.c", "dead"), ("a.d", "done")):
        run(DELIVERY, event=event.pk, id=name, state=state, attempts=3, error="no")

    FACT.carry_over()

    assert jobs("fact") == {"a.b": ("waiting", 3, "no"), "a.c": ("dead", 3, "no")}
    job = Job.objects.get(part="a.b")
    assert job.subject == str(event.pk)
    assert (job.created_at, job.finished_at) == (event.published_at, None)
    # No worker of the release before begins it any more.
    assert run("SELECT count(*) FROM outbox_delivery WHERE state='pending'") == 0


def test_a_fact_published_by_the_release_before_is_done_by_this_one() -> None:
    event = Event.objects.create(name="DocsImported", payload={})

    pk = run(DELIVERY, event=event.pk, id="a.b", state="pending")

    assert jobs("fact") == {"a.b": ("waiting", 0, "")}
    assert run("SELECT state FROM outbox_delivery WHERE id = %(pk)s", pk=pk) == "done"


def test_what_staff_of_the_release_before_retry_waits_again() -> None:
    event = Event.objects.create(name="DocsImported", payload={})
    pk = run(DELIVERY, event=event.pk, id="a.b", state="dead", attempts=20)
    assert jobs("fact") == {"a.b": ("dead", 20, "")}

    run(RETRY, pk=pk, attempts=0)

    assert jobs("fact") == {"a.b": ("waiting", 0, "")}


def test_a_failure_that_comes_late_does_not_undo_what_is_done() -> None:
    event = Event.objects.create(name="DocsImported", payload={})
    pk = run(DELIVERY, event=event.pk, id="a.b", state="pending")
    Job.objects.update(state="done", finished_at=timezone.now(), attempts=1)

    run(RETRY, pk=pk, attempts=5)

    assert jobs("fact") == {"a.b": ("done", 1, "")}


def test_webhooks_come_with_their_history() -> None:
    WEBHOOK.bring_back()
    states = ("new", "failed", "dead", "done", "ignored")
    ids = {
        state: str(run(HOOK, id=f"evt_{state}", state=state, attempts=2, error=state))
        for state in states
    }
    run(
        "UPDATE billing_stripe_webhookinbox SET processed_at = now() - interval '1 day'"
    )

    WEBHOOK.carry_history()
    WEBHOOK.carry_over()

    found = jobs("webhook")
    assert {state: found[ids[state]] for state in states} == {
        "new": ("waiting", 2, "new"),
        "failed": ("waiting", 2, "failed"),
        "dead": ("dead", 2, "dead"),
        "done": ("done", 2, "done"),
        "ignored": ("ignored", 2, "ignored"),
    }
    row = WebhookInbox.objects.get(event_id="evt_done")
    assert Job.objects.about("webhook", row.pk).get().created_at == row.received_at


def test_history_is_copied_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.carrying.BATCH", 2)
    WEBHOOK.bring_back()
    for number in range(5):
        run(HOOK, id=f"evt_{number}", state="done", ended=timezone.now())

    WEBHOOK.carry_history()
    WEBHOOK.carry_history()

    assert len(jobs("webhook")) == 5


def test_a_mail_under_way_in_the_release_before_is_not_sent_twice(
    mail_server: MailServer,
) -> None:
    MAIL.bring_back()
    under_way = run(LETTER, id="first", state="pending", attempts=1)
    run(LETTER, id="second", state="pending")
    MAIL.carry_over()
    run(
        "UPDATE notifications_emailmessage SET state='sent', sent_at=now()"
        " WHERE id = %(pk)s",
        pk=under_way,
    )
    run(LETTER, id="third", state="pending")

    assert sweep("mail") == 3

    assert {taken["Subject"] for taken in mail_server.taken} == {"second", "third"}
    assert EmailMessage.objects.filter(sent_at=None).count() == 0


def test_a_delivery_nothing_follows_from_is_told_as_ignored() -> None:
    run(PUSH, id="one", state="ignored")
    run(PUSH, id="two", state="new")

    assert jobs("contribution") == {
        "one": ("ignored", 0, ""),
        "two": ("waiting", 0, ""),
    }


def test_a_rollback_leads_back_to_the_queues_there_were() -> None:
    event = Event.objects.create(name="DocsImported", payload={})
    mail = EmailMessage.objects.create(to="a@b.test", subject="x", message_id="<x>")
    parts = {"a.b": "waiting", "a.c": "done", "a.d": "dead"}
    for part, state in parts.items():
        finished = None if state == "waiting" else timezone.now()
        Job.objects.create(
            kind="fact",
            subject=str(event.pk),
            part=part,
            state=state,
            finished_at=finished,
        )
    Job.objects.create(kind="mail", subject=str(mail.pk), attempts=4)

    FACT.bring_back()
    MAIL.bring_back()

    with connection.cursor() as cursor:
        cursor.execute("SELECT subscriber, state FROM outbox_delivery")
        assert dict(cursor.fetchall()) == {
            "a.b": "pending",
            "a.c": "done",
            "a.d": "dead",
        }
        cursor.execute("SELECT state, attempts FROM notifications_emailmessage")
        assert cursor.fetchall() == [("pending", 4)]
    # Else the next upgrade would have done again what the old code has done by then.
    assert not Job.objects.exists()


def test_whoever_is_at_work_on_a_table_is_let_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = Event.objects.create(name="DocsImported", payload={})
    FACT.bring_back()
    run(DELIVERY, event=event.pk, id="a.b", state="pending")
    with psycopg.connect(own_database_url()) as other:
        # A worker of the release before is inside its subscriber.
        other.execute("SELECT FROM outbox_delivery FOR UPDATE")
        monkeypatch.setattr("jobs.carrying.time.sleep", lambda _: other.rollback())
        FACT.carry_over()

    assert jobs("fact") == {"a.b": ("waiting", 0, "")}

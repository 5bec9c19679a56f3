from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from jobs.models import Job
from jobs.services import prune
from jobs.working import claim, sweep, work
from notifications import mailing, services
from notifications.jobs import KIND
from notifications.models import EmailMessage, Kind
from notifications.registry import Letter
from tests.notifications.conftest import MailServer
from tests.races import together

Person = Callable[..., Any]


def mail(to: str = "ada@example.test", **fields: Any) -> EmailMessage:
    """Write a mail down."""
    values = {"subject": "Hello", "text": "Read this.", **fields}
    return mailing.queue_mail(to, **values)


def send(written: EmailMessage) -> int:
    """Have a worker do what a nudge asks for."""
    return work("mail", str(written.pk))


def job_of(written: EmailMessage) -> Job:
    return Job.objects.about("mail", written.pk).get()


def make_due() -> None:
    Job.objects.waiting().update(due_at=timezone.now(), leased_until=None)


@pytest.mark.django_db
def test_a_mail_leaves_as_it_was_written(mail_server: MailServer) -> None:
    written = mail(html="<p>Read this.</p>", headers={"X-Topic": "7"})

    sent = send(written)

    (taken,) = mail_server.taken
    written.refresh_from_db()
    assert sent == 1
    assert (taken["To"], taken["Subject"]) == ("ada@example.test", "Hello")
    assert taken["Message-ID"] == written.message_id
    assert taken["X-Topic"] == "7"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in taken.walk()][1:] == [
        "text/plain",
        "text/html",
    ]
    assert (job_of(written).state, job_of(written).attempts) == ("done", 1)
    assert written.sent_at is not None


@pytest.mark.django_db
def test_a_mail_is_sent_once(mail_server: MailServer) -> None:
    written = mail()

    sent = [send(written), send(written)]

    assert sent == [1, 0]
    assert sweep("mail") == 0
    assert len(mail_server.taken) == 1


@pytest.mark.django_db
def test_the_same_key_never_makes_a_second_mail() -> None:
    first = mail(idempotency_key="welcome:1")
    again = mail(idempotency_key="welcome:1", subject="Other")
    other = mail(idempotency_key="welcome:2")
    without = [mail(), mail()]

    assert again.pk == first.pk
    assert again.subject == "Hello"
    assert len({first.pk, other.pk, *(each.pk for each in without)}) == 4


@pytest.mark.django_db
def test_a_line_break_does_not_begin_another_header(mail_server: MailServer) -> None:
    written = mail(subject="Hello\r\nBcc: eve@example.test\n")

    send(written)

    assert written.subject == "Hello Bcc: eve@example.test"
    assert mail_server.taken[0]["Bcc"] is None


@pytest.mark.django_db
def test_without_a_server_mail_is_kept_and_sent_later(
    settings: Any, mail_server: MailServer
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9
    for number in range(3):
        mail(f"person{number}@example.test")

    sent_without = sweep("mail")
    tried = Job.objects.exclude(attempts=0)
    errors = [(each.attempts, each.state, each.last_error[:22]) for each in tried]
    settings.EMAIL_PORT = port
    make_due()
    # The rest after the outage is over.
    mailing.breaker.succeed()
    sent_with = sweep("mail")

    # The first one found the server gone; the others were not even tried.
    assert sent_without == 0
    assert errors == [(1, "waiting", "ConnectionRefusedError")]
    assert sent_with == 3
    assert len(mail_server.taken) == 3
    assert set(Job.objects.values_list("state", "last_error")) == {("done", "")}


@pytest.mark.django_db
def test_while_the_server_is_away_one_mail_waits_for_all_the_others(
    settings: Any, mail_server: MailServer
) -> None:
    settings.EMAIL_PORT = 9
    first, second = mail(), mail("ben@example.test")

    assert [send(first), send(second)] == [0, 0]

    job = job_of(second)
    assert (job.state, job.attempts) == ("waiting", 0)
    assert job.due_at <= timezone.now()
    assert job_of(first).attempts == 1


@pytest.mark.django_db
def test_an_address_that_is_refused_for_good_is_dead_at_once(
    mail_server: MailServer,
) -> None:
    mail_server.refusals["ada@example.test"] = "550 5.1.1 No such person"
    refused, fine = mail(), mail("ben@example.test")

    assert sweep("mail") == 1

    assert (job_of(refused).state, job_of(refused).attempts) == ("dead", 1)
    assert "No such person" in job_of(refused).last_error
    assert job_of(fine).state == "done"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "state"),
    [("452 4.2.2 Mailbox full", "waiting"), ("554 5.6.0 Not this", "dead")],
)
def test_a_mail_refused_for_now_waits_and_for_good_does_not(
    mail_server: MailServer, answer: str, state: str
) -> None:
    mail_server.refuses_data = answer
    written = mail()

    assert sweep("mail") == 0

    assert (job_of(written).state, job_of(written).attempts) == (state, 1)


@pytest.mark.django_db
def test_an_address_that_cannot_be_written_is_dead_and_holds_up_nobody(
    mail_server: MailServer,
) -> None:
    broken = mail("ada@example.test\nBcc: eve@example.test")
    mail("ben@example.test")

    assert sweep("mail") == 1

    assert job_of(broken).state == "dead"
    assert [taken["To"] for taken in mail_server.taken] == ["ben@example.test"]


@pytest.mark.django_db
def test_the_mail_of_a_worker_that_died_is_sent_after_its_lease(
    mail_server: MailServer,
) -> None:
    written = mail()
    (claimed,) = claim(KIND)

    during = sweep("mail")
    make_due()
    after = sweep("mail")

    assert claimed.leased_until is not None
    assert claimed.leased_until - timezone.now() > timedelta(seconds=100)
    assert (during, after) == (0, 1)
    assert mail_server.taken[0]["Message-ID"] == written.message_id


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_send_once(mail_server: MailServer) -> None:
    for number in range(12):
        mail(f"person{number}@example.test")

    sent = together(*[lambda: sweep("mail")] * 3)

    assert sum(sent) == 12
    assert len({taken["Message-ID"] for taken in mail_server.taken}) == 12
    assert len(mail_server.taken) == 12


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_server_is_spoken_to(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    hand_over = mailing._hand_over

    def watched(written: EmailMessage, letter: Letter) -> None:
        seen.append(connection.in_atomic_block)
        hand_over(written, letter)

    monkeypatch.setattr(mailing, "_hand_over", watched)
    written = mail()

    send(written)

    assert seen == [False]


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_nudged_after_the_commit_and_not_before() -> None:
    with transaction.atomic():
        mail()
        before = queued()

    assert (before, queued()) == (0, 1)


@pytest.mark.django_db
def test_a_notification_can_be_unsubscribed_with_one_click(
    client: Client, person: Person, mail_server: MailServer
) -> None:
    ada = person("ada")
    for kind in (Kind.REPLY, Kind.SECURITY):
        services.notify(ada.pk, kind, dedupe_key=kind, url="/", title="Hello")

    sweep("mail")

    reply, security = mail_server.taken
    assert reply["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = "".join(str(reply["List-Unsubscribe"]).split())
    assert address.startswith("<http://testserver/unsubscribe/")
    answer = client.post(address.strip("<>").removeprefix("http://testserver"))
    assert answer.status_code == 200
    assert not services.email_choices(ada)[Kind.REPLY]
    assert security["List-Unsubscribe"] is None


@pytest.mark.django_db
def test_mail_sent_long_ago_is_forgotten_and_nothing_else(
    mail_server: MailServer,
) -> None:
    mail_server.refusals["dead@example.test"] = "550 5.1.1 No such person"
    old, young, dead = mail(), mail(), mail("dead@example.test")
    sweep("mail")
    long_ago = timezone.now() - timedelta(days=31)
    EmailMessage.objects.exclude(pk=young.pk).update(created_at=long_ago)
    Job.objects.about("mail", old.pk, dead.pk).update(
        created_at=long_ago, finished_at=long_ago
    )

    assert prune() == 1
    assert set(EmailMessage.objects.all()) == {young, dead}


@pytest.mark.django_db
def test_mails_that_do_not_wait_are_not_withdrawn(mail_server: MailServer) -> None:
    mail_server.refusals["dead@example.test"] = "550 5.1.1 No such person"
    sent, dead = mail(), mail("dead@example.test")
    sweep("mail")
    waiting = mail()

    assert mailing.withdraw_mail(EmailMessage.objects.all()) == 1

    assert set(EmailMessage.objects.all()) == {sent, dead}
    assert not Job.objects.about("mail", waiting.pk).exists()


def queued() -> int:
    """Return how many tasks wait in the queue of mail."""
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        size: int = channel._size("mail")
        return size

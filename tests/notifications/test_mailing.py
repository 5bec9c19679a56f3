from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from notifications import mailing, services
from notifications.exceptions import MailServerUnavailable
from notifications.letters import Letter
from notifications.models import EmailMessage, Kind
from tests.notifications.conftest import MailServer
from tests.races import together

Person = Callable[..., Any]


def mail(to: str = "ada@example.test", **fields: Any) -> EmailMessage:
    """Write a mail down."""
    values = {"subject": "Hello", "text": "Read this.", **fields}
    return mailing.queue_mail(to, **values)


def make_due() -> None:
    EmailMessage.objects.update(due_at=timezone.now())


@pytest.mark.django_db
def test_a_mail_leaves_as_it_was_written(mail_server: MailServer) -> None:
    written = mail(html="<p>Read this.</p>", headers={"X-Topic": "7"})

    sent = mailing.send_mail(written.pk)

    (taken,) = mail_server.taken
    written.refresh_from_db()
    assert sent
    assert (taken["To"], taken["Subject"]) == ("ada@example.test", "Hello")
    assert taken["Message-ID"] == written.message_id
    assert taken["X-Topic"] == "7"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in taken.walk()][1:] == [
        "text/plain",
        "text/html",
    ]
    assert (written.state, written.attempts) == ("sent", 1)
    assert written.sent_at is not None


@pytest.mark.django_db
def test_a_mail_is_sent_once(mail_server: MailServer) -> None:
    written = mail()

    sent = [mailing.send_mail(written.pk), mailing.send_mail(written.pk)]

    assert sent == [True, False]
    assert mailing.send_due_mail() == 0
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

    mailing.send_mail(written.pk)

    assert written.subject == "Hello Bcc: eve@example.test"
    assert mail_server.taken[0]["Bcc"] is None


@pytest.mark.django_db
def test_without_a_server_mail_is_kept_and_sent_later(
    settings: Any, mail_server: MailServer
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9
    for number in range(3):
        mail(f"person{number}@example.test")

    sent_without = mailing.send_due_mail()
    tried = EmailMessage.objects.exclude(attempts=0)
    errors = [(each.attempts, each.state, each.last_error[:22]) for each in tried]
    settings.EMAIL_PORT = port
    make_due()
    # The rest after the outage is over.
    mailing.breaker.succeed()
    sent_with = mailing.send_due_mail()

    # The first one found the server gone; the others were not even tried.
    assert sent_without == 0
    assert errors == [(1, "pending", "ConnectionRefusedError")]
    assert sent_with == 3
    assert len(mail_server.taken) == 3
    assert set(EmailMessage.objects.values_list("state", "last_error")) == {
        ("sent", "")
    }


@pytest.mark.django_db
def test_while_the_server_is_away_one_mail_waits_for_all_the_others(
    settings: Any, mail_server: MailServer
) -> None:
    settings.EMAIL_PORT = 9
    first, second = mail(), mail("ben@example.test")

    for written in (first, second):
        with pytest.raises(MailServerUnavailable):
            mailing.send_mail(written.pk)

    second.refresh_from_db()
    assert (second.state, second.attempts) == ("pending", 0)
    assert second.due_at <= timezone.now()


@pytest.mark.django_db
def test_a_long_outage_gives_no_mail_up_and_keeps_the_pauses_short(
    settings: Any, mail_server: MailServer
) -> None:
    settings.EMAIL_PORT = 9
    written = mail()
    EmailMessage.objects.update(attempts=200)

    with pytest.raises(MailServerUnavailable):
        mailing.send_mail(written.pk)

    written.refresh_from_db()
    assert (written.state, written.attempts) == ("pending", 201)
    assert written.due_at - timezone.now() <= timedelta(seconds=360)


@pytest.mark.django_db
def test_an_address_that_is_refused_for_good_is_dead_at_once(
    mail_server: MailServer,
) -> None:
    mail_server.refusals["ada@example.test"] = "550 5.1.1 No such person"
    refused, fine = mail(), mail("ben@example.test")

    assert mailing.send_due_mail() == 1

    refused.refresh_from_db()
    fine.refresh_from_db()
    assert (refused.state, refused.attempts) == ("dead", 1)
    assert "No such person" in refused.last_error
    assert fine.state == "sent"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "state"),
    [("452 4.2.2 Mailbox full", "pending"), ("554 5.6.0 Not this", "dead")],
)
def test_a_mail_refused_for_now_waits_and_for_good_does_not(
    mail_server: MailServer, answer: str, state: str
) -> None:
    mail_server.refuses_data = answer
    written = mail()

    assert mailing.send_due_mail() == 0

    written.refresh_from_db()
    assert (written.state, written.attempts) == (state, 1)


@pytest.mark.django_db
def test_pauses_grow_and_a_mail_is_given_up_at_last(mail_server: MailServer) -> None:
    mail_server.refusals["ada@example.test"] = "450 4.2.1 Come back later"
    written = mail()
    pauses = []

    for _ in range(mailing.MAX_ATTEMPTS):
        make_due()
        before = timezone.now()
        mailing.send_due_mail()
        written.refresh_from_db()
        pauses.append((written.due_at - before).total_seconds())

    assert (written.state, written.attempts) == ("dead", 20)
    for number, pause in enumerate(pauses, start=1):
        assert 0.8 * min(5 * 2**number, 3600) <= pause
        assert pause <= 1.2 * min(5 * 2**number, 3600) + 5
    assert mailing.send_due_mail() == 0


@pytest.mark.django_db
def test_a_dead_mail_is_sent_when_it_is_retried(mail_server: MailServer) -> None:
    dead, pending = mail(), mail("ben@example.test")
    EmailMessage.objects.filter(pk=dead.pk).update(state="dead", attempts=20)
    later = timezone.now() + timedelta(hours=1)
    EmailMessage.objects.filter(pk=pending.pk).update(due_at=later)

    retried = mailing.retry_mails(EmailMessage.objects.all())
    sent = mailing.send_due_mail()

    dead.refresh_from_db()
    assert (retried, sent) == (1, 1)
    assert (dead.state, dead.attempts) == ("sent", 1)


@pytest.mark.django_db
def test_an_address_that_cannot_be_written_is_dead_and_holds_up_nobody(
    mail_server: MailServer,
) -> None:
    broken = mail("ada@example.test\nBcc: eve@example.test")
    mail("ben@example.test")

    assert mailing.send_due_mail() == 1

    broken.refresh_from_db()
    assert broken.state == "dead"
    assert [taken["To"] for taken in mail_server.taken] == ["ben@example.test"]


@pytest.mark.django_db
def test_the_mail_of_a_worker_that_died_is_sent_after_its_claim(
    mail_server: MailServer,
) -> None:
    written = mail()
    claimed = mailing._claim(written.pk)
    assert claimed is not None

    during = mailing.send_due_mail()
    make_due()
    after = mailing.send_due_mail()

    assert claimed.due_at - timezone.now() > timedelta(seconds=100)
    assert (during, after) == (0, 1)
    assert mail_server.taken[0]["Message-ID"] == written.message_id


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_send_once(mail_server: MailServer) -> None:
    for number in range(12):
        mail(f"person{number}@example.test")

    sent = together(*[mailing.send_due_mail] * 3)

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

    mailing.send_mail(written.pk)

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

    mailing.send_due_mail()

    reply, security = mail_server.taken
    assert reply["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = "".join(str(reply["List-Unsubscribe"]).split())
    assert address.startswith("<http://testserver/unsubscribe/")
    answer = client.post(address.strip("<>").removeprefix("http://testserver"))
    assert answer.status_code == 200
    assert not services.email_choices(ada)[Kind.REPLY]
    assert security["List-Unsubscribe"] is None


@pytest.mark.django_db
def test_mail_sent_long_ago_is_forgotten_and_nothing_else() -> None:
    old, young, dead = mail(), mail(), mail()
    sent_at = timezone.now() - timedelta(days=31)
    EmailMessage.objects.filter(pk=old.pk).update(state="sent", sent_at=sent_at)
    EmailMessage.objects.filter(pk=young.pk).update(
        state="sent", sent_at=timezone.now()
    )
    EmailMessage.objects.filter(pk=dead.pk).update(state="dead", created_at=sent_at)

    assert mailing.prune_mail() == 1
    assert set(EmailMessage.objects.values_list("pk", flat=True)) == {
        young.pk,
        dead.pk,
    }


@pytest.mark.django_db
def test_the_backlog_tells_how_late_and_how_many() -> None:
    for _ in range(3):
        mail()
    EmailMessage.objects.update(due_at=timezone.now() - timedelta(minutes=5))
    EmailMessage.objects.filter(pk=EmailMessage.objects.earliest("pk").pk).update(
        state="dead"
    )

    backlog = mailing.mail_backlog()

    assert (backlog.waiting, backlog.dead, backlog.is_late) == (2, 1, True)
    assert backlog.overdue >= timedelta(minutes=5)


def queued() -> int:
    """Return how many tasks wait in the queue of mail."""
    with current_app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        size: int = channel._size("mail")
        return size

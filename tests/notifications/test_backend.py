from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage as DjangoMessage
from django.core.mail import get_connection, send_mail
from django.db import transaction
from django.test import Client

from jobs.models import Job
from jobs.working import sweep
from notifications import mailing
from notifications.models import EmailMessage
from tests.notifications.conftest import MailServer

Person = Callable[..., Any]


@pytest.fixture(autouse=True)
def _own_backend(settings: Any) -> None:
    settings.EMAIL_BACKEND = "notifications.backend.EmailBackend"


@pytest.mark.django_db
def test_what_django_sends_is_written_down_and_leaves_later(
    mail_server: MailServer,
) -> None:
    send_mail(
        "Hello",
        "Read this.",
        None,
        ["ada@example.test", "ben@example.test"],
        html_message="<p>Read this.</p>",
    )
    written = list(EmailMessage.objects.values_list("to", "sent_at", "html"))

    sent = sweep("mail")

    assert written == [
        ("ada@example.test", None, "<p>Read this.</p>"),
        ("ben@example.test", None, "<p>Read this.</p>"),
    ]
    assert sent == 2
    assert [taken["To"] for taken in mail_server.taken] == [
        "ada@example.test",
        "ben@example.test",
    ]
    # What was in it is not kept: it may hold a link that opens an account.
    assert set(EmailMessage.objects.values_list("text", "html")) == {("", "")}


@pytest.mark.django_db
def test_sender_and_headers_stay(mail_server: MailServer) -> None:
    DjangoMessage(
        "Hello",
        "Read this.",
        "Support <support@example.test>",
        ["ada@example.test"],
        reply_to=["desk@example.test"],
        headers={"X-Topic": "7"},
    ).send()

    sweep("mail")

    (taken,) = mail_server.taken
    assert taken["From"] == "Support <support@example.test>"
    assert (taken["Reply-To"], taken["X-Topic"]) == ("desk@example.test", "7")


@pytest.mark.django_db(transaction=True)
def test_a_mail_is_rolled_back_with_its_cause() -> None:
    def cause() -> None:
        send_mail("Hello", "Read this.", None, ["ada@example.test"])
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        cause()

    assert not EmailMessage.objects.exists()


@pytest.mark.django_db
def test_somebody_signs_up_while_the_mail_server_is_down(
    settings: Any, mail_server: MailServer
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9

    answer = Client().post(
        "/accounts/signup/",
        {
            "email": "dora@example.test",
            "username": "dora",
            "password1": "correct horse battery",
        },
    )
    sweep("mail")
    settings.EMAIL_PORT = port
    # The rest after the outage is over.
    mailing.breaker.succeed()
    Job.objects.update(due_at=EmailMessage.objects.get().created_at)
    sweep("mail")

    assert answer.status_code == 302
    assert EmailAddress.objects.get(email="dora@example.test").verified is False
    (taken,) = mail_server.taken
    plain = next(
        part for part in taken.walk() if part.get_content_type() == "text/plain"
    )
    body = plain.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert b"/accounts/confirm-email/" in body


@pytest.mark.django_db
def test_an_attachment_is_refused_and_nothing_of_the_batch_is_written() -> None:
    plain = DjangoMessage("Hello", "Read this.", None, ["ada@example.test"])
    laden = DjangoMessage("Bill", "See below.", None, ["ben@example.test"])
    laden.attach("bill.txt", "12 dollars", "text/plain")

    with pytest.raises(ValueError, match="no attachments"):
        get_connection().send_messages([plain, laden])

    assert not EmailMessage.objects.exists()

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from contracts.community import DocsImported
from notifications import mailing
from notifications.models import EmailMessage
from outbox import publish
from outbox.models import Delivery

Person = Callable[..., Any]
PAGES = (
    "/staff/operations/",
    "/staff/operations/deliveries/",
    "/staff/operations/mails/",
)
pytestmark = pytest.mark.django_db


def give_up(count: int = 1) -> None:
    """Leave behind facts and mails that were given up."""
    for number in range(count):
        with transaction.atomic():
            publish(DocsImported(version=str(number), locale="en", pages=1))
        mailing.queue_mail("ada@example.test", subject=f"Mail {number}.", text="Hello")
    Delivery.objects.update(
        state="dead", attempts=12, last_error="ValueError: <b>broken</b>"
    )
    EmailMessage.objects.update(
        state="dead", attempts=20, last_error="SMTPDataError: no"
    )


@pytest.fixture
def staff(client: Client, person: Person) -> Any:
    user = person("staff", is_staff=True)
    Delivery.objects.all().delete()
    client.force_login(user)
    return user


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_for_staff(client: Client, person: Person, page: str) -> None:
    stranger = client.get(page)
    client.force_login(person("ada"))
    member = client.get(page)

    assert (stranger.status_code, member.status_code) == (302, 403)


@pytest.mark.parametrize("what", ["deliveries", "mails"])
def test_retrying_is_for_staff(client: Client, person: Person, what: str) -> None:
    ada = person("ada")
    give_up()
    client.force_login(ada)

    answer = client.post(f"/staff/operations/{what}/retry/")

    assert answer.status_code == 403
    assert not Delivery.objects.exclude(state="dead").exists()
    assert EmailMessage.objects.get().state == "dead"


@pytest.mark.parametrize("page", PAGES)
def test_with_nothing_given_up_the_pages_say_so(
    client: Client, staff: Any, page: str
) -> None:
    answer = client.get(page)

    assert answer.status_code == 200
    assert "Retry all" not in answer.content.decode()


def test_what_was_given_up_is_shown_with_its_error(client: Client, staff: Any) -> None:
    give_up()

    page = client.get("/staff/operations/").content.decode()

    assert "DocsImported" in page
    assert "activity.subscribers.record_fact" in page
    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in page
    assert "Mail 0." in page
    assert "SMTPDataError: no" in page


def test_how_late_it_is_is_shown(client: Client, staff: Any) -> None:
    with transaction.atomic():
        publish(DocsImported(version="1", locale="en", pages=1))
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=90))

    page = client.get("/staff/operations/")

    assert page.context["delivery_backlog"].is_late
    assert "oldest due 9" in page.content.decode()


def test_one_delivery_is_tried_again(client: Client, staff: Any) -> None:
    give_up()
    chosen = Delivery.objects.earliest("pk")

    answer = client.post("/staff/operations/deliveries/retry/", {"pk": chosen.pk})

    assert answer.status_code == 302
    assert Delivery.objects.exclude(state="dead").get() == chosen
    entry = Record.objects.get(action="delivery.retried")
    assert (entry.actor, entry.target) == (staff, str(chosen.pk))


def test_all_are_tried_again_and_done(
    client: Client, staff: Any, deliver_outbox: Callable[[], int]
) -> None:
    give_up(3)
    deliveries = Delivery.objects.count()

    client.post("/staff/operations/deliveries/retry/")
    client.post("/staff/operations/mails/retry/")
    delivered = deliver_outbox()
    sent = mailing.send_due_mail()

    assert (delivered, sent) == (deliveries, 3)
    assert Record.objects.get(action="mail.retried").after == {"count": 3}
    assert not Delivery.objects.dead().exists()


def test_retrying_what_is_not_dead_changes_nothing(client: Client, staff: Any) -> None:
    mail = mailing.queue_mail("ada@example.test", subject="Hello", text="Hello")
    EmailMessage.objects.update(state="sent")

    client.post("/staff/operations/mails/retry/", {"pk": mail.pk})
    client.post("/staff/operations/mails/retry/", {"pk": "x"})

    mail.refresh_from_db()
    assert mail.state == "sent"
    assert not Record.objects.filter(action="mail.retried").exists()


@pytest.mark.parametrize("page", PAGES)
def test_pages_cost_the_same_for_one_and_for_thirty(
    client: Client, staff: Any, page: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    give_up()
    cost()
    one = cost()
    give_up(29)

    assert cost() == one
    assert client.get(f"{page}?cursor=x").status_code in {200, 400}

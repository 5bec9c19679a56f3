"""Staff see what waits and what was given up, and decide about it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Record
from billing.stripe import services as stripe
from billing.stripe.models import WebhookInbox
from billing.stripe.webhooks import parse_event
from community.contributions.models import Delivery
from contracts.community import DocsImported
from jobs.models import Job
from jobs.services import enqueue
from jobs.working import sweep
from notifications import mailing
from outbox import publish
from tests.factories.billing import event_body

Person = Callable[..., Any]
PAGE = "/staff/operations/"
pytestmark = pytest.mark.django_db


@transaction.atomic
def fill(count: int = 1) -> None:
    """Have one job of each kind wait, ``count`` times."""
    for number in range(count):
        publish(DocsImported(version=str(number), locale="en", pages=1))
        mailing.queue_mail(
            f"ada{number}@example.test", subject=f"Mail {number}.", text="Hello"
        )
        body = event_body("invoice.paid", {"object": "invoice", "id": f"in_{number}"})
        stripe.receive_event(parse_event(json.loads(body), body=body.decode()))
        delivery = Delivery.objects.create(
            guid=f"guid-{Delivery.objects.count()}", event="pull_request", payload={}
        )
        enqueue("contribution", delivery.pk)


def give_up(count: int = 1) -> None:
    """Leave behind what was given up, of each kind."""
    fill(count)
    Job.objects.update(
        state="dead",
        attempts=20,
        last_error="ValueError: <b>broken</b>",
        finished_at=timezone.now(),
    )


@pytest.fixture
def staff(client: Client, person: Person) -> Any:
    user = person("staff", is_staff=True)
    Job.objects.all().delete()
    client.force_login(user)
    return user


def one(kind: str) -> Job:
    return Job.objects.filter(kind=kind).earliest("pk")


def test_the_page_is_for_staff(client: Client, person: Person) -> None:
    stranger = client.get(PAGE)
    client.force_login(person("ada"))
    member = client.get(PAGE)

    assert (stranger.status_code, member.status_code) == (302, 403)


@pytest.mark.parametrize("what", ["retry", "ignore"])
def test_deciding_is_for_staff(client: Client, person: Person, what: str) -> None:
    ada = person("ada")
    give_up()
    client.force_login(ada)

    answers = [
        client.post(f"{PAGE}jobs/{one('mail').pk}/{what}/").status_code,
        client.post(f"{PAGE}retry/").status_code,
        client.get(f"{PAGE}jobs/{one('mail').pk}/").status_code,
    ]

    assert answers == [403, 403, 403]
    assert not Job.objects.exclude(state="dead").exists()


def test_with_nothing_given_up_the_page_says_so(client: Client, staff: Any) -> None:
    page = client.get(PAGE).content.decode()

    assert "Nothing was given up." in page
    assert "Retry all" not in page


def test_what_was_given_up_is_shown_with_its_error(client: Client, staff: Any) -> None:
    give_up()

    page = client.get(PAGE).content.decode()

    assert "DocsImported" in page
    assert "activity.subscribers.record_fact" in page
    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in page
    assert "Mail 0." in page
    assert "in_0" in page
    assert "pull_request" in page


def test_how_late_it_is_is_shown(client: Client, staff: Any) -> None:
    fill()
    Job.objects.update(due_at=timezone.now() - timedelta(seconds=90))

    page = client.get(PAGE)

    waiting = [each for each in page.context["backlogs"] if each.waiting]
    assert len(waiting) == 4
    assert all(backlog.is_late for backlog in waiting)
    assert "oldest due 9" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("", set()),
        ("?state=all", {"contribution", "fact", "mail", "webhook"}),
        ("?kind=mail&state=waiting", {"mail"}),
        ("?kind=mail&state=done", set()),
        ("?q=in_0", {"webhook"}),
        ("?q=invoice.paid", {"webhook"}),
        ("?q=evt_", set()),
        ("?q=ADA0@example.test", {"mail"}),
        ("?q=DocsImported", {"fact"}),
        ("?q=guid-0", {"contribution"}),
        ("?q=guid-0&kind=mail", set()),
    ],
)
def test_jobs_are_found_by_kind_state_and_what_they_are_about(
    client: Client, staff: Any, query: str, kinds: set[str]
) -> None:
    fill()

    page = client.get(PAGE + query)

    assert {line.job.kind for line in page.context["lines"]} == kinds


def test_what_was_ignored_is_counted_and_listed_where_it_is_asked_for(
    client: Client, staff: Any
) -> None:
    fill(2)
    Job.objects.filter(kind="webhook").update(
        state="ignored", finished_at=timezone.now()
    )

    everything = client.get(f"{PAGE}?state=all")
    ignored = client.get(f"{PAGE}?state=ignored&kind=webhook")

    kinds = {line.job.kind for line in everything.context["lines"]}
    assert kinds == {"contribution", "fact", "mail"}
    html = everything.content.decode()
    assert "2 that were ignored are not listed." in html
    assert 'href="?state=ignored"' in html
    assert len(ignored.context["lines"]) == 2
    # Who looks for one finds it, whatever became of it.
    found = client.get(f"{PAGE}?q=in_0").context["lines"]
    assert [line.job.state for line in found] == ["ignored"]


@pytest.mark.parametrize("query", ["?kind=x", "?state=failed", "?cursor=x"])
def test_what_there_is_not_is_refused(client: Client, staff: Any, query: str) -> None:
    assert client.get(PAGE + query).status_code == 400


def test_pages_follow_each_other(client: Client, staff: Any) -> None:
    give_up(40)

    first = client.get(f"{PAGE}?kind=mail")
    cursor = first.context["page"].next_cursor
    second = client.get(f"{PAGE}?kind=mail&state=dead&cursor={cursor}")

    seen = [line.job.pk for page in (first, second) for line in page.context["lines"]]
    expected = Job.objects.filter(kind="mail").order_by("-pk")
    assert seen == list(expected.values_list("pk", flat=True))


@pytest.mark.parametrize("kind", ["contribution", "fact", "mail", "webhook"])
def test_a_job_is_shown_with_what_is_known_of_it(
    client: Client, staff: Any, kind: str
) -> None:
    give_up()

    page = client.get(f"{PAGE}jobs/{one(kind).pk}/").content.decode()

    assert "ValueError: &lt;b&gt;broken&lt;/b&gt;" in page
    assert {
        "contribution": "guid-0",
        "fact": "&quot;version&quot;: &quot;0&quot;",
        "mail": "ada0@example.test",
        "webhook": "invoice in_0",
    }[kind] in page


def test_a_job_whose_row_is_gone_is_still_shown(client: Client, staff: Any) -> None:
    give_up()
    WebhookInbox.objects.all().delete()

    listed = client.get(f"{PAGE}?kind=webhook")
    shown = client.get(f"{PAGE}jobs/{one('webhook').pk}/")

    assert "Not there any more" in listed.content.decode()
    assert "Not there any more" in shown.content.decode()


def test_one_job_is_tried_again(client: Client, staff: Any) -> None:
    give_up()
    chosen = one("fact")

    answer = client.post(f"{PAGE}jobs/{chosen.pk}/retry/")

    assert answer.status_code == 302
    assert Job.objects.exclude(state="dead").get() == chosen
    entry = Record.objects.get(action="job.retried")
    assert (entry.actor, entry.target) == (staff, str(chosen))
    assert entry.before == {"state": "dead"}


def test_one_job_is_ignored_and_never_done(client: Client, staff: Any) -> None:
    fill()
    chosen = one("mail")

    client.post(f"{PAGE}jobs/{chosen.pk}/ignore/")
    again = client.post(f"{PAGE}jobs/{chosen.pk}/ignore/", follow=True)

    chosen.refresh_from_db()
    assert chosen.state == "ignored"
    assert Record.objects.get(action="job.ignored").target == str(chosen)
    assert "It is over" in again.content.decode()
    assert sweep("mail") == 0


def test_all_of_one_kind_are_tried_again_and_done(
    client: Client, staff: Any, deliver_outbox: Callable[[], int]
) -> None:
    give_up(3)
    facts = Job.objects.filter(kind="fact").count()

    client.post(f"{PAGE}retry/", {"kind": "fact"})

    assert deliver_outbox() == facts
    entry = Record.objects.get(action="job.retried")
    assert (entry.target, entry.after) == ("fact", {"count": facts})
    assert not Job.objects.filter(kind="mail").exclude(state="dead").exists()


def test_trying_what_is_done_again_changes_nothing(client: Client, staff: Any) -> None:
    fill()
    Job.objects.update(state="done", finished_at=timezone.now())

    client.post(f"{PAGE}jobs/{one('mail').pk}/retry/")
    client.post(f"{PAGE}retry/")

    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert not Record.objects.filter(action="job.retried").exists()


def test_an_event_that_was_done_can_be_worked_through_again(
    client: Client, staff: Any
) -> None:
    fill()
    Job.objects.update(state="done", finished_at=timezone.now())

    client.post(f"{PAGE}jobs/{one('webhook').pk}/retry/")

    assert one("webhook").state == "waiting"


@pytest.mark.parametrize(
    ("former", "kind", "state"),
    [
        ("/staff/operations/deliveries/", "fact", "dead"),
        ("/staff/operations/mails/", "mail", "dead"),
        ("/staff/revenue/webhooks/?q=in_0", "webhook", "all"),
        ("/staff/contributions/deliveries/", "contribution", "all"),
    ],
)
def test_former_addresses_lead_here(
    client: Client, staff: Any, former: str, kind: str, state: str
) -> None:
    give_up()

    page = client.get(former, follow=True)

    assert page.redirect_chain[0][1] == 301
    assert (page.context["kind"], page.context["state"]) == (kind, state)
    assert {line.job.kind for line in page.context["lines"]} == {kind}


def test_the_former_address_of_an_event_leads_to_its_job(
    client: Client, staff: Any
) -> None:
    fill()
    row = WebhookInbox.objects.get()

    answer = client.get(f"/staff/revenue/webhooks/{row.pk}/")

    assert answer["Location"] == f"{PAGE}jobs/{one('webhook').pk}/"
    assert client.get("/staff/revenue/webhooks/999999/").status_code == 404


def test_the_page_costs_the_same_for_one_and_for_thirty(
    client: Client, staff: Any
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{PAGE}?state=all").status_code == 200
        return len(captured)

    give_up()
    cost()
    once = cost()
    give_up(29)

    assert cost() == once


def test_the_page_speaks_chinese(client: Client, staff: Any) -> None:
    page = client.get(PAGE, headers={"Accept-Language": "zh-Hans"})

    assert "没有放弃的任务。" in page.content.decode()

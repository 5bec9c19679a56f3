"""Pages about one organisation and one person, and about rates."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from accounts.queries import personal_organisation
from accounts.services import create_organisation
from activity.models import Event, FirstTouch, Visitor, VisitorLink
from activity.services import NewEvent, link_visitor, write_events
from audit.models import Record
from billing.conversion.models import Account, DailyRate, Developer
from billing.conversion.rebuilding import rebuild
from contracts.accounts import EmailVerified
from outbox import publish

pytestmark = pytest.mark.django_db
BASE = "/staff/conversion"
DAY_1 = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def staff(person: Callable[..., Any], client: Client) -> Client:
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def ada(person: Callable[..., Any], deliver_outbox: Callable[[], int]) -> Any:
    user = person("ada")
    deliver_outbox()
    return user


def browser(name: str, source: str, days: int) -> Visitor:
    return Visitor.objects.create(
        id=f"v_{name}", source=source, first_seen_at=DAY_1 + timedelta(days=days)
    )


def test_a_second_device_that_came_first_is_the_first_touch(
    ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    phone, laptop = browser("phone", "newsletter", 0), browser("laptop", "direct", 2)

    link_visitor(laptop.pk, ada)
    deliver_outbox()
    assert Developer.objects.get(user=ada).source == "direct"
    link_visitor(phone.pk, ada)
    deliver_outbox()

    developer = Developer.objects.get(user=ada)
    assert (developer.source, developer.first_visit_at) == ("newsletter", DAY_1)
    assert FirstTouch.objects.get(user=ada).at == DAY_1
    assert rebuild() == []


def test_a_later_browser_changes_nothing_and_tells_nobody(
    ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    link_visitor(browser("laptop", "search", 0).pk, ada)
    deliver_outbox()

    link_visitor(browser("phone", "direct", 1).pk, ada)

    assert deliver_outbox() == 0
    assert Developer.objects.get(user=ada).source == "search"


def test_leaving_out_asks_for_a_reason_and_keeps_what_was_typed(
    staff: Client, ada: Any
) -> None:
    page = staff.post(f"{BASE}/people/ada/", {"excluded": "on", "reason": " "})

    assert page.status_code == 422
    assert Developer.objects.get(user=ada).excluded_at is None


def test_leaving_out_and_counting_again_are_on_record(staff: Client, ada: Any) -> None:
    address = f"{BASE}/people/ada/"
    staff.post(address, {"excluded": "on", "reason": "sends spam"})
    assert Developer.objects.get(user=ada).excluded_at is not None
    assert "Count again" in staff.get(address).content.decode()

    staff.post(address, {"reason": "it was another one"})

    assert Developer.objects.get(user=ada).excluded_at is None
    actions = Record.objects.filter(action__startswith="figures.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "figures.excluded",
        "figures.included",
    ]


def test_an_organisations_page_tells_its_buying_group(
    staff: Client,
    ada: Any,
    deliver_outbox: Callable[[], int],
    django_assert_max_num_queries: Any,
) -> None:
    team = create_organisation("Northwind", owner=ada)
    deliver_outbox()
    write_events(
        [
            NewEvent(
                name="page_viewed", occurred_at=DAY_1, user_id=ada.pk, path="/docs/x/"
            )
        ]
    )

    with django_assert_max_num_queries(16):
        html = staff.get(f"{BASE}/organisations/{team.slug}/").content.decode()

    assert "ada" in html
    assert "2026-09-01" in html
    assert "has no community way" in html
    assert (
        staff.post(
            f"{BASE}/organisations/{team.slug}/", {"excluded": "on", "reason": "a test"}
        ).status_code
        == 302
    )
    assert Account.objects.get(pk=team.pk).excluded_at is not None


def test_a_person_is_exported_line_by_line(staff: Client, ada: Any) -> None:
    link_visitor(browser("laptop", "search", 0).pk, ada)
    write_events(
        [NewEvent(name="page_viewed", occurred_at=DAY_1, user_id=ada.pk, path="/docs/")]
    )

    answer = staff.get(f"{BASE}/people/ada/export/")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]

    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[:3] == ["way", "first_touch", "browser"]
    assert "event" in kinds
    assert Record.objects.filter(action="person.exported", target="ada").exists()


def test_the_file_of_a_person_with_a_chinese_name_is_called_by_it(
    staff: Client, person: Callable[..., Any]
) -> None:
    person("小明")

    answer = staff.get(f"{BASE}/people/小明/export/")

    # As RFC 6266 writes what is no ASCII.
    named = f"attachment; filename*=utf-8''{quote('小明.ndjson')}"
    assert answer["Content-Disposition"] == named


def test_erasing_takes_the_traces_and_keeps_the_facts(
    staff: Client, ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    link_visitor(browser("laptop", "search", 0).pk, ada)
    with transaction.atomic():
        publish(EmailVerified(user_id=ada.pk))
    deliver_outbox()
    seen = [{"visitor_id": "v_laptop"}, {"user_id": ada.pk}]
    write_events(NewEvent(name="page_viewed", occurred_at=DAY_1, **who) for who in seen)
    facts = Event.objects.filter(source="fact", user_id=ada.pk).count()

    refused = staff.post(f"{BASE}/people/ada/forget/", {"username": "eve"})
    assert refused.status_code == 422
    assert Visitor.objects.count() == 1
    staff.post(f"{BASE}/people/ada/forget/", {"username": "ada"})

    assert not Event.objects.filter(name="page_viewed").exists()
    assert (Visitor.objects.count(), VisitorLink.objects.count()) == (0, 0)
    assert not FirstTouch.objects.filter(user=ada).exists()
    assert Developer.objects.get(user=ada).source == ""
    assert Event.objects.filter(source="fact", user_id=ada.pk).count() == facts > 0
    assert rebuild() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("currency", "usd"),
        ("currency", "欧元元"),
        ("value", "0"),
        ("value", "1e30"),
        ("on", "2199-01-01"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_beside_its_field(
    staff: Client, field: str, value: str
) -> None:
    sent = {"currency": "eur", "on": "2026-11-05", "value": "1.08", field: value}

    page = staff.post(f"{BASE}/rates/", sent)

    assert page.status_code == 422
    assert page.context["form"].errors.keys() == {field}
    assert not DailyRate.objects.exists()


def test_a_rate_is_kept_in_billionths(staff: Client) -> None:
    sent = {"currency": "EUR", "on": "2026-11-05", "value": "1.083712345"}

    staff.post(f"{BASE}/rates/", sent)

    rate = DailyRate.objects.get()
    assert (rate.currency, rate.on, rate.nano) == (
        "eur",
        date(2026, 11, 5),
        1_083_712_345,
    )
    assert "1.083712345" in staff.get(f"{BASE}/rates/").content.decode()


def test_money_without_a_way_is_listed_with_its_reason(
    staff: Client, ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation = personal_organisation(ada)
    Account.objects.filter(pk=organisation.pk).update(revenue=2_000)

    html = staff.get(f"{BASE}/outside/").content.decode()
    lines = staff.get(f"{BASE}/outside/?format=csv")

    assert "nobody of its people is active yet" in html
    assert b"not_active" in b"".join(lines.streaming_content)  # type: ignore[attr-defined]

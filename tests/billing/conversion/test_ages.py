"""Ranges are compared at one age, and nobody matures for having been slow."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.queries import personal_organisation
from activity.models import Visitor
from billing.conversion.models import Account, Developer
from billing.ledger import services as ledger
from billing.ledger.models import Invoice, UsageCost
from billing.ledger.records import RefundRecord
from core.money import NANO
from tests.billing.conversion.conftest import START
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db
Make = Callable[..., Developer]
HOME = "/staff/conversion/"


@pytest.fixture
def staff(person: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def ago(developer: Make) -> Make:
    """Return a function that makes a developer whose steps were so many days ago."""
    today = (timezone.now() - START) / timedelta(days=1)

    def make(*, source: str = "docs", **days: float) -> Developer:
        return developer(
            source=source, **{name: today - offset for name, offset in days.items()}
        )

    return make


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def pay(developer: Developer, amount: int, *, days: int) -> Invoice:
    """Have a developer pay so many days ago, and be what their money is put down to."""
    organisation = personal_organisation(developer.user)
    at = days_ago(days)
    Account.objects.update_or_create(
        organisation=organisation, defaults={"developer": developer}
    )
    developer.revenue += amount
    developer.save()
    return ledger.record_invoice(
        invoice_record(amount, issued_at=at, paid_at=at),
        organisation_id=organisation.pk,
        user_id=developer.pk,
        fetched_at=at,
    )


def use(developer: Developer, units: int, *, days: int) -> None:
    """Have models answer a developer so many days ago, for so many dollars."""
    UsageCost.objects.create(
        organisation=personal_organisation(developer.user),
        model="small",
        edition="open",
        window=days_ago(days),
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=0,
        cost_nano=units * NANO,
    )
    developer.cost_nano += units * NANO
    developer.save()


def lines_of(answer: Any) -> list[dict[str, str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_what_came_after_the_age_of_the_newer_range_is_left_out_of_the_older(
    staff: Client, ago: Make
) -> None:
    for _ in range(5):
        newer = ago(activated_at=20, paid_at=15)
        pay(newer, 2_000, days=15)
        use(newer, 1, days=15)
        older = ago(activated_at=50, paid_at=45)
        first = pay(older, 2_000, days=45)
        use(older, 1, days=45)
        # At that age nobody knew of any of this.
        pay(older, 9_000, days=5)
        use(older, 7, days=5)
        ledger.record_refund(
            RefundRecord(
                stripe_id=f"re_{older.pk}",
                amount=500,
                status="succeeded",
                refunded_at=days_ago(5),
            ),
            invoice=first,
        )
    ago(activated_at=20)
    late = ago(activated_at=50, paid_at=5)
    pay(late, 4_000, days=5)

    compared = staff.get(HOME).context["comparison"]

    # The same people did the same, so that nothing has changed.
    assert (compared.now.developers, compared.then.developers) == (6, 6)
    assert (compared.now.converters, compared.then.converters) == (5, 5)
    assert (compared.now.revenue, compared.then.revenue) == (10_000, 10_000)
    assert (compared.now.cost_nano, compared.then.cost_nano) == (5 * NANO, 5 * NANO)
    changes = [getattr(compared, name) for name in ("paid", "revenue", "price")]
    assert [*changes, compared.cost, compared.profit] == [0.0] * 5


def test_the_matured_share_is_of_the_newest_whose_window_is_over(
    staff: Client, ago: Make
) -> None:
    ago(activated_at=40, paid_at=35)
    ago(activated_at=45)
    # Paid, but no more within the thirty days of the window.
    ago(activated_at=50, paid_at=5)
    # Signed up long ago and active since last week: its window has just begun.
    ago(signed_up_at=200, activated_at=7, paid_at=6)

    page = staff.get(HOME)

    total = page.context["total"]
    assert (total.matured, total.matured_converters) == (3, 1)
    assert "33.3 %" in page.content.decode()


def test_the_row_of_an_unknown_source_opens_to_its_people_alone(
    staff: Client, ago: Make
) -> None:
    unknown = ago(source="", activated_at=3)
    for _ in range(2):
        ago(activated_at=3)
    for name, source in (("v_unknown", ""), ("v_known", "docs")):
        seen = days_ago(3)
        Visitor.objects.create(id=name, first_seen_at=seen, source=source)

    html = staff.get(HOME).content.decode()
    rows = {unescape(row) for row in re.findall(r'href="([^"]*source=-[^"]*)"', html)}
    asked = staff.get(f"{HOME}?source=-")
    visitors = staff.get(f"{HOME}visitors/?source=-&range=30d&format=csv")

    opened = [row for row in rows if "/people/" in row and "activated_at" in row]
    assert opened
    for row in opened:
        people = lines_of(staff.get(f"{row}&format=csv"))
        assert [each["username"] for each in people] == [unknown.user.username]
    assert asked.context["total"].developers == 1
    chosen = re.findall(r'<option value="([^"]*)"\s+selected', asked.content.decode())
    assert "-" in chosen
    assert [each["id"] for each in lines_of(visitors)] == ["v_unknown"]

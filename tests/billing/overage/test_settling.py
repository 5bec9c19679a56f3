"""Staff see every organisation's month, and settle what does not settle itself."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member
from audit.models import Record
from billing.approvals import services as approvals
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.models import Approval
from billing.credits.models import Coverage
from billing.overage import sending, settling
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.comparing import check_charges
from billing.overage.exceptions import BeingSent, NothingToSend, NothingToWriteOff
from billing.overage.models import Statement, StatementLine, StatementProblem, WriteOff
from billing.overage.services import set_cap
from billing.overage.staff_queries import months
from billing.subscriptions import mirror
from core.money import NANO
from outbox.models import Event
from tests.billing.overage.test_closing import AFTER, CENT
from tests.factories.accounts import with_seats
from tests.factories.overage import GRADUATED, START, charged, statement_of, use
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db
PAGE = "/staff/statements/"


@pytest.fixture
def ada(person: Callable[..., Any]) -> User:
    found: User = person("ada")
    return found


@pytest.fixture
def acme(ada: User) -> Organisation:
    return charged(Organisation.objects.get(owner=ada), price=GRADUATED)


@pytest.fixture
def sam(person: Callable[..., Any], settings: Any) -> User:
    settings.SECOND_FACTOR_REQUIRED = False
    found: User = person("sam", is_staff=True)
    EmailAddress.objects.get_or_create(
        user=found, email=found.email, verified=True, primary=True
    )
    return found


@pytest.fixture
def staff(client: Client, sam: User) -> Client:
    client.post("/accounts/login/", {"login": sam.email, "password": "correct horse"})
    return client


def closed(acme: Organisation, cents: int = 600) -> Statement:
    """Return a statement of a period that is over: three tiers of 570 cents."""
    use(acme, 100 + cents * CENT)
    (pk,) = close_periods(now=AFTER)
    return Statement.objects.get(pk=pk)


def states() -> list[str]:
    rows: list[Any] = list(months().order_by("pk"))
    return [row.state for row in rows]


def test_a_month_goes_from_running_to_its_invoice(
    shop: StripeEmulator, ada: User, buy: Callable[..., Any], sam: User
) -> None:
    acme = Organisation.objects.get(owner=ada)
    buy(acme, ada)
    now = datetime.now(UTC)
    charged(acme, price=GRADUATED, start=now)
    set_cap(acme, cap_nano=50 * NANO, by=ada)
    assert states() == []
    use(acme, 100 + 600 * CENT, at=now)
    assert states() == ["open"]
    coverage = Coverage.objects.get()

    def at(moment: datetime) -> list[str]:
        rows: list[Any] = list(months(at=moment))
        return [row.state for row in rows]

    assert at(coverage.ends_at) == ["closing"]
    close_periods(now=coverage.ends_at + LAST_REPORTS)
    assert states() == ["closed"]

    settling.send_again(Statement.objects.get(), by=sam)

    assert states() == ["sent"]
    assert Record.objects.filter(action="charges.sent_again").count() == 1
    with pytest.raises(NothingToSend):
        settling.send_again(Statement.objects.get(), by=sam)
    assert not StatementLine.objects.exclude(invoice_id="").exists()
    shop.advance(days=32)
    assert check_charges().found == []
    (invoice_id,) = set(StatementLine.objects.values_list("invoice_id", flat=True))
    assert mirror.sync_invoice(invoice_id) is not None


def test_what_cannot_be_sent_is_noted_and_waits_for_a_person_after_an_hour(
    acme: Organisation, sam: User
) -> None:
    statement = closed(acme)

    assert sending.send_statements() == (0, 1)
    assert sending.send_statements() == (0, 1)

    problem = StatementProblem.objects.get(statement=statement)
    assert (problem.kind, problem.tries) == ("not_sent", 2)
    assert "no customer" in problem.text
    assert states() == ["closed"]
    StatementProblem.objects.update(since=timezone.now() - timedelta(hours=2))
    assert states() == ["waiting"]


def test_what_differs_is_noted_and_forgotten_once_it_does_not(
    shop: StripeEmulator, acme: Organisation
) -> None:
    import pgtrigger

    statement = closed(acme)
    with pgtrigger.ignore("overage.StatementLine:as_it_was_closed"):
        StatementLine.objects.filter(tier=3).update(amount=7)
    since = statement.closed_at - timedelta(days=1)
    assert check_charges(since=since).differences
    assert states() == ["differs"]

    with pgtrigger.ignore("overage.StatementLine:as_it_was_closed"):
        StatementLine.objects.filter(tier=3).update(amount=50)
    check_charges(since=since)

    assert not StatementProblem.objects.filter(kind="differs").exists()
    assert states() == ["closed"]


def test_the_rest_of_a_statement_is_written_off_and_taken_back(
    shop: StripeEmulator, acme: Organisation, sam: User
) -> None:
    statement = closed(acme)
    sending.send_statements()

    row = settling.order_write_off(statement, reason=" Bankrupt ", by=sam)

    assert (row.amount, row.state, row.reason) == (570, "done", "Bankrupt")
    assert states() == ["written_off"]
    assert sending.send_statements() == (0, 0)
    assert not StatementProblem.objects.exists()
    fact = Event.objects.get(name="ChargeWrittenOff")
    assert (fact.payload["amount"], fact.payload["user_id"]) == (570, sam.pk)
    later = timezone.now() - timedelta(days=1)
    assert check_charges(since=later).found == []
    with pytest.raises(NothingToWriteOff):
        settling.order_write_off(statement, reason="Again", by=sam)

    settling.take_back(statement, reason="They pay", by=sam)

    assert states() == ["closed"]
    assert Event.objects.filter(name="ChargeReinstated").count() == 1
    assert sending.send_statements() == (0, 1)
    with pytest.raises(NothingToSend):
        settling.take_back(statement, reason="Again", by=sam)
    actions = set(Record.objects.values_list("action", flat=True))
    assert {"charges.written_off", "charges.reinstated"} <= actions


def test_much_is_written_off_by_two_and_only_as_it_was_asked_for(
    acme: Organisation, sam: User, person: Callable[..., Any], settings: Any
) -> None:
    settings.SECOND_PERSON_REFUND = 5
    statement = closed(acme)
    row = settling.order_write_off(statement, reason="Bankrupt", by=sam)
    assert row.state == "waiting"
    assert states() == ["waiting"]
    assert Statement.objects.unsent().exists()
    with pytest.raises(NothingToWriteOff):
        settling.order_write_off(statement, reason="Again", by=sam)
    approval = Approval.objects.get()
    assert (approval.kind, approval.amount) == ("write_off", 570)
    line = statement.lines.get(tier=1)
    StatementLine.objects.filter(pk=line.pk).update(item_id="ii_one")
    boss = person("boss", is_staff=True)
    with pytest.raises(NothingToWriteOff):
        approvals.approve(approval, by=boss, answer="Yes")
    StatementLine.objects.filter(pk=line.pk).update(item_id=None)

    approvals.approve(approval, by=boss, answer="Yes")

    row.refresh_from_db()
    assert (row.state, states()) == ("done", ["written_off"])


def test_much_in_parts_is_written_off_by_two(
    ada: User, sam: User, person: Callable[..., Any], settings: Any
) -> None:
    settings.SECOND_PERSON_REFUND = 5
    acme = Organisation.objects.get(owner=ada)
    parts = [statement_of(acme, month=month) for month in (1, 2, 3)]

    made = [settling.order_write_off(part, reason="Bankrupt", by=sam) for part in parts]

    # Two dollars, four, and six are more than five.
    assert [row.state for row in made] == ["done", "done", "waiting"]
    other = person("other", is_staff=True)
    approvals.approve(Approval.objects.get(), by=other, answer="Yes")
    made[2].refresh_from_db()
    assert made[2].state == "done"
    # What two decided on is not what one gave alone; nor is what another one gives.
    settings.SECOND_PERSON_REFUND = 6
    more = [statement_of(acme, month=month) for month in (4, 5)]
    assert settling.order_write_off(more[0], reason="So", by=sam).state == "done"
    assert settling.order_write_off(more[1], reason="So", by=other).state == "done"


def test_what_a_second_person_refuses_is_asked_for_as_before(
    acme: Organisation, sam: User, person: Callable[..., Any], settings: Any
) -> None:
    settings.SECOND_PERSON_REFUND = 5
    statement = closed(acme)
    row = settling.order_write_off(statement, reason="Bankrupt", by=sam)
    assert settling.refuse_unapproved() == 0
    boss = person("boss", is_staff=True)
    approvals.reject(Approval.objects.get(), by=boss, answer="They can pay")

    assert settling.refuse_unapproved() == 1

    row.refresh_from_db()
    assert (row.state, states()) == ("refused", ["closed"])
    again = settling.order_write_off(statement, reason="They cannot", by=sam)
    assert again.state == "waiting"


def test_nobody_writes_off_what_their_own_team_owes_nor_what_is_given_back(
    acme: Organisation, sam: User
) -> None:
    statement = closed(acme)
    with_seats(acme, 5)
    add_member(acme, user=sam, role=Membership.Role.MEMBER)
    with pytest.raises(OwnOrganisation):
        settling.order_write_off(statement, reason="Mine", by=sam)
    acme.memberships.filter(user=sam).delete()
    StatementLine.objects.filter(tier__in=(1, 2)).update(item_id=None)
    for number, line in enumerate(statement.lines.all()):
        StatementLine.objects.filter(pk=line.pk).update(item_id=f"ii_{number}")

    with pytest.raises(NothingToWriteOff):
        settling.order_write_off(statement, reason="None left", by=sam)


def test_the_database_takes_one_write_off_and_keeps_what_was_said(
    acme: Organisation, sam: User
) -> None:
    statement = closed(acme)
    settling.order_write_off(statement, reason="Bankrupt", by=sam)
    values: dict[str, Any] = {"statement": statement, "amount": 5, "reason": "x"}

    with pytest.raises(IntegrityError), transaction.atomic():
        WriteOff.objects.create(state="waiting", **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        WriteOff.objects.create(state="refused", **{**values, "amount": 0})
    with pytest.raises(IntegrityError), transaction.atomic():
        Statement.objects.update(sent_at=timezone.now())
    for act in (
        lambda: WriteOff.objects.update(amount=1),
        lambda: WriteOff.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_write_off_at_once_one_does(
    acme: Organisation, sam: User
) -> None:
    statement = closed(acme)
    write_off = partial(settling.order_write_off, statement, reason="Both", by=sam)

    came = together(*[write_off] * 8)

    assert sum(isinstance(each, WriteOff) for each in came) == 1
    refused = (BeingSent, NothingToWriteOff)
    assert sum(isinstance(each, refused) for each in came) == 7
    assert WriteOff.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_off_while_it_is_being_sent(
    acme: Organisation, sam: User
) -> None:
    statement = closed(acme)

    def write_off() -> WriteOff:
        return settling.order_write_off(statement, reason="Now", by=sam)

    with sending.alone() as is_ours:
        assert is_ours
        (came,) = together(write_off)

    assert isinstance(came, BeingSent)
    assert states() == ["closed"]


# Pages.


def test_the_list_is_narrowed_and_its_file_has_the_same_rows(
    staff: Client, acme: Organisation
) -> None:
    statement = closed(acme)
    for query, count in (
        ("", 1),
        ("?state=closed", 1),
        ("?state=sent", 0),
        (f"?organisation={acme.slug}&month={START:%Y-%m}", 1),
        ("?month=2001-01", 0),
        ("?organisation=other", 0),
    ):
        page = staff.get(f"{PAGE}{query}")
        file = staff.get(f"{PAGE}all.csv{query}")
        rows = list(csv.DictReader(io.StringIO(b"".join(file).decode("utf-8-sig"))))
        assert len(page.context["rows"]) == len(rows) == count, query
    assert rows == []
    (row,) = csv.DictReader(
        io.StringIO(b"".join(staff.get(f"{PAGE}all.csv")).decode("utf-8-sig"))
    )
    assert (row["organisation"], row["state"]) == (acme.slug, "closed")
    assert (row["statement"], row["amount_minor"]) == (statement.public_id, "570")
    assert staff.get(f"{PAGE}?month=soon").status_code == 400
    assert staff.get(f"{PAGE}?state=lost").status_code == 400


def test_a_statement_s_page_tells_what_is_wrong_and_acts(
    staff: Client, acme: Organisation
) -> None:
    statement = closed(acme)
    sending.send_statements()
    page = f"{PAGE}{statement.public_id}/"

    said = staff.get(page).content.decode()

    assert "no customer" in said
    assert "from $1.00 to $5.00" in said
    assert staff.post(f"{page}send/", follow=True).status_code == 200
    assert StatementProblem.objects.get().tries == 2
    assert staff.post(f"{page}write-off/", {"reason": ""}).status_code == 422
    assert staff.post(f"{page}write-off/", {"reason": "Gone"}).status_code == 302
    refused = staff.post(f"{page}write-off/", {"reason": "Twice"})
    assert refused.status_code == 409
    assert "Take the write-off back" in refused.content.decode()
    assert staff.post(f"{page}take-back/", {"reason": "Paid"}).status_code == 302
    assert states() == ["closed"]


def test_staff_close_a_period_that_has_ended(staff: Client, acme: Organisation) -> None:
    use(acme, 100 + 600 * CENT)
    assert states() == ["closing"]
    assert "Close" in staff.get(f"{PAGE}?state=closing").content.decode()
    pk = Coverage.objects.get().pk

    for _ in range(2):
        assert staff.post(f"{PAGE}close/", {"period": pk}).status_code == 302
    assert staff.post(f"{PAGE}close/").status_code == 400
    assert staff.post(f"{PAGE}close/", {"period": pk + 99}).status_code == 404

    assert Statement.objects.count() == 1
    assert states() == ["closed"]


def test_the_list_asks_as_often_with_many_periods_as_with_one(
    staff: Client,
    acme: Organisation,
    person: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    closed(acme)
    with CaptureQueriesContext(connection) as few:
        staff.get(PAGE)
    for number in range(6):
        other = Organisation.objects.get(owner=person(f"o{number}"))
        charged(other, price=GRADUATED)
        use(other, 100 + 600 * CENT)
    close_periods(now=AFTER)

    with django_assert_max_num_queries(len(few)):
        assert len(staff.get(PAGE).context["rows"]) == 7


def test_only_staff_see_the_pages(
    client: Client, ada: User, acme: Organisation
) -> None:
    statement = closed(acme)
    client.force_login(ada)

    for rest in ("", "all.csv", f"{statement.public_id}/"):
        assert client.get(f"{PAGE}{rest}").status_code == 403

"""Money goes back once, never more than was paid, and by two people when it is much."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from billing.approvals import services as approvals
from billing.approvals.exceptions import NeedsApproval, OwnOrganisation
from billing.approvals.models import Approval
from billing.ledger.models import Invoice, Refund
from billing.refunds import giving, services, tasks
from billing.refunds.exceptions import BeingGiven, NotRefundable
from billing.refunds.models import RefundOrder
from billing.stripe import adapter
from billing.stripe.exceptions import StripeUnavailable
from billing.stripe.models import StripeOperation
from billing.subscriptions import mirror
from billing.subscriptions.models import Case
from jobs.working import sweep
from outbox.models import Event
from tests.factories.accounts import with_seats
from tests.factories.quotes import paid_invoice
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together
from tests.signing_in import browser_of

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """A process that is gone cleans nothing up."""


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def team(person: Callable[..., Any]) -> Organisation:
    return create_organisation("Acme", owner=person("ada"))


@pytest.fixture
def sam(person: Callable[..., Any]) -> User:
    found: User = person("sam", is_staff=True)
    return found


@pytest.fixture
def bought(
    buy: Callable[..., Any], person: Callable[..., Any]
) -> Callable[..., Invoice]:
    """Return a function that buys a team plan; the invoice is paid by card."""

    def pay(seats: int = 4) -> Invoice:
        owner = person("buyer")
        team = create_organisation("Buyers", owner=owner)
        buy(team, owner, plan="team", seats=seats)
        return Invoice.objects.get(organisation=team)

    return pay


def order(
    invoice: Invoice, by: User, amount: int = 100, key: uuid.UUID | None = None
) -> RefundOrder:
    return services.order_refund(
        invoice, amount=amount, reason="A mistake", key=key or uuid.uuid4(), by=by
    )


def at_stripe(shop: StripeEmulator) -> list[int]:
    return [each.amount for each in shop.client().v1.refunds.list()]


def test_an_order_gives_the_money_back_by_the_queue(
    shop: StripeEmulator, bought: Callable[..., Invoice], sam: User
) -> None:
    invoice = bought()
    made = order(invoice, sam, 2_500)

    assert sweep("refund") == 1

    made.refresh_from_db()
    invoice.refresh_from_db()
    assert (made.state, at_stripe(shop)) == (RefundOrder.State.DONE, [2_500])
    refund = Refund.objects.get()
    assert (refund.amount, refund.stripe_id) == (2_500, made.answer)
    names = Event.objects.values_list("name", flat=True)
    assert {"RefundOrdered", "PaymentRefunded"} <= set(names)
    assert services.refundable(invoice) == 7_500


def test_what_did_not_arrive_is_before_staff_and_can_be_given_again(
    shop: StripeEmulator, bought: Callable[..., Invoice], sam: User
) -> None:
    invoice = bought()
    made = order(invoice, sam, 2_500)
    sweep("refund")
    made.refresh_from_db()
    given = adapter.fetch_refund(made.answer)
    page = f"/staff/revenue/invoices/{invoice.pk}/refund/"
    before = browser_of(sam).get(page).content.decode()

    # The bank account is closed, Stripe says days later, and says so again.
    for _ in range(2):
        mirror.apply_refund(replace(given, status="failed"), fetched_at=timezone.now())

    after = browser_of(sam).get(page).content.decode()
    case = Case.objects.get()
    assert (case.kind, case.object_id, case.theirs) == ("refund", given.id, "failed")
    assert ("Given back" in before, "Did not arrive" in before) == (True, False)
    assert ("Given back" in after, "Did not arrive" in after) == (False, True)
    invoice.refresh_from_db()
    assert services.refundable(invoice) == 10_000
    # What a person has settled is not opened by hearing the same once more.
    Case.objects.update(closed_at=timezone.now())
    mirror.apply_refund(replace(given, status="failed"), fetched_at=timezone.now())
    assert Case.objects.filter(closed_at=None).count() == 0


def test_no_more_goes_back_than_was_paid(team: Organisation, sam: User) -> None:
    invoice = paid_invoice(team, 1_000)
    order(invoice, sam, 700)

    for amount in (301, 0, -1):
        with pytest.raises(NotRefundable):
            order(invoice, sam, amount)

    assert services.refundable(invoice) == 300
    assert order(invoice, sam, 300).state == RefundOrder.State.PENDING


def test_sent_twice_it_is_one_order(team: Organisation, sam: User) -> None:
    invoice, key = paid_invoice(team, 1_000), uuid.uuid4()

    first, second = order(invoice, sam, 600, key), order(invoice, sam, 600, key)

    assert first == second
    assert RefundOrder.objects.count() == 1


def test_staff_give_nothing_back_to_a_team_of_theirs(
    team: Organisation, sam: User
) -> None:
    with_seats(team, 5)
    add_member(team, user=sam, role=Membership.Role.MEMBER)

    with pytest.raises(OwnOrganisation):
        order(paid_invoice(team), sam)

    assert not RefundOrder.objects.exists()


def test_much_waits_for_a_second_person_whose_yes_gives_it_back(
    shop: StripeEmulator,
    bought: Callable[..., Invoice],
    sam: User,
    person: Callable[..., Any],
) -> None:
    made = order(bought(seats=50), sam, 100_001)
    assert made.state == RefundOrder.State.WAITING
    assert sweep("refund") == 0
    # A row that was changed by hand is no approval.
    RefundOrder.objects.update(state=RefundOrder.State.PENDING)
    with pytest.raises(NeedsApproval):
        giving.carry_out(made)
    RefundOrder.objects.update(state=RefundOrder.State.WAITING)

    approval = Approval.objects.get(kind=Approval.Kind.REFUND)
    approvals.approve(approval, by=person("boss", is_staff=True), answer="Yes")

    assert sweep("refund") == 1
    assert at_stripe(shop) == [100_001]


def test_much_in_parts_waits_for_a_second_person_too(
    team: Organisation, sam: User, person: Callable[..., Any], settings: Any
) -> None:
    settings.SECOND_PERSON_REFUND = 10
    invoices = [paid_invoice(team, amount) for amount in (5_000, 6_000, 7_000)]
    parts = zip(invoices, (600, 400, 1), strict=True)

    made = [order(invoice, sam, amount) for invoice, amount in parts]

    # Of whichever of the payer's invoices.
    assert [each.state for each in made] == ["pending", "pending", "waiting"]
    assert Approval.objects.get().amount == 1
    # To others and by others it is another matter.
    other = paid_invoice(create_organisation("Other", owner=person("bo")), 5_000)
    assert order(other, sam, 1_000).state == "pending"
    tim = person("tim", is_staff=True)
    assert order(invoices[2], tim, 1_000).state == "pending"


def test_a_part_that_was_asked_about_needs_its_yes_to_go_back(
    shop: StripeEmulator,
    bought: Callable[..., Invoice],
    sam: User,
    person: Callable[..., Any],
    settings: Any,
) -> None:
    settings.SECOND_PERSON_REFUND = 10
    invoice = bought()
    order(invoice, sam, 1_000)
    made = order(invoice, sam, 1)
    assert made.state == RefundOrder.State.WAITING
    # A row that was changed by hand is no approval of little either.
    RefundOrder.objects.filter(pk=made.pk).update(state=RefundOrder.State.PENDING)
    with pytest.raises(NeedsApproval):
        giving.carry_out(made)
    RefundOrder.objects.filter(pk=made.pk).update(state=RefundOrder.State.WAITING)

    approval = Approval.objects.get()
    approvals.approve(approval, by=person("boss", is_staff=True), answer="Yes")

    assert sweep("refund") == 2
    assert sorted(at_stripe(shop)) == [1, 1_000]


@pytest.mark.parametrize(("seconds", "state"), [(-60, "waiting"), (60, "pending")])
def test_refunds_count_together_for_thirty_days(
    team: Organisation, sam: User, seconds: int, state: str
) -> None:
    invoice = paid_invoice(team)
    order(invoice, sam, 100_000)
    then = timezone.now() - timedelta(days=30, seconds=seconds)
    RefundOrder.objects.update(ordered_at=then)

    assert order(invoice, sam, 1).state == state


def test_a_no_ends_the_order(
    team: Organisation, sam: User, person: Callable[..., Any]
) -> None:
    invoice = paid_invoice(team)
    made = order(invoice, sam, 200_000)
    approval = Approval.objects.get()
    approvals.reject(approval, by=person("boss", is_staff=True), answer="Too much")

    tasks.expire_orders()
    tasks.expire_orders()

    made.refresh_from_db()
    assert (made.state, made.answer) == (RefundOrder.State.REFUSED, "Too much")
    assert Event.objects.filter(name="RefundRefused").count() == 1
    assert services.refundable(invoice) == 300_000


def test_a_lost_answer_gives_nothing_back_twice(
    shop: StripeEmulator, bought: Callable[..., Invoice], sam: User
) -> None:
    made = order(bought(), sam, 2_500)
    lost = {"path": "^/v1/refunds$", "method": "POST", "status": 500, "times": 1}
    shop.post_faults(answers=[{**lost, "after": True}])
    with pytest.raises(StripeUnavailable):
        giving.carry_out(made)

    giving.carry_out(made)

    made.refresh_from_db()
    assert (made.state, at_stripe(shop)) == (RefundOrder.State.DONE, [2_500])


def test_a_worker_that_died_is_taken_over(
    shop: StripeEmulator,
    bought: Callable[..., Invoice],
    sam: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = order(bought(), sam, 2_500)

    def die(*_args: Any, **_kwargs: Any) -> Any:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(mirror, "apply_refund", die)
        with pytest.raises(Killed):
            giving.carry_out(made)
    with pytest.raises(BeingGiven):
        giving.carry_out(made)
    late = timezone.now() - giving.DIED_AFTER - timedelta(seconds=1)
    RefundOrder.objects.update(claimed_at=late)
    # As if Stripe had forgotten the key of a day ago.
    StripeOperation.objects.all().delete()

    giving.carry_out(made)

    assert at_stripe(shop) == [2_500]
    assert Refund.objects.count() == 1


def test_what_stripe_refuses_is_over_and_says_why(
    shop: StripeEmulator, bought: Callable[..., Invoice], sam: User
) -> None:
    made = order(bought(), sam, 9_000)
    payment = shop.client().v1.payment_intents.list().data[0]
    shop.client().v1.refunds.create({"payment_intent": payment.id, "amount": 5_000})

    giving.carry_out(made)

    made.refresh_from_db()
    assert made.state == RefundOrder.State.REFUSED
    assert made.answer
    assert at_stripe(shop) == [5_000]


@pytest.mark.django_db(transaction=True)
def test_orders_at_the_same_moment_are_together_what_was_paid(
    team: Organisation, sam: User
) -> None:
    invoice = paid_invoice(team, 1_000)

    came = together(*[partial(order, invoice, sam, 400) for _ in range(5)])

    made = [each for each in came if isinstance(each, RefundOrder)]
    assert len(made) == 2
    assert {type(each) for each in came} == {RefundOrder, NotRefundable}


@pytest.mark.django_db(transaction=True)
def test_parts_at_the_same_moment_are_together_what_one_may_give(
    team: Organisation, sam: User, settings: Any
) -> None:
    settings.SECOND_PERSON_REFUND = 10
    # Each of another invoice, so that no lock of one of them puts them in a row.
    invoices = [paid_invoice(team, 1_000 + number) for number in range(5)]

    came = together(*[partial(order, invoice, sam, 400) for invoice in invoices])

    states = sorted(each.state for each in came)
    assert states == ["pending", "pending", "waiting", "waiting", "waiting"]


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_give_it_back_once(
    shop: StripeEmulator, bought: Callable[..., Invoice], sam: User
) -> None:
    made = order(bought(), sam, 2_500)

    came = together(*[partial(giving.carry_out, made) for _ in range(4)])

    assert {type(each) for each in came} <= {RefundOrder, BeingGiven}
    assert at_stripe(shop) == [2_500]
    made.refresh_from_db()
    assert made.state == RefundOrder.State.DONE


def test_staff_order_on_the_page_and_nothing_typed_is_lost(
    team: Organisation, sam: User
) -> None:
    invoice = paid_invoice(team, 1_000)
    client = browser_of(sam)
    page = f"/staff/revenue/invoices/{invoice.pk}/refund/"
    assert "At most $10.00" in client.get(page).content.decode()
    typed = {"once": str(uuid.uuid4()), "reason": "Billed twice"}

    too_much = client.post(page, {**typed, "amount": "10.01"})
    client.post(page, {**typed, "amount": "4.00"})
    client.post(page, {**typed, "amount": "4.00"})

    assert too_much.status_code == 409
    assert "Billed twice" in too_much.content.decode()
    made = RefundOrder.objects.get()
    assert (made.amount, made.ordered_by) == (400, sam)
    listed = client.get(f"/console/{team.slug}/billing/").content.decode()
    assert page in listed

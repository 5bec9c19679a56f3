"""A signature becomes one subscription that sends invoices, whatever breaks."""

import io
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import Organisation, User
from accounts.seats import seats_of
from billing.ledger.models import Invoice
from billing.plans.queries import offer_for
from billing.quotes import contracting, pdf, renewing, tasks
from billing.quotes.amounts import months_after
from billing.quotes.exceptions import BeingMade, NoContract
from billing.quotes.models import Contract, Quote, RenewalNotice, Signature
from billing.stripe import contracts
from billing.stripe.exceptions import StripeRefused, StripeUnavailable
from billing.subscriptions import mirror
from billing.subscriptions.ending import end_plan, keep_plan
from billing.subscriptions.exceptions import AlreadySubscribed, NotChangeable
from billing.subscriptions.models import BillingAccount, MrrMovement, Subscription
from billing.subscriptions.services import open_checkout
from entitlements.queries import entitlements_for
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage
from outbox.models import Event
from tests.factories.quotes import CHINESE, accept, sent_to
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together


@pytest.fixture
def signed(
    shop: StripeEmulator, team: Organisation, owner: User, seller: User
) -> Callable[..., Contract]:
    """Return a function that sends a quote and signs it."""

    def sign(**terms: Any) -> Contract:
        return accept(sent_to(team, owner, seller, **terms), owner)

    return sign


def subscriptions(shop: StripeEmulator) -> list[Any]:
    return list(shop.client().v1.subscriptions.list({"status": "all"}))


def quote_of(contract: Contract) -> Quote:
    return Quote.objects.whole().get(pk=contract.quote_id)


def test_the_whole_way_by_the_queue(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    contract = signed(discount_bps=1_250, days_until_due=45, seats=25)

    assert sweep("contract") == 1

    (made,) = subscriptions(shop)
    assert (made.collection_method, made.days_until_due) == ("send_invoice", 45)
    assert (made.status, made.metadata["quote"]) == (
        "active",
        quote_of(contract).public_id,
    )
    contract.refresh_from_db()
    row = contract.subscription
    assert row is not None
    assert (row.status, row.seats, row.user) == ("active", 25, contract.order.user)
    assert contract.ends_at == months_after(row.started_at, 12)
    invoice = Invoice.objects.get()
    amounts = quote_of(contract).amounts
    assert (invoice.total, invoice.discount) == (amounts.each, amounts.discount)
    assert (invoice.status, invoice.total) == ("open", 1_312_500)
    assert invoice.due_at is not None
    assert invoice.due_at - invoice.issued_at == timedelta(days=45)
    assert row.period_amount == amounts.each
    movement = MrrMovement.objects.get()
    assert (movement.kind, movement.after) == ("new", round(amounts.each / 12))
    features = entitlements_for(team.pk)
    assert (features.plan, features.seats) == ("enterprise", 25)
    assert seats_of(team).total == 25
    assert Event.objects.filter(name="SubscriptionStarted").count() == 1


def test_nobody_buys_a_second_plan_while_a_signed_one_is_being_made(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    price = offer_for("pro").prices["month"]
    contract = signed()
    buyer = contract.order.user
    assert buyer is not None

    with pytest.raises(AlreadySubscribed):
        open_checkout(team, user=buyer, price=price)
    assert shop.client().v1.checkout.sessions.list().data == []

    row = contracting.provision(contract).subscription
    assert row is not None
    with pytest.raises(AlreadySubscribed):
        open_checkout(team, user=buyer, price=price)
    shop.client().v1.subscriptions.cancel(row.stripe_id)
    mirror.sync_subscription(row.stripe_id)

    # It is over, and so is what it kept closed.
    assert open_checkout(team, user=buyer, price=price).session_url


def test_the_invoice_names_the_company_its_number_and_the_order(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = signed()
    contracting.provision(contract)

    invoice: Any = shop.client().v1.invoices.list().data[0]

    assert invoice.customer_name == "Nordwind GmbH"
    assert invoice.customer_address.postal_code == "20457"
    assert [(each.name, each.value) for each in invoice.custom_fields] == [
        ("PO number", "PO-7741")
    ]
    assert [(each.type, each.value) for each in invoice.customer_tax_ids] == [
        ("eu_vat", "DE136695976")
    ]
    sent = shop.client().v1.events.list({"type": "invoice.sent"}).data
    assert len(sent) == 1
    mail = EmailMessage.objects.get(idempotency_key__startswith="contract-invoice")
    assert mail.to == "erika@nordwind.test"
    assert "PO-7741" in mail.text
    assert "$12,000.00" in mail.text
    assert invoice.hosted_invoice_url in mail.text


def test_a_buyer_in_china_reads_their_own_words(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = signed(details=CHINESE)
    Quote.objects.update(language="zh-hans")
    contracting.provision(contract)

    invoice: Any = shop.client().v1.invoices.list().data[0]

    fields = {each.name: each.value for each in invoice.custom_fields}
    assert len(fields) == 3
    assert "北风科技有限公司" in fields.values()
    page = httpx.get(invoice.hosted_invoice_url).text
    assert "北风科技有限公司" in page


def test_a_paid_invoice_is_money_and_an_unpaid_one_costs_the_plan(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    contract = contracting.provision(signed(days_until_due=14))
    assert contract.subscription is not None
    invoice = Invoice.objects.get()

    shop.advance(days=15)
    mirror.sync_subscription(contract.subscription.stripe_id)
    mirror.sync_invoice(invoice.stripe_id)

    row = Subscription.objects.get()
    assert row.status == "past_due"
    shop.client().v1.invoices.pay(invoice.stripe_id, {"paid_out_of_band": True})
    mirror.sync_subscription(row.stripe_id)
    paid = mirror.sync_invoice(invoice.stripe_id)
    row.refresh_from_db()
    assert paid is not None
    assert (row.status, paid.status) == ("active", "paid")
    assert entitlements_for(team.pk).plan == "enterprise"


def test_a_crash_after_stripe_made_it_costs_another_try_and_nothing_else(
    shop: StripeEmulator,
    signed: Callable[..., Contract],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = signed(discount_bps=500)

    def die(*_args: Any, **_kwargs: Any) -> Any:
        raise SystemError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(mirror, "apply_subscription", die)
        with pytest.raises(SystemError):
            contracting.provision(contract)
    assert len(subscriptions(shop)) == 1
    contract.refresh_from_db()
    assert contract.subscription is None
    # The worker is dead, not its claim: it is taken over when the lease is out.
    with pytest.raises(BeingMade):
        contracting.provision(contract)
    late = timezone.now() - contracting.DIED_AFTER - timedelta(seconds=1)
    Contract.objects.update(claimed_at=late)

    contracting.provision(contract)
    contracting.provision(contract)

    assert len(subscriptions(shop)) == 1
    assert Invoice.objects.count() == 1
    assert Subscription.objects.count() == 1


def test_an_answer_that_got_lost_is_found_again(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = signed()
    shop.post_faults(
        answers=[
            {
                "path": "^/v1/subscriptions$",
                "method": "POST",
                "status": 500,
                "times": 1,
                "after": True,
            }
        ]
    )
    with pytest.raises(StripeUnavailable):
        contracting.provision(contract)

    made = contracting.provision(contract)

    assert made.subscription is not None
    assert len(subscriptions(shop)) == 1


def test_a_key_that_stripe_has_forgotten_makes_no_second_one(
    shop: StripeEmulator,
    signed: Callable[..., Contract],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from billing.stripe.models import StripeOperation

    contract = signed()
    contracting.provision(contract)
    # As if we had died, and more than a day had passed.
    Contract.objects.update(subscription=None, starts_at=None, ends_at=None)
    StripeOperation.objects.all().delete()

    contracting.provision(contract)

    assert len(subscriptions(shop)) == 1


def test_an_outage_is_waited_for_and_a_refusal_is_seen_by_staff(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = signed()
    refusal = {"path": "^/v1/subscriptions$", "method": "POST", "times": 1}
    shop.post_faults(answers=[{**refusal, "status": 400}])

    sweep("contract")

    job = Job.objects.get(kind="contract")
    assert job.state == Job.State.WAITING
    assert job.last_error
    contract.refresh_from_db()
    assert (contract.subscription, contract.claimed_at) == (None, None)
    Job.objects.update(due_at=timezone.now())
    assert sweep("contract") == 1
    contract.refresh_from_db()
    assert contract.subscription is not None


def test_a_customer_that_was_deleted_is_made_anew(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    from billing.subscriptions.customers import ensure_customer

    gone = ensure_customer(team)
    shop.client().v1.customers.delete(gone)

    contracting.provision(signed())

    assert BillingAccount.objects.get(pk=team.pk).stripe_customer_id != gone


def test_the_customer_has_the_one_tax_number_of_the_quote(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    from billing.subscriptions.customers import ensure_customer

    customer = ensure_customer(team)
    numbers = shop.client().v1.customers.tax_ids
    numbers.create(customer, {"type": "eu_vat", "value": "FR40303265045"})

    contracting.provision(signed())

    assert [each.value for each in numbers.list(customer)] == ["DE136695976"]


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_make_one_subscription(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = signed()

    came = together(*[partial(contracting.provision, contract) for _ in range(4)])

    assert any(isinstance(each, Contract) for each in came)
    assert {type(each) for each in came} <= {Contract, BeingMade}
    assert len(subscriptions(shop)) == 1
    assert Invoice.objects.count() == 1


def test_a_contract_that_does_not_renew_ends_with_its_term(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    contract = contracting.provision(signed(renews=False, term_months=24))

    (made,) = subscriptions(shop)
    assert contract.ends_at is not None
    assert made.cancel_at == int(contract.ends_at.timestamp())
    assert not contract.renews


def test_a_contract_is_not_ended_with_the_period_that_is_paid(
    shop: StripeEmulator, signed: Callable[..., Contract], owner: User
) -> None:
    contract = contracting.provision(signed(term_months=36))

    with pytest.raises(NotChangeable):
        end_plan(contract.organisation, by=owner, reason="unused", comment="", offer="")
    renewing.stop_renewal(contract, by=owner)
    with pytest.raises(NotChangeable):
        keep_plan(contract.organisation, by=owner)

    (made,) = subscriptions(shop)
    assert contract.ends_at is not None
    assert made.cancel_at == int(contract.ends_at.timestamp())


def test_a_renewal_is_stopped_and_resumed_by_the_buyer(
    shop: StripeEmulator, signed: Callable[..., Contract], owner: User
) -> None:
    contract = contracting.provision(signed())
    assert contract.renews

    stopped = renewing.stop_renewal(contract, by=owner)
    renewing.stop_renewal(contract, by=owner)
    assert not stopped.renews
    resumed = renewing.resume_renewal(contract, by=owner)

    assert resumed.renews
    assert subscriptions(shop)[0].cancel_at is None
    names = Event.objects.filter(name__startswith="Renewal").order_by("pk")
    assert [each.name for each in names] == ["RenewalStopped", "RenewalResumed"]


def test_a_contract_that_is_not_there_yet_has_no_renewal(
    signed: Callable[..., Contract], owner: User
) -> None:
    with pytest.raises(NoContract):
        renewing.stop_renewal(signed(), by=owner)


def test_the_end_of_a_term_is_told_of_three_times(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = contracting.provision(signed())
    mails = EmailMessage.objects.filter(idempotency_key__startswith="contract:")

    for days, told in ((61, 0), (60, 1), (59, 1), (30, 2), (8, 2), (7, 3), (1, 3)):
        ends_at = timezone.now() + timedelta(days=days) - timedelta(minutes=1)
        # One term, seen on different days.
        RenewalNotice.objects.update(ends_at=ends_at)
        Contract.objects.update(ends_at=ends_at)
        tasks.settle()
        tasks.settle()
        assert RenewalNotice.objects.count() == told
        assert mails.count() >= min(told, 1)

    kept = RenewalNotice.objects.order_by("-days").values_list("days", flat=True)
    assert list(kept) == [60, 30, 7]
    assert contract.quote.buyer.contact_email == mails[0].to


def test_a_term_that_is_over_is_followed_by_another(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = contracting.provision(signed())
    past = timezone.now() - timedelta(days=1)
    Contract.objects.update(starts_at=past - timedelta(days=365), ends_at=past)

    tasks.settle()
    tasks.settle()

    contract.refresh_from_db()
    assert contract.ends_at == months_after(past, 12)
    assert Event.objects.filter(name="ContractRenewed").count() == 1


def test_a_contract_ends_with_its_subscription(
    shop: StripeEmulator, signed: Callable[..., Contract], team: Organisation
) -> None:
    contract = contracting.provision(signed())
    assert contract.subscription is not None
    shop.client().v1.subscriptions.cancel(contract.subscription.stripe_id)
    mirror.sync_subscription(contract.subscription.stripe_id)

    tasks.settle()
    tasks.settle()

    contract.refresh_from_db()
    assert contract.ended_at is not None
    assert Event.objects.filter(name="ContractEnded").count() == 1
    assert entitlements_for(team.pk).plan == "free"


def test_what_is_not_as_we_asked_is_refused_by_the_emulator(
    shop: StripeEmulator,
) -> None:
    customer = shop.client().v1.customers.create({"name": "Ada"}).id

    with pytest.raises(StripeRefused):
        contracts.write_bill_to(
            customer,
            contracts.BillTo(
                name="Ada",
                email="ada@example.test",
                line1="1",
                line2="",
                city="B",
                state="",
                postal_code="",
                country="DE",
                fields=tuple((str(number), "x") for number in range(5)),
            ),
        )


def test_the_files_say_what_the_pages_say(
    shop: StripeEmulator, signed: Callable[..., Contract]
) -> None:
    contract = contracting.provision(signed(details=CHINESE, discount_bps=1_000))
    quote = quote_of(contract)

    offered = text_of(pdf.quote_pdf(quote, Signature.objects.get()))
    invoiced = text_of(pdf.invoice_pdf(Invoice.objects.get(), quote))

    for words in (
        quote.number,
        "北风科技有限公司",
        "91110000600037341L",
        "中国银行北京分行",
        "PO-7741",
        "$12,000.00",
        "-$1,200.00",
        "$10,800.00",
        "Erika Beispiel, CFO",
        Signature.objects.get().digest,
    ):
        assert words.replace(" ", "") in offered
    for words in (
        str(Invoice.objects.get().number),
        "北风科技有限公司",
        "PO-7741",
        "-$1,200.00",
        "$10,800.00",
    ):
        assert words in invoiced


def text_of(content: bytes) -> str:
    """Return the text of a PDF without the blanks its lines are broken at."""
    pages = PdfReader(io.BytesIO(content)).pages
    return "".join("".join(page.extract_text().split()) for page in pages)

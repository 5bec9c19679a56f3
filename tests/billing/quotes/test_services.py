"""A quote from wish to signature: each step once, and each with its opposite."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import add_member
from audit.models import Record
from billing.approvals import services as approvals
from billing.approvals.exceptions import AlreadyAsked, NeedsApproval, OwnOrganisation
from billing.approvals.models import Approval
from billing.plans.exceptions import PlanNotSynced
from billing.plans.models import Price
from billing.plans.queries import offer_for
from billing.quotes import services, tasks
from billing.quotes.exceptions import (
    BadQuoteLink,
    HasPlan,
    QuoteChanged,
    QuoteClosed,
    QuoteIncomplete,
    QuoteOpenAlready,
)
from billing.quotes.models import Contract, Quote, Signature
from billing.quotes.signing import digest_of, link_token, quote_behind, terms_of
from billing.subscriptions.exceptions import SeatsOutOfRange
from billing.subscriptions.mirror import apply_subscription
from billing.subscriptions.models import CheckoutIntent
from jobs.models import Job
from notifications.models import EmailMessage, Notification
from outbox.models import Event
from tests.factories.accounts import with_seats
from tests.factories.billing import default_price, fetched_subscription
from tests.factories.quotes import DETAILS, accept, draft_of, sent_to
from tests.races import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plans")]


def facts() -> list[str]:
    events = Event.objects.filter(name__startswith="Quote").order_by("pk")
    return list(events.values_list("name", flat=True))


def records() -> list[str]:
    rows = Record.objects.filter(action__startswith="quote.").order_by("pk")
    return list(rows.values_list("action", flat=True))


def test_a_wish_becomes_a_quote_a_mail_and_a_contract(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = draft_of(team, owner, wishes="We need SSO.")
    services.issue_quote(quote, by=seller)

    contract = accept(quote, owner)

    assert facts() == ["QuoteRequested", "QuoteSent", "QuoteAccepted"]
    assert records() == ["quote.requested", "quote.sent", "quote.accepted"]
    mail = EmailMessage.objects.get(kind="quote")
    assert mail.to == "erika@nordwind.test"
    assert "$12,000.00" in mail.text
    assert link_token(quote) in mail.text
    told = Notification.objects.filter(user=seller).order_by("pk")
    assert told[0].body == "We need SSO."
    assert contract.order.user == owner
    assert contract.order.state == CheckoutIntent.State.COMPLETE
    job = Job.objects.get(kind="contract")
    assert (job.subject, job.state) == (str(contract.pk), "waiting")


def test_what_was_signed_is_kept_as_it_was_and_for_ever(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller, remarks="Support within four hours.")
    accept(quote, owner)

    signed = Signature.objects.get()

    assert signed.terms["term"] == 1_200_000
    assert signed.terms["remarks"] == "Support within four hours."
    assert signed.terms["buyer"]["po_number"] == "PO-7741"
    assert signed.terms["features"]["seats"] == 20
    assert signed.digest == digest_of(signed.terms)
    assert (signed.name, signed.title, signed.user) == ("Erika Beispiel", "CFO", owner)
    changes: list[dict[str, Any]] = [{"terms": {}}, {"name": "Eve"}, {"digest": "0"}]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            Signature.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Signature.objects.all().delete()


def test_only_what_was_read_is_signed(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    read = digest_of(terms_of(Quote.objects.whole().get(pk=quote.pk)))
    services.set_buyer(quote, by=owner, **{**DETAILS, "po_number": "PO-2"})

    with pytest.raises(QuoteChanged):
        services.accept_quote(quote, name="Erika", title="", digest=read, by=owner)

    quote.refresh_from_db()
    assert quote.state == Quote.State.SENT
    assert not Contract.objects.exists()
    assert not Job.objects.filter(kind="contract").exists()


def test_one_quote_is_prepared_at_a_time(team: Organisation, owner: User) -> None:
    draft_of(team, owner)

    with pytest.raises(QuoteOpenAlready):
        draft_of(team, owner)

    assert Quote.objects.count() == 1


@pytest.mark.parametrize("seats", [19, 10_001])
def test_a_plan_is_quoted_for_the_seats_it_has(
    team: Organisation, owner: User, seats: int
) -> None:
    with pytest.raises(SeatsOutOfRange):
        draft_of(team, owner, seats=seats)

    assert not Quote.objects.exists()


def test_a_quote_without_a_buyer_or_a_price_at_stripe_is_not_sent(
    team: Organisation, owner: User, seller: User
) -> None:
    price = offer_for("enterprise").prices["year"]
    bare = services.create_quote(team, by=seller, price=price)
    with pytest.raises(QuoteIncomplete):
        services.issue_quote(bare, by=seller)
    services.set_buyer(bare, by=seller, **DETAILS)
    Price.objects.update(stripe_price_id=None)

    with pytest.raises(PlanNotSynced):
        services.issue_quote(bare, by=seller)

    assert not EmailMessage.objects.filter(kind="quote").exists()


def test_new_terms_are_a_new_quote_for_whoever_has_the_old_link(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    old = link_token(quote)
    assert quote_behind(old) == quote

    changed = services.set_terms(quote, by=seller, seats=30)

    assert facts() == ["QuoteRequested", "QuoteSent", "QuoteWithdrawn"]
    for token in (old, link_token(changed), f"{old}x", "x"):
        with pytest.raises(BadQuoteLink):
            quote_behind(token)
    again = services.issue_quote(changed, by=seller)
    assert quote_behind(link_token(again)).seats == 30
    with pytest.raises(BadQuoteLink):
        quote_behind(old)
    assert EmailMessage.objects.filter(kind="quote").count() == 2


@pytest.mark.parametrize("end", ["declined", "withdrawn", "expired", "accepted"])
def test_what_is_over_stays_over(
    team: Organisation, owner: User, seller: User, end: str
) -> None:
    quote = sent_to(team, owner, seller)
    if end == "declined":
        services.decline_quote(quote, by=owner, why=" Too dear ")
    elif end == "withdrawn":
        services.withdraw_quote(quote, by=seller, why="")
    elif end == "accepted":
        accept(quote, owner)
    else:
        Quote.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        tasks.settle()
        tasks.settle()
    quote = Quote.objects.whole().get(pk=quote.pk)
    before = facts()
    assert quote.state == end
    assert before[-1] == f"Quote{end.title()}"

    for act in (
        partial(services.decline_quote, quote, by=owner, why=""),
        partial(services.withdraw_quote, quote, by=seller, why=""),
        partial(services.set_terms, quote, by=seller, seats=40),
        partial(services.set_buyer, quote, by=owner, **DETAILS),
        partial(services.issue_quote, quote, by=seller),
    ):
        with pytest.raises(QuoteClosed):
            act()
    if end != "accepted":
        with pytest.raises(QuoteClosed):
            accept(quote, owner)

    assert facts() == before


def test_a_quote_is_closed_the_moment_its_days_are_over(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    Quote.objects.update(expires_at=timezone.now())

    with pytest.raises(QuoteClosed):
        accept(quote, owner)

    assert not Contract.objects.exists()


def test_an_organisation_with_a_plan_signs_no_second_one(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    subscription = fetched_subscription(team, default_price("team"), quantity=2)
    apply_subscription(subscription, fetched_at=timezone.now())

    with pytest.raises(HasPlan):
        accept(quote, owner)

    assert not Signature.objects.exists()


def test_a_signature_closes_the_open_checkout(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    waiting = CheckoutIntent.objects.create(
        organisation=team, user=owner, price=default_price("team"), seats=2
    )

    accept(quote, owner)

    waiting.refresh_from_db()
    assert waiting.state == CheckoutIntent.State.SUPERSEDED


def test_a_large_discount_takes_a_second_person_whose_yes_sends_it(
    team: Organisation, owner: User, seller: User, person: Callable[..., Any]
) -> None:
    quote = draft_of(team, owner)
    quote = services.set_terms(quote, by=seller, discount_bps=2_001)
    with pytest.raises(NeedsApproval):
        services.issue_quote(quote, by=seller)
    approval = services.ask_to_send(quote, by=seller, reason="A reference customer")
    assert approval.amount == 240_120
    with pytest.raises(NeedsApproval):
        services.issue_quote(quote, by=person("third", is_staff=True))

    approvals.approve(approval, by=person("boss", is_staff=True), answer="Yes")

    quote.refresh_from_db()
    assert (quote.state, quote.prepared_by) == (Quote.State.SENT, seller)
    assert EmailMessage.objects.filter(kind="quote").count() == 1


def test_a_discount_at_the_limit_needs_nobody_else(
    team: Organisation, owner: User, seller: User
) -> None:
    assert sent_to(team, owner, seller, discount_bps=2_000).state == "sent"


def test_an_approval_is_of_the_terms_it_was_asked_for(
    team: Organisation, owner: User, seller: User, person: Callable[..., Any]
) -> None:
    quote = draft_of(team, owner)
    quote = services.set_terms(quote, by=seller, discount_bps=3_000)
    approval = services.ask_to_send(quote, by=seller, reason="Large")
    with pytest.raises(AlreadyAsked):
        services.ask_to_send(quote, by=person("third", is_staff=True), reason="Too")

    quote = services.set_terms(quote, by=seller, discount_bps=9_000)

    approval.refresh_from_db()
    assert approval.state == Approval.State.WITHDRAWN
    with pytest.raises(NeedsApproval):
        services.issue_quote(quote, by=seller)


def test_staff_give_no_discount_to_a_team_of_theirs(
    team: Organisation, owner: User, seller: User
) -> None:
    with_seats(team, 5)
    add_member(team, user=seller, role=Membership.Role.MEMBER)
    quote = services.set_terms(draft_of(team, owner), by=seller, discount_bps=100)

    with pytest.raises(OwnOrganisation):
        services.issue_quote(quote, by=seller)

    quote.refresh_from_db()
    assert quote.state == Quote.State.DRAFT


def test_the_database_holds_what_a_quote_is(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = draft_of(team, owner)

    for change in (
        {"discount_bps": 10_001},
        {"seats": 0},
        {"state": "sent"},
        {"state": "accepted"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Quote.objects.filter(pk=quote.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_of_signatures_at_the_same_moment_one_makes_the_contract(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)

    came = together(*[partial(accept, quote, owner) for _ in range(4)])

    assert {each.pk for each in came} == {Contract.objects.get().pk}
    assert Signature.objects.count() == 1
    assert CheckoutIntent.objects.count() == 1
    assert Job.objects.filter(kind="contract").count() == 1
    assert facts() == ["QuoteRequested", "QuoteSent", "QuoteAccepted"]


@pytest.mark.django_db(transaction=True)
def test_a_yes_and_a_no_at_the_same_moment_are_one_of_them(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)

    came = together(
        partial(accept, quote, owner),
        partial(services.decline_quote, quote, by=owner, why=""),
        partial(services.withdraw_quote, quote, by=seller, why=""),
        partial(services.set_terms, quote, by=seller, seats=40),
    )

    quote.refresh_from_db()
    assert Contract.objects.count() == (1 if quote.state == "accepted" else 0)
    good = [each for each in came if not isinstance(each, Exception)]
    # New terms may be written and then withdrawn; nothing else goes together.
    assert len(good) in {1, 2}
    assert (len(good) == 2) <= (quote.state == "withdrawn")
    bad = {type(each) for each in came if isinstance(each, Exception)}
    assert bad <= {QuoteClosed, QuoteChanged}


@pytest.mark.django_db(transaction=True)
def test_two_quotes_of_a_team_become_one_contract(
    team: Organisation, owner: User, seller: User
) -> None:
    first = sent_to(team, owner, seller)
    second = sent_to(team, owner, seller)

    came = together(partial(accept, first, owner), partial(accept, second, owner))

    kinds = sorted(type(each).__name__ for each in came)
    assert kinds == ["Contract", "HasPlan"]
    assert Contract.objects.count() == 1

"""A buyer's price list: agreed once, in force at its time, ended by whom it may."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.services import create_organisation
from audit.models import Record
from billing.approvals.exceptions import NeedsApproval, OwnOrganisation
from billing.pricelists import services
from billing.pricelists.exceptions import (
    ImpossibleList,
    ListIsOver,
    ListsOverlap,
    TooMuchForOne,
)
from billing.pricelists.models import PriceList
from billing.quotes import contracting, pdf, tasks
from billing.quotes import services as quotes
from billing.quotes.signing import terms_of
from billing.stripe.exceptions import StripeUnavailable
from billing.subscriptions import mirror
from entitlements.own_prices import in_force
from entitlements.queries import own_prices_for
from notifications.models import Notification
from outbox.models import Event
from tests.factories.quotes import accept, draft_of, sent_to
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db
LISTS = "/staff/price-lists/"


@pytest.fixture
def owner(person: Callable[..., Any]) -> User:
    found: User = person("erika")
    return found


@pytest.fixture
def team(owner: User) -> Organisation:
    return create_organisation("Nordwind", owner=owner)


@pytest.fixture
def seller(person: Callable[..., Any], settings: Any) -> User:
    settings.SECOND_FACTOR_REQUIRED = False
    found: User = person("seller", is_staff=True)
    EmailAddress.objects.get_or_create(
        user=found, email=found.email, verified=True, primary=True
    )
    return found


def begun(team: Organisation, seller: User, **fields: Any) -> PriceList:
    values: dict[str, Any] = {"discount_bps": 1_000, "models": {}, "reason": "Large"}
    return services.create_list(team, by=seller, **{**values, **fields})


def holding(team: Organisation) -> int | None:
    found = in_force(own_prices_for(team.pk), timezone.now())
    return found.list_id if found else None


def test_a_list_is_in_force_audited_told_and_has_an_opposite(
    team: Organisation, owner: User, seller: User
) -> None:
    row = begun(team, seller, models={"large": 2_000, "small": 0})

    (own,) = own_prices_for(team.pk)
    assert holding(team) == row.pk
    discounts = [own.discount_of(name) for name in ("large", "small", "other")]
    assert discounts == [2_000, 0, 1_000]
    kept = Record.objects.get(action="price_list.begun")
    assert kept.after is not None
    assert (kept.actor_id, kept.after["reason"]) == (seller.pk, "Large")
    assert Event.objects.filter(name="PriceListBegun").count() == 1
    assert Notification.objects.filter(user=owner).count() == 1

    services.revoke_list(row, reason="Not paid", by=seller)

    assert holding(team) is None
    assert own_prices_for(team.pk) == ()
    assert Event.objects.filter(name="PriceListEnded").count() == 1
    ended = Record.objects.get(action="price_list.ended")
    assert ended.after is not None
    assert ended.after["reason"] == "Not paid"
    with pytest.raises(ListIsOver):
        services.revoke_list(row, reason="Again", by=seller)


def test_one_list_holds_at_a_time_and_another_may_follow(
    team: Organisation, seller: User
) -> None:
    now = timezone.now()
    first = begun(team, seller, ends_at=now + timedelta(days=30))
    with pytest.raises(ListsOverlap):
        begun(team, seller, begins_at=now + timedelta(days=29))
    assert PriceList.objects.count() == 1

    second = begun(team, seller, begins_at=now + timedelta(days=30))

    lists = own_prices_for(team.pk)
    assert in_force(lists, now + timedelta(days=29)) == first.prices
    assert in_force(lists, now + timedelta(days=31)) == second.prices
    services.revoke_list(second, reason="Never began", by=seller)
    second.refresh_from_db()
    assert second.state == "ended"
    assert [each.list_id for each in own_prices_for(team.pk)] == [first.pk]


@pytest.mark.parametrize(
    "fields",
    [
        {"discount_bps": 0},
        {"discount_bps": 100, "models": {"large": -1}},
        {"discount_bps": 0, "models": {"large": 0}},
        {"ends_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_a_list_that_cannot_be_is_refused(
    team: Organisation, seller: User, fields: dict[str, Any]
) -> None:
    with pytest.raises(ImpossibleList):
        begun(team, seller, **fields)

    assert own_prices_for(team.pk) == ()


def test_nobody_takes_off_more_than_one_person_may_nor_for_their_own_team(
    team: Organisation, owner: User, seller: User, settings: Any
) -> None:
    settings.SECOND_PERSON_DISCOUNT = 20
    begun(team, seller, discount_bps=2_000, ends_at=timezone.now() + timedelta(days=1))
    for fields in ({"discount_bps": 2_001}, {"models": {"large": 2_001}}):
        with pytest.raises(TooMuchForOne):
            begun(team, seller, **fields)
    own = create_organisation("Sellers", owner=seller)
    with pytest.raises(OwnOrganisation):
        begun(own, seller)


def test_the_database_keeps_what_was_agreed_and_one_list_at_a_time(
    team: Organisation, seller: User
) -> None:
    row = begun(team, seller)

    for act in (
        lambda: PriceList.objects.update(discount_bps=5),
        lambda: PriceList.objects.update(by_model={"large": 5}),
        lambda: PriceList.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    values: dict[str, Any] = {"organisation": team, "discount_bps": 5, "reason": "x"}
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceList.objects.create(**values)
    over = row.begins_at - timedelta(days=2)
    for wrong in (
        {"discount_bps": 0},
        {"discount_bps": 10_001},
        {"ends_at": over - timedelta(days=1)},
    ):
        fields = {"begins_at": over, "ends_at": over + timedelta(days=1), **wrong}
        with pytest.raises(IntegrityError), transaction.atomic():
            PriceList.objects.create(**{**values, **fields})


@pytest.mark.django_db(transaction=True)
def test_of_eight_lists_that_begin_at_once_one_holds(
    team: Organisation, seller: User
) -> None:
    came = together(*[partial(begun, team, seller)] * 8)

    assert sum(isinstance(each, PriceList) for each in came) == 1
    assert sum(isinstance(each, ListsOverlap) for each in came) == 7
    assert len(own_prices_for(team.pk)) == 1


# By quote.


def test_what_is_signed_goes_before_what_staff_gave_and_ends_with_its_contract(
    shop: StripeEmulator, team: Organisation, owner: User, seller: User
) -> None:
    given = begun(team, seller)
    quote = sent_to(team, owner, seller, usage_discount_bps=1_500)
    assert terms_of(quote)["usage_discount_bps"] == 1_500
    contract = accept(quote, owner)
    assert holding(team) == given.pk

    contract = contracting.provision(contract)
    contracting.provision(contract)

    signed = PriceList.objects.get(contract=quote.public_id)
    assert (signed.discount_bps, signed.made_by) == (1_500, None)
    assert holding(team) == signed.pk
    given.refresh_from_db()
    assert (given.state, given.end_reason) == ("ended", quote.public_id)
    assert contract.subscription is not None
    shop.client().v1.subscriptions.cancel(contract.subscription.stripe_id)
    mirror.sync_subscription(contract.subscription.stripe_id)

    tasks.settle()
    tasks.settle()

    assert holding(team) is None
    signed.refresh_from_db()
    assert signed.state == "ended"
    assert Event.objects.filter(name="PriceListEnded").count() == 2


def test_no_list_begins_before_its_contract_does(
    shop: StripeEmulator, team: Organisation, owner: User, seller: User, settings: Any
) -> None:
    contract = accept(sent_to(team, owner, seller, usage_discount_bps=1_500), owner)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(StripeUnavailable):
        contracting.provision(contract)

    assert not PriceList.objects.exists()


def test_a_large_discount_on_usage_takes_two_as_one_on_the_price_does(
    shop: StripeEmulator, team: Organisation, owner: User, seller: User, settings: Any
) -> None:
    settings.SECOND_PERSON_DISCOUNT = 20
    quote = draft_of(team, owner)
    quote = quotes.set_terms(quote, by=seller, usage_discount_bps=2_500)
    with pytest.raises(NeedsApproval):
        quotes.issue_quote(quote, by=seller)

    approval = quotes.ask_to_send(quote, by=seller, reason="Large")

    assert approval.amount == quote.amounts.term
    assert approval.details["usage_discount_bps"] == 2_500


def test_a_quote_says_what_usage_costs_less(
    shop: StripeEmulator, client: Client, team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller, usage_discount_bps=1_250)
    client.force_login(owner)

    page = client.get(f"/console/{team.slug}/quotes/{quote.public_id}/")

    told = "Usage of models costs 12.5 % less than their list prices"
    assert told in page.content.decode()
    from io import BytesIO

    from pypdf import PdfReader

    text = PdfReader(BytesIO(pdf.quote_pdf(quote, None))).pages[0].extract_text()
    assert "12.5 % less" in " ".join(text.split())


# Pages.


@pytest.fixture
def staff(client: Client, seller: User) -> Client:
    sent = {"login": seller.email, "password": "correct horse"}
    client.post("/accounts/login/", sent)
    return client


def form(**fields: str) -> dict[str, str]:
    return {
        "organisation": "nordwind",
        "discount": "12.5",
        "models": "large: 20\nsmall 0%",
        "reason": "Their competitor's offer",
        **fields,
    }


def test_staff_begin_a_list_by_the_page_and_end_it(
    staff: Client, team: Organisation
) -> None:
    answer = staff.post(LISTS, form(ends_on="2999-01-31"))

    row = PriceList.objects.get()
    assert answer["Location"] == f"{LISTS}{row.public_id}/"
    assert (row.discount_bps, row.by_model) == (1_250, {"large": 2_000, "small": 0})
    assert row.ends_at is not None
    assert f"{row.ends_at:%Y-%m-%d %H}" == "2999-02-01 00"
    # The last day is the one that was typed, and its reader knows of which zone.
    told = Notification.objects.filter(about_id=team.pk).values_list("body", flat=True)
    assert told[0].endswith(" to Jan. 31, 2999 (UTC).")
    said = staff.get(answer["Location"]).content.decode()
    assert "12.5 % less" in said
    assert "0 % less" in said
    assert staff.get(f"{LISTS}?state=holds").context["page"].items == [row]
    assert not staff.get(f"{LISTS}?state=ended").context["page"].items
    assert staff.post(answer["Location"], {"reason": ""}).status_code == 422
    assert staff.post(answer["Location"], {"reason": "Over"}).status_code == 302
    assert staff.post(answer["Location"], {"reason": "Over"}).status_code == 409
    assert staff.get(f"{LISTS}?state=ended").context["page"].items == [row]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("organisation", "nobody", "no such organisation"),
        ("discount", "100.01", "100"),
        ("discount", "1.234", "decimal"),
        ("models", "large", "Line 1"),
        ("models", "large: 20\nlarge: 30", "Line 2"),
        ("models", "large: 101", "Line 1"),
        ("begins_on", "2001-01-01", "later"),
        ("ends_on", "2001-01-01", "Not before"),
        ("reason", "", "required"),
    ],
)
def test_what_cannot_be_is_said_by_field_and_lost_by_nobody(
    staff: Client, team: Organisation, field: str, typed: str, said: str
) -> None:
    answer = staff.post(LISTS, form(**{field: typed}))

    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert list(errors) == [field]
    assert said in " ".join(errors[field])
    assert "Their competitor" in answer.content.decode() or field == "reason"
    assert not PriceList.objects.exists()


def test_the_list_asks_as_often_with_thirty_rows_as_with_one(
    staff: Client,
    seller: User,
    person: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def another(number: int) -> None:
        begun(create_organisation(f"T{number}", owner=person(f"o{number}")), seller)

    another(0)
    with CaptureQueriesContext(connection) as few:
        staff.get(LISTS)
    for number in range(1, 12):
        another(number)

    with django_assert_max_num_queries(len(few)):
        staff.get(LISTS)


def test_only_staff_see_the_pages_and_buyers_only_their_lists(
    client: Client, team: Organisation, owner: User, seller: User
) -> None:
    row = begun(team, seller)
    client.force_login(owner)

    assert client.get(LISTS).status_code == 403
    assert client.get(f"{LISTS}{row.public_id}/").status_code == 403
    assert list(PriceList.objects.visible_to(owner)) == [row]
    membership = team.memberships.get(user=owner)
    Membership.objects.filter(pk=membership.pk).update(role=Membership.Role.ADMIN)
    assert not PriceList.objects.visible_to(owner).exists()

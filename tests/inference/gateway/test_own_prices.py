"""A caller with a price list pays by it: held, metered, corrected, and no slower."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organisation, User
from accounts.services import create_organisation
from billing.pricelists.services import create_list, revoke_list
from entitlements.own_prices import OwnPrices, in_force
from entitlements.queries import own_prices_for
from entitlements.services import set_own_prices
from inference.catalog.own_prices import price_sheet
from inference.catalog.pricing import amount_of, discounted
from inference.directory.loading import load_caller, load_models
from inference.gateway.sweeping import sweep
from inference.usage.checks import CHECKS
from inference.usage.corrections import correct_usage
from inference.usage.models import UsageEvent
from stores.redis import client as redis_client
from stores.redis import prefixed
from tests.factories.inference import key_of, offered_model, used
from tests.fakes.upstream import Upstream, whole
from tests.inference.gateway.conftest import HELLO, Customer, recorded
from tests.inference.gateway.test_fallbacks import ANSWER
from tests.inference.gateway.test_sweeping import long_up, reservation
from tests.waiting import wait_for

__all__ = ["long_up", "reservation"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def prices(bps: int = 0, **models: int) -> OwnPrices:
    """Return a list that has held for a day."""
    begun = timezone.now() - timedelta(days=1)
    return OwnPrices(list_id=7, begins_at=begun, discount_bps=bps, models=models)


def broken() -> list[str]:
    return [row for check in CHECKS for row in check(START)]


@pytest.mark.django_db(transaction=True)
def test_a_call_is_held_and_metered_at_the_caller_s_price_within_a_second(
    customer: Callable[..., Customer],
    offer: Any,
    upstream: Upstream,
    person: Callable[..., Any],
) -> None:
    upstream.scripts["good"] = whole(ANSWER)
    offer(upstream, "good", slug="first")
    ada, ben = customer(), customer("ben")
    asked = {"model": "first", "messages": HELLO}
    assert ada.post(json=asked).headers["x-cost"] == "0.000015000"
    staff = person("sam", is_staff=True)

    row = create_list(
        ada.organisation, discount_bps=2_000, models={}, reason="Large", by=staff
    )

    wait_for(lambda: ada.post(json=asked).headers["x-cost"] == "0.000012000")
    assert ben.post(json=asked).headers["x-cost"] == "0.000015000"
    own = [each for each in recorded() if each.price_list_id == row.pk]
    assert {each.price_nano for each in own} == {12_000}
    assert {each.discount_bps for each in own} == {2_000}
    assert all(each.held_nano >= each.price_nano for each in own)
    assert broken() == []

    revoke_list(row, reason="Over", by=staff)
    wait_for(lambda: ada.post(json=asked).headers["x-cost"] == "0.000015000")


@pytest.mark.django_db
def test_a_caller_is_read_with_their_lists_in_one_query_more(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    key = key_of(ada.memberships.get().organisation, ada)
    offered_model("first")
    models = load_models()
    with CaptureQueriesContext(connection) as without:
        plain = load_caller(key.digest)
    later = OwnPrices(
        list_id=8,
        begins_at=timezone.now() + timedelta(days=1),
        discount_bps=9_000,
    )
    ended = OwnPrices(
        list_id=6, begins_at=START, ends_at=START + timedelta(days=1), discount_bps=5
    )
    set_own_prices(
        key.organisation_id, [ended, prices(1_000, first=2_500, other=0), later]
    )

    with CaptureQueriesContext(connection) as having:
        caller = load_caller(key.digest)

    assert len(having) == len(without)
    assert plain is not None
    assert caller is not None
    # Who has no list gets the very copy that all share.
    assert plain.priced(models["first"]) is models["first"]
    own = caller.priced(models["first"])
    assert own.price == tuple(rate * 75 // 100 for rate in models["first"].price)
    assert (own.price_list_id, own.discount_bps) == (7, 2_500)
    assert own.cost == models["first"].cost


@pytest.mark.django_db
def test_a_model_may_stand_in_at_the_prices_of_the_caller(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    key = key_of(ada.memberships.get().organisation, ada)
    offered_model("first")
    offered_model("second")
    models = load_models()
    set_own_prices(key.organisation_id, [prices(5_000)])
    caller = load_caller(key.digest)
    assert caller is not None

    first, second = (caller.priced(models[name]) for name in ("first", "second"))

    assert second.may_stand_in_for(first)
    assert not models["second"].may_stand_in_for(first)


@pytest.mark.django_db
def test_a_correction_is_at_the_price_of_the_call_and_a_wrong_price_is_found(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    organisation = ada.memberships.get().organisation
    version = offered_model().prices.get()
    # A dollar and two a million, a third less: rates are rounded down.
    rates = [rate * 6_667 // 10_000 for rate in version.price]
    call = used(
        organisation,
        key_of(organisation, ada),
        price_version_id=version.pk,
        price_list_id=7,
        discount_bps=3_333,
        price_nano=amount_of(rates, tokens_in=100, tokens_out=50),
        held_nano=10**9,
    )
    assert broken() == []

    entry = correct_usage(call, tokens_in=100, tokens_out=20, reason="Template.")

    assert entry is not None
    assert call.price_nano + entry.price_nano == amount_of(
        rates, tokens_in=100, tokens_out=20
    )
    UsageEvent.objects.update(discount_bps=3_332)
    assert any(call.pk in row for row in broken())


@pytest.mark.django_db
def test_what_a_killed_gateway_held_is_billed_at_the_caller_s_price(
    reservation: Callable[..., UsageEvent], long_up: None
) -> None:
    reservation(
        "req_lost",
        price=[800_000_000, 400_000_000, 1_600_000_000],
        price_list_id=7,
        discount_bps=2_000,
    )

    assert sweep() == 1

    row = UsageEvent.objects.get(pk="req_lost")
    assert (row.price_list_id, row.discount_bps) == (7, 2_000)
    assert row.price_nano == 90 * 800 + 7 * 1_600
    redis_client().delete(prefixed("gw:request:req_lost"))


@given(
    rates=st.lists(st.integers(0, 10**12), min_size=3, max_size=9),
    bps=st.integers(0, 10_000),
)
def test_a_list_makes_no_rate_dearer_and_is_off_by_less_than_one(
    rates: list[int], bps: int
) -> None:
    for rate, own in zip(rates, discounted(rates, bps), strict=True):
        assert 0 <= own <= rate
        assert 0 <= rate * (10_000 - bps) - own * 10_000 < 10_000


def test_a_list_holds_from_its_beginning_to_before_its_end() -> None:
    end = START + timedelta(days=1)
    row = OwnPrices(list_id=1, begins_at=START, ends_at=end, discount_bps=1)
    moments = (START - timedelta(seconds=1), START, end - timedelta(seconds=1), end)

    assert [in_force([row], at) is row for at in moments] == [False, True, True, False]
    assert OwnPrices.from_dict(row.to_dict()) == row


@pytest.fixture
def team(person: Callable[..., Any]) -> Organisation:
    return create_organisation("Acme", owner=person("ada"))


@pytest.mark.django_db
def test_every_member_sees_what_models_cost_and_strangers_do_not(
    client: Client, team: Organisation, person: Callable[..., Any]
) -> None:
    offered_model("first")
    offered_model("second")
    set_own_prices(team.pk, [prices(1_000, second=0)])
    assert len(own_prices_for(team.pk)) == 1
    member: User = person("mia")
    team.memberships.create(user=member, role="member")
    client.force_login(member)

    page = client.get(f"/console/{team.slug}/prices/")
    told = client.get(f"/api/v1/organisations/{team.public_id}/prices/").json()

    said = page.content.decode()
    assert "A price list of your own is in force" in said
    assert "$0.90" in said
    rows = {row["model"]: row for row in told["results"]}
    assert (rows["first"]["discount_bps"], rows["second"]["discount_bps"]) == (1_000, 0)
    assert rows["first"]["own"]["price_in"] == 900_000_000
    assert rows["first"]["listed"]["price_in"] == 1_000_000_000
    assert told["current"]["ends_at"] is None
    client.force_login(person("eve"))
    assert client.get(f"/console/{team.slug}/prices/").status_code == 404
    other = client.get(f"/api/v1/organisations/{team.public_id}/prices/")
    assert other.status_code == 404


@pytest.mark.django_db
def test_a_sheet_of_many_models_asks_as_often_as_one_of_two(
    team: Organisation, django_assert_max_num_queries: Any
) -> None:
    offered_model("first")
    set_own_prices(team.pk, [prices(1_000)])
    with CaptureQueriesContext(connection) as few:
        price_sheet(team.pk)
    for number in range(8):
        offered_model(f"m{number}")

    with django_assert_max_num_queries(len(few)):
        assert len(price_sheet(team.pk).rows) == 9

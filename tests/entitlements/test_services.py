import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Organisation
from accounts.queries import personal_organisation
from core.money import NANO
from entitlements.features import FREE, Features
from entitlements.models import OrganisationEntitlement
from entitlements.queries import entitlements_for
from entitlements.services import CHANNEL, replace_for
from outbox.models import Event
from stores.redis import client, prefixed

Person = Callable[..., Any]
PRO = Features(plan="pro", premium_models=True)


@pytest.fixture
def org(person: Person) -> Organisation:
    """An organisation that no plan has been computed for."""
    own = personal_organisation(person("ada"))
    OrganisationEntitlement.objects.filter(pk=own.pk).delete()
    Event.objects.all().delete()
    return own


@contextmanager
def listening() -> Iterator[Callable[[], list[bytes]]]:
    """Hear what gateways would; the function returns what came so far."""
    channel = client().pubsub(ignore_subscribe_messages=True)
    channel.subscribe(prefixed(CHANNEL))
    deadline = time.monotonic() + 5
    while channel.get_message(timeout=0.1) is None and not channel.subscribed:
        assert time.monotonic() < deadline
    heard: list[bytes] = []

    def so_far() -> list[bytes]:
        # Redis answers in order: what was announced before the ping is here after it.
        channel.ping()
        while (message := channel.get_message(timeout=5)) is not None:
            if message["type"] == "pong":
                break
            heard.append(message["data"])
        return heard

    yield so_far
    channel.close()


@pytest.mark.django_db
def test_an_organisation_without_a_row_is_free(org: Organisation) -> None:
    assert entitlements_for(org.pk) == FREE
    assert (FREE.plan, FREE.premium_models, FREE.seats) == ("free", False, 1)
    assert FREE.monthly_allowance_nano == 1 * NANO


@pytest.mark.django_db
def test_features_are_read_as_they_were_written(org: Organisation) -> None:
    features = Features(plan="team", seats=5, audit_log=True)

    revision = replace_for(org.pk, features, source="sub_1")

    row = OrganisationEntitlement.objects.get(pk=org.pk)
    assert revision == 1
    assert (row.plan, row.revision, row.source) == ("team", 1, "sub_1")
    assert entitlements_for(org.pk) == features


@pytest.mark.django_db
def test_reading_costs_one_query(
    org: Organisation, django_assert_num_queries: Any
) -> None:
    replace_for(org.pk, PRO, source="sub_1")

    with django_assert_num_queries(1):
        entitlements_for(org.pk)


@pytest.mark.django_db
def test_values_from_another_version_of_the_product_are_left_out(
    org: Organisation,
) -> None:
    replace_for(org.pk, PRO, source="sub_1")
    row = OrganisationEntitlement.objects.get(pk=org.pk)
    row.features = {"plan": "pro", "premium_models": True, "teleport": True}
    row.save(update_fields=["features"])

    assert entitlements_for(org.pk) == PRO


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_after_the_commit(org: Organisation) -> None:
    with listening() as heard:
        with transaction.atomic():
            replace_for(org.pk, PRO, source="sub_1")
            before = list(heard())
        after = list(heard())

    assert before == []
    assert after == [str(org.pk).encode()]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_is_told_to_nobody(org: Organisation) -> None:
    def change() -> None:
        replace_for(org.pk, PRO, source="sub_1")
        raise KeyError

    with listening() as heard:
        with pytest.raises(KeyError), transaction.atomic():
            change()
        announced = heard()

    assert announced == []
    assert entitlements_for(org.pk) == FREE
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_again_changes_and_tells_nothing(org: Organisation) -> None:
    replace_for(org.pk, PRO, source="sub_1")
    computed_at = OrganisationEntitlement.objects.get(pk=org.pk).computed_at

    with listening() as heard:
        revision = replace_for(org.pk, PRO, source="sub_2")
        announced = heard()

    assert (revision, announced) == (1, [])
    assert Event.objects.filter(name="EntitlementsChanged").count() == 1
    assert OrganisationEntitlement.objects.get(pk=org.pk).computed_at == computed_at


@pytest.mark.django_db
def test_the_fact_tells_the_plan_before_and_after(org: Organisation) -> None:
    replace_for(org.pk, PRO, source="sub_1")
    replace_for(org.pk, FREE, source="free")

    events = Event.objects.filter(name="EntitlementsChanged").order_by("pk")
    assert [event.payload for event in events] == [
        {
            "organisation_id": org.pk,
            "revision": 1,
            "plan": "pro",
            "plan_before": "",
        },
        {
            "organisation_id": org.pk,
            "revision": 2,
            "plan": "free",
            "plan_before": "pro",
        },
    ]


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_leave_no_gap_in_the_revisions(org: Organisation) -> None:
    barrier = Barrier(8)

    def write(seats: int) -> int:
        try:
            barrier.wait(timeout=30)
            return replace_for(org.pk, Features(plan="team", seats=seats), source="")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        revisions = list(pool.map(write, range(1, 9)))

    assert sorted(revisions) == list(range(1, 9))
    assert OrganisationEntitlement.objects.get(pk=org.pk).revision == 8
    last = revisions.index(8) + 1
    assert entitlements_for(org.pk).seats == last


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_change_still_commits(
    org: Organisation, settings: Any
) -> None:
    settings.REDIS_CACHE_URL = "redis://127.0.0.1:9/0"
    client.cache_clear()

    replace_for(org.pk, PRO, source="sub_1")

    settings.REDIS_CACHE_URL = settings.REDIS_URL
    client.cache_clear()
    assert entitlements_for(org.pk) == PRO

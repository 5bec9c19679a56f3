"""Usage that is written twice, and calls a killed gateway left behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inference.gateway.sweeping import sweep
from inference.usage.models import OrganisationMonth, UsageEvent
from inference.usage.recording import Usage, record
from stores.redis import client as redis_client
from stores.redis import prefixed
from tests.factories.inference import used


@pytest.mark.django_db
def test_usage_written_twice_counts_once(person: Callable[..., Any]) -> None:
    from accounts.queries import personal_organisation

    organisation = personal_organisation(person("ada"))
    event = used(organisation)
    again = Usage(**{name: getattr(event, name) for name in Usage.__dataclass_fields__})

    assert record([again, again]) == set()
    assert UsageEvent.objects.count() == 1
    assert OrganisationMonth.objects.get().price_nano == event.price_nano


@pytest.mark.django_db
def test_a_call_of_which_nothing_was_counted_is_a_free_row_when_it_is_swept(
    person: Callable[..., Any],
) -> None:
    from accounts.queries import personal_organisation

    event = used(personal_organisation(person("ada")))
    kept = {
        name: getattr(event, name)
        for name in ("organisation_id", "key_id", "model", "edition")
    } | {
        "price_version_id": 1,
        "month": "202605",
        "price": [1, 1, 1],
        "cost": [1, 1, 1],
        "tokens_in": 90,
        "tokens_out": 0,
        "is_stream": False,
        "occurred_at": event.occurred_at.isoformat(),
    }
    redis_client().set(prefixed("gw:request:req_lost"), json.dumps(kept))
    redis_client().zadd(prefixed("gw:reservations"), {"req_lost": 1})

    assert sweep(stale_after=0) == 1

    row = UsageEvent.objects.get(pk="req_lost")
    assert (row.status, row.price_nano, row.tokens_in) == ("swept", 0, 0)
    assert sweep(stale_after=0) == 0

"""The page of an organisation's cache."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from audit.models import Record
from inference.caching.answers import cache_keys
from inference.keys.services import create_key
from inference.usage.models import UsageEvent
from stores.redis import client as redis

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client, person: Callable[..., Any]) -> Any:
    ada = person("ada")
    client.force_login(ada)
    return ada


@pytest.fixture
def organisation(ada: Any) -> Organisation:
    return personal_organisation(ada)


def address(organisation: Organisation, name: str = "cache") -> str:
    return reverse(f"caching:{name}", args=[organisation.slug])


def given_again(organisation: Organisation, key: Any, *, saved: int | None) -> None:
    """Write the row of a call, of one from the cache where it saved something."""
    number = UsageEvent.objects.count()
    UsageEvent.objects.create(
        request_id=f"req_{number}",
        occurred_at=timezone.now(),
        organisation=organisation,
        key=key,
        model="tiny",
        edition="open",
        price_version_id=1,
        status="ok",
        is_stream=False,
        tokens_in=0,
        tokens_out=0,
        price_nano=0,
        cost_nano=0,
        total_ms=1,
        saved_nano=saved,
    )


def test_it_says_how_to_begin_where_no_key_uses_it(
    client: Client, organisation: Organisation
) -> None:
    page = client.get(address(organisation)).content.decode()

    assert "None. Edit a key" in page
    assert "No answer was given again this month" in page
    assert "0 answers, encrypted; 0" in page


def test_it_shows_who_uses_it_and_what_that_saved(
    client: Client, organisation: Organisation, ada: Any
) -> None:
    night, _ = create_key(organisation, name="night", by=ada, cache_seconds=90)
    create_key(organisation, name="day", by=ada)
    for saved in (1_000_000_000, 500_000_000, None):
        given_again(organisation, night, saved=saved)

    page = client.get(address(organisation))

    assert [key.name for key in page.context["keys"]] == ["night"]
    (line,) = page.context["savings"]
    assert (line.key, line.answers, line.saved_nano) == ("night", 2, 1_500_000_000)
    assert "takes answers up to 90 seconds old" in page.content.decode()
    assert "$1.50" in page.content.decode()


def test_more_keys_ask_no_more_queries(
    client: Client,
    organisation: Organisation,
    ada: Any,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(12):
        key, _ = create_key(organisation, name=f"k{number}", by=ada, cache_seconds=5)
        given_again(organisation, key, saved=1)
    client.get(address(organisation))

    with django_assert_max_num_queries(14):
        client.get(address(organisation))


def test_emptying_removes_the_answers_and_is_recorded(
    client: Client, organisation: Organisation
) -> None:
    redis().hset(cache_keys(organisation.pk)[0], "name", "value")

    answer = client.post(address(organisation, "remove-answers"), follow=True)

    assert "1 answer was removed" in answer.content.decode()
    assert not redis().exists(*cache_keys(organisation.pk))
    record = Record.objects.get(action="cache.emptied")
    assert record.after == {"answers": 1}


def test_who_manages_no_keys_empties_nothing(
    client: Client, organisation: Organisation, person: Callable[..., Any]
) -> None:
    redis().hset(cache_keys(organisation.pk)[0], "name", "value")
    client.force_login(person("bo"))

    assert client.post(address(organisation, "remove-answers")).status_code == 404
    assert redis().exists(cache_keys(organisation.pk)[0])
    redis().delete(*cache_keys(organisation.pk))


def test_the_page_speaks_chinese(client: Client, organisation: Organisation) -> None:
    page = client.get(
        address(organisation), headers={"Accept-Language": "zh-Hans"}
    ).content.decode()

    assert "回答缓存" in page

"""The choice to have responses kept, in the console."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation
from accounts.queries import personal_organisation
from audit.models import Record
from inference.stored import services
from inference.stored.models import Storage, StoredResponse

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(client: Client, person: Callable[..., Any]) -> Organisation:
    ada = person("ada")
    client.force_login(ada)
    return personal_organisation(ada)


def address(organisation: Organisation, name: str = "storage") -> str:
    return reverse(f"stored:{name}", args=[organisation.slug])


def keep(organisation: Organisation) -> None:
    response: dict[str, Any] = {
        "id": "resp_1",
        "previous_response_id": None,
        "model": "tiny",
        "output": [],
    }
    services.begin(response, [], organisation_id=organisation.pk)


def test_nothing_is_stored_until_it_is_chosen(
    client: Client, organisation: Organisation
) -> None:
    page = client.get(address(organisation)).content.decode()

    assert "Nothing is stored" in page
    assert "Stop storing" not in page


def test_an_owner_chooses_for_how_long_and_changes_it(
    client: Client, organisation: Organisation
) -> None:
    for days in (7, 3):
        answer = client.post(address(organisation), {"days": days})
        assert answer.status_code == 302

    assert Storage.objects.get().days == 3
    page = client.get(address(organisation)).content.decode()
    assert "Each is kept for 3 days" in page
    actions = Record.objects.filter(action="responses.stored")
    assert actions.count() == 2


@pytest.mark.parametrize("days", ["0", "31", "", "x"])
def test_other_numbers_of_days_are_refused(
    client: Client, organisation: Organisation, days: str
) -> None:
    answer = client.post(address(organisation), {"days": days})

    assert answer.status_code == 422
    assert not Storage.objects.exists()


def test_stopping_deletes_what_was_kept(
    client: Client, organisation: Organisation
) -> None:
    client.post(address(organisation), {"days": 7})
    keep(organisation)

    client.post(address(organisation, "turn-off"))

    assert not Storage.objects.exists()
    assert not StoredResponse.objects.exists()
    page = client.get(address(organisation)).content.decode()
    assert "Nothing is stored" in page


def test_the_page_speaks_chinese(client: Client, organisation: Organisation) -> None:
    page = client.get(
        address(organisation), headers={"Accept-Language": "zh-Hans"}
    ).content.decode()

    assert "不存储任何内容" in page

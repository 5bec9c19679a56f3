from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.queries import personal_organisation
from tests.factories.inference import key_of, used

pytestmark = pytest.mark.django_db
PATH = "/api/v1/organisations/ada/usage/"


def test_usage_is_summed_up_per_model_and_key(person: Callable[..., Any]) -> None:
    ada = person("ada")
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada, name="CI")
    used(organisation, key)
    used(organisation, key, model="grand", price_nano=900_000)
    api = APIClient()
    api.force_authenticate(ada)

    summary = api.get(PATH).json()
    by_key = api.get(PATH, {"group": "key", "range": "1d"}).json()

    assert summary["price_nano"] == 1_100_000
    assert summary["month_price_nano"] == 1_100_000
    assert summary["month_allowance_nano"] == 1_000_000_000
    assert [row["name"] for row in summary["groups"]] == ["grand", "tiny"]
    assert by_key["groups"] == [
        {
            "name": "CI",
            "requests": 2,
            "failures": 0,
            "tokens_in": 200,
            "tokens_out": 100,
            "price_nano": 1_100_000,
        }
    ]


def test_strangers_and_unknown_questions_are_refused(
    person: Callable[..., Any],
) -> None:
    person("ada")
    api = APIClient()

    assert api.get(PATH).status_code == 401
    api.force_authenticate(person("mallory"))
    assert api.get(PATH).status_code == 404
    mine = "/api/v1/organisations/mallory/usage/"
    assert api.get(mine, {"range": "1y"}).status_code == 400
    assert api.get(mine, {"colour": "red"}).status_code == 400

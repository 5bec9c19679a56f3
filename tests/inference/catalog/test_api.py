import pytest
from rest_framework.test import APIClient

from inference.catalog.models import Model
from inference.catalog.services import Rates, set_price
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db


def test_models_are_listed_with_their_price_for_anybody() -> None:
    offered_model("tiny")
    offered_model("grand", edition="premium")
    offered_model("old", status=Model.Status.RETIRED)

    body = APIClient().get("/api/v1/models/").json()

    assert [model["id"] for model in body["results"]] == ["tiny", "grand"]
    assert body["results"][0]["price"]["price_in"] == 1_000_000_000


def test_a_model_tells_every_price_it_had() -> None:
    model = offered_model("tiny")
    set_price(model, Rates.from_dollars("3", "6", "1", "2"))

    body = APIClient().get("/api/v1/models/tiny/").json()

    assert [price["price_out"] for price in body["prices"]] == [
        6_000_000_000,
        2_000_000_000,
    ]
    assert body["price"]["price_out"] == 6_000_000_000
    assert APIClient().get("/api/v1/models/nothing/").status_code == 404

"""What the catalogue says of a model is what its calls were."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.queries import personal_organisation
from inference.catalog.models import ModelDay, ModelFigures
from inference.usage.figures import measure_models
from tests.factories.inference import offered_model, used

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(person: Any) -> Any:
    return personal_organisation(person("ada"))


def streamed(team: Any, first: int, **fields: Any) -> Any:
    values = {"first_byte_ms": first, "total_ms": first + 1_000, "tokens_out": 40}
    return used(team, is_stream=True, **{**values, **fields})


def test_times_are_the_percentiles_of_a_weeks_streams(team: Any) -> None:
    model = offered_model("tiny")
    for first in range(100, 2_100, 100):
        streamed(team, first)
    # None of these says how soon a stream of this week begins.
    old = timezone.now() - timedelta(days=8)
    streamed(team, 90_000, at=old)
    streamed(team, 90_000, status="failed_mid_stream")
    streamed(team, 90_000, model="other")
    used(team, is_stream=False, first_byte_ms=90_000)

    measure_models()

    figures = ModelFigures.objects.get(model=model)
    assert figures.streams == 20
    assert figures.first_token_p50_ms == 1_050
    assert figures.first_token_p95_ms == 1_905
    assert figures.tokens_per_second == pytest.approx(40)


def test_uptime_is_what_servers_answered_of_ninety_days(team: Any) -> None:
    model = offered_model("tiny")
    for days in (0, 1, 40, 89):
        for _ in range(10):
            used(team, at=timezone.now() - timedelta(days=days))
    used(team, at=timezone.now() - timedelta(days=95), status="timed_out")
    used(team, status="client_abort")
    used(team, status="refused")
    for status in ("upstream_error", "timed_out", "failed_mid_stream"):
        used(team, status=status)

    measure_models()
    # Counted again, nothing is counted twice; days that are over stay as they are.
    ModelDay.objects.filter(calls=10).update(calls=10)
    measure_models()

    figures = ModelFigures.objects.get(model=model)
    assert (figures.calls, figures.unanswered) == (45, 3)
    assert figures.answered_percent == pytest.approx(100 * 42 / 45)


def test_of_few_calls_nothing_is_said(client: Client, team: Any) -> None:
    offered_model("tiny")
    streamed(team, 100)
    measure_models()

    page = client.get("/models/tiny/").content.decode()

    assert "too few" in page
    assert "100 ms" not in page


def test_the_catalogue_is_narrowed_and_sorted(client: Client, team: Any) -> None:
    offered_model("slow", capabilities=["chat", "tools"])
    offered_model("quick", capabilities=["chat"], owned_by="Acme", context_tokens=9_000)
    offered_model("new", capabilities=["embeddings"])
    for _ in range(20):
        streamed(team, 900, model="slow")
        streamed(team, 90, model="quick")
    measure_models()

    def shown(**query: str) -> list[str]:
        answer = client.get("/models/", query)
        return [one.model.slug for one in answer.context["offered"]]

    assert shown() == ["new", "quick", "slow"]
    assert shown(sort="first_token") == ["quick", "slow", "new"]
    assert shown(sort="context")[0] == "quick"
    assert shown(can="tools") == ["slow"]
    assert shown(q="acme") == ["quick"]
    assert shown(q="nothing") == []
    page = client.get("/models/").content.decode()
    assert "90 ms" in page
    assert "100.00 %" in page
    assert client.get("/models/", {"sort": "luck"}).status_code == 400


def test_the_catalogue_asks_as_often_however_many_models_there_are(
    client: Client, team: Any
) -> None:
    offered_model("tiny")
    measure_models()
    client.get("/models/")
    with CaptureQueriesContext(connection) as few:
        client.get("/models/")
    for number in range(5):
        offered_model(f"other-{number}")
    measure_models()
    with CaptureQueriesContext(connection) as many:
        client.get("/models/")

    assert len(many) == len(few)

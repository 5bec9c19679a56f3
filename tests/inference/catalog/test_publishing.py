"""What may be offered: every name that is accepted works everywhere."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import DataError, IntegrityError, models, transaction
from django.test import Client
from django.urls import reverse

from core.crypto import decrypt, encrypt
from inference.catalog import services as catalog
from inference.catalog.exceptions import InvalidModel
from inference.catalog.models import (
    NAME_LENGTH,
    CompatibilityCard,
    Deployment,
    DeploymentPause,
    Model,
    PriceVersion,
)
from inference.catalog.services import Rates, publish_model
from search.models import IndexEntry
from tests.factories.inference import RATES, offered_model

pytestmark = pytest.mark.django_db

AWKWARD = [
    "qwen2.5-7b",
    "vendor/model",
    "Vendor/Some.Model_v1:free@2024-01",
    "@cf/meta/llama",
    ":free",
    "-dash",
    ".hidden",
    "7",
    "UPPER",
    "a/b/c/d",
    "models",
    "vendor/_cards",
    "x" * NAME_LENGTH,
    ":" * NAME_LENGTH,
]
IMPOSSIBLE = [
    *("", " ", "a b", "a?b", "a#b", "a%2Fb", "a&b", "a+b", "a\\b", 'a"b', "a<b", "a\n"),
    *("/a", "a/", "a//b", ".", "..", "a/../b", "./a", "_cards", "_rates", "_"),
    *("模型", "modèle", "a\x00b", "x" * (NAME_LENGTH + 1)),
]


@pytest.mark.parametrize("name", AWKWARD)
def test_every_accepted_name_works_on_every_page(client: Client, name: str) -> None:
    offered_model("tiny")
    model = offered_model(name)

    for address in ("/models/", "/models/_cards/", "/models/_rates/", "/playground/"):
        assert client.get(address).status_code == 200
    page = client.get(model.get_absolute_url())
    assert page.context["model"] == model
    assert model.get_absolute_url() == reverse("catalog:model-detail", args=[name])
    # As a program quotes it that knows no slash in a name.
    quoted = quote(name, safe="")
    assert client.get(f"/models/{quoted}/").context["model"] == model
    assert client.get(f"/api/v1/models/{quoted}/").json()["id"] == name
    listed = client.get("/api/v1/models/").json()["results"]
    assert {each["id"]: each["url"] for each in listed}[name] == page.request[
        "PATH_INFO"
    ]
    assert client.get("/sitemap-models.xml").status_code == 200
    assert client.get(f"/playground/?model={quoted}").status_code == 200
    assert IndexEntry.objects.filter(
        kind="model", url=model.get_absolute_url()
    ).exists()


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_every_other_name_is_refused_and_nothing_is_written(name: str) -> None:
    with pytest.raises(InvalidModel) as refused:
        offered_model(name)

    assert refused.value.details["field"] == "slug"
    assert not Model.objects.exists()
    assert not IndexEntry.objects.filter(kind="model").exists()


@pytest.mark.parametrize("name", [n for n in IMPOSSIBLE if "\x00" not in n])
def test_the_database_refuses_them_as_well(name: str) -> None:
    model = offered_model("tiny")

    # What is too long is no data of that column at all.
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Model.objects.filter(pk=model.pk).update(slug=name)

    assert Model.objects.get().slug == "tiny"


def test_every_column_that_keeps_a_models_name_is_long_enough() -> None:
    kept = {
        *(("catalog.Model", "slug"), ("usage.UsageEvent", "model")),
        *(("usage.UsageHour", "model"), ("usage.UsageReport", "model")),
        *(("usage.FirstCall", "model"), ("ledger.UsageCost", "model")),
        *(("playground.Message", "model"), ("catalog.ModelDay", "model")),
        *(("stored.StoredResponse", "model"), ("overage.StatementLine", "model")),
    }
    # Text columns of that name in the areas that hear of models.
    named = {
        (model._meta.label, field.name)
        for model in apps.get_models()
        if model.__module__.startswith(("inference.", "billing."))
        for field in model._meta.get_fields()
        if isinstance(field, models.CharField) and field.name in {"model", "slug"}
        if field.name == "model" or model is Model
    }

    assert named == kept
    for label, name in kept:
        field = apps.get_model(label)._meta.get_field(name)
        assert isinstance(field, models.CharField)
        assert (field.max_length or 0) >= NAME_LENGTH


REMOTE = {"provider": "openai", "base_url": "http://127.0.0.1:8100/v1"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"edition": "gold"}, "edition"),
        ({"context_tokens": -1}, "context_tokens"),
        ({"max_output_tokens": 9_000}, "default_output_tokens"),
        ({"default_output_tokens": 0}, "default_output_tokens"),
        ({"bytes_per_token": 0}, "bytes_per_token"),
        ({"bytes_per_token": float("nan")}, "bytes_per_token"),
        ({"capabilities": "chat"}, "capabilities"),
        ({"capabilities": [1]}, "capabilities"),
        ({"colour": "red"}, "colour"),
        ({"title": "t" * 121}, "title"),
        ({"rates": Rates.from_dollars("-1", "1", "1", "1")}, "price_in"),
        ({"deployments": [{"provider": "magic"}]}, "provider"),
        ({"deployments": [{"provider": "openai"}]}, "base_url"),
        ({"deployments": [{**REMOTE, "base_url": "ftp://x"}]}, "base_url"),
        ({"deployments": [{**REMOTE, "base_url": "http://me:pw@x/v1"}]}, "base_url"),
        ({"deployments": [{**REMOTE, "base_url": "http://x:999999/"}]}, "base_url"),
        ({"deployments": [{**REMOTE, "weight": -1}]}, "weight"),
        ({"deployments": [{**REMOTE, "on_disconnect": "sing"}]}, "on_disconnect"),
        ({"deployments": [{**REMOTE, "total_timeout": 0}]}, "total_timeout"),
        ({"deployments": [{**REMOTE, "options": ["x"]}]}, "options"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    change: dict[str, Any], field: str
) -> None:
    before = offered_model("tiny", title="Before")

    with pytest.raises(InvalidModel) as refused:
        offered_model("tiny", **change)

    assert refused.value.details["field"] == field
    assert Model.objects.get() == before
    assert Model.objects.get().title == "Before"
    assert Deployment.objects.get().provider == "docs_assistant"
    assert PriceVersion.objects.count() == 1


def test_a_container_is_an_address() -> None:
    offered_model("tiny", deployments=[{**REMOTE, "base_url": "http://vllm:8000/v1"}])

    assert Deployment.objects.get().base_url == "http://vllm:8000/v1"


def another(field: Any) -> Any:
    """Return a valid value of a field that is not its default."""
    if field.choices:
        return next(value for value, _ in field.choices if value != field.default)
    kinds: dict[type[Any], Callable[[], Any]] = {
        models.BooleanField: lambda: not field.default,
        models.FloatField: lambda: field.default + 1.5,
        models.PositiveIntegerField: lambda: field.default + 2,
        models.JSONField: lambda: {"accepts": ["x"]},
        models.URLField: lambda: "http://127.0.0.1:8200/v1",
        models.CharField: lambda: "other",
        models.TextField: lambda: encrypt("sk-other"),
    }
    return kinds[type(field)]()


REPLACED = [
    field
    for field in Deployment._meta.concrete_fields
    if field.name not in {"id", "model"}
]


@pytest.mark.parametrize("field", REPLACED, ids=lambda field: str(field.name))
def test_publishing_again_replaces_each_field_of_a_deployment(field: Any) -> None:
    first = {**REMOTE, "credential": encrypt("sk-first")}
    offered_model("tiny", deployments=[first])
    changed = {**first, field.name: another(field)}

    offered_model("tiny", deployments=[changed])

    assert getattr(Deployment.objects.get(), field.name) == changed[field.name]


def test_a_leaked_key_is_rotated_by_publishing_again() -> None:
    offered_model("tiny", deployments=[{**REMOTE, "credential": encrypt("sk-leaked")}])

    offered_model("tiny", deployments=[{**REMOTE, "credential": encrypt("sk-new")}])

    assert decrypt(Deployment.objects.get().credential) == "sk-new"


# In an order that is not the one they are kept in.
SOME = {"sums": "metrics", "affinity": "prefix"}


def test_publishing_the_same_again_keeps_the_rows() -> None:
    place = {**REMOTE, "credential": encrypt("sk"), "options": SOME}
    offered_model("tiny", deployments=[place])
    before = Deployment.objects.get().pk

    offered_model("tiny", deployments=[json.loads(json.dumps(place))])

    assert Deployment.objects.get().pk == before


MODEL_FIELDS = [
    field
    for field in Model._meta.concrete_fields
    if field.name not in {"id", "slug", "status", "edition", "released_at"}
]


@pytest.mark.parametrize("field", MODEL_FIELDS, ids=lambda field: str(field.name))
def test_publishing_again_replaces_each_field_of_a_model(field: Any) -> None:
    offered_model("tiny")
    changed: Any = {
        models.JSONField: ["chat"],
        models.FloatField: 4.5,
        models.PositiveIntegerField: {
            "context_tokens": 9_000,
            "max_output_tokens": 2_000,
            "default_output_tokens": 200,
            "fallback_ceiling": 150,
        }.get(field.name),
        models.PositiveBigIntegerField: 5_000_000_000,
        models.URLField: "https://example.test/weights",
    }.get(type(field), "other")

    offered_model("tiny", **{field.name: changed})

    assert getattr(Model.objects.get(), field.name) == changed


def test_rates_are_read_as_they_are_written() -> None:
    model = publish_model(
        "tiny",
        title="Tiny",
        edition="open",
        summary="A model.",
        context_tokens=8_000,
        max_output_tokens=1_000,
        default_output_tokens=100,
        deployments=[{"provider": "docs_assistant"}],
        rates=Rates.from_dollars("0.000000001", "999999.999999999", "0.1", "0"),
    )

    price = model.prices.get()
    assert (price.price_in, price.price_out) == (1, 999_999_999_999_999)
    assert price.cost_in == RATES.price_in // 10


def test_what_callers_notice_of_a_change_is_told_on_the_models_page(
    client: Client,
) -> None:
    model = offered_model("tiny", capabilities=["chat"])
    catalog.update_model(model, context_tokens=9_000, summary="Another sentence.")
    catalog.update_model(model, capabilities=["chat", "tools"])
    offered_model("tiny", capabilities=["chat", "tools"], context_tokens=9_000)
    catalog.retire(model)
    catalog.update_model(model, licence="MIT")
    offered_model("tiny", capabilities=["chat", "tools"], context_tokens=9_000)

    told = [
        (each.what, each.before, each.after) for each in model.changes.order_by("pk")
    ]
    assert told == [
        ("published", "", ""),
        ("context_tokens", "8000", "9000"),
        ("capabilities", "chat", "chat, tools"),
        ("retired", "", ""),
        ("published", "", ""),
    ]
    page = client.get("/models/tiny/").content.decode()
    assert "Context in tokens: 8000 → 9000" in page


def test_how_a_draft_came_about_is_no_news() -> None:
    model = offered_model("tiny", status=Model.Status.DRAFT)
    catalog.update_model(model, context_tokens=9_000)
    assert not model.changes.exists()

    catalog.release(model)

    assert [each.what for each in model.changes.all()] == ["published"]


def test_what_is_published_again_unchanged_keeps_its_row_its_pause_and_its_card() -> (
    None
):
    def publish(*addresses: str, **fields: Any) -> Model:
        places = [
            {
                "provider": "openai",
                "base_url": address,
                # Encrypted anew, it looks another each time.
                "credential": encrypt("sk-upstream"),
                # As a person writes seconds.
                "first_byte_timeout": 5,
                "options": {"speaks": ["messages"], "key_header": "x-api-key"},
                **fields,
            }
            for address in addresses
        ]
        return offered_model(deployments=places)

    model = publish("http://a/v1", "http://b/v1")
    first, second = model.deployments.order_by("pk")
    DeploymentPause.objects.create(deployment=first, reason="New driver")
    catalog.record_card(second, capabilities=["chat"])

    publish("http://b/v1", "http://a/v1")
    assert set(model.deployments.all()) == {first, second}
    # One that changes is a new one, and takes nothing of the others.
    publish("http://a/v1", "http://c/v1", "http://a/v1")

    places = list(model.deployments.order_by("pk"))
    assert places[0] == first
    assert {place.base_url for place in places[1:]} == {"http://a/v1", "http://c/v1"}
    assert DeploymentPause.objects.get().deployment == first
    assert not CompatibilityCard.objects.exists()
    publish("http://a/v1", credential=encrypt("sk-another"))
    assert decrypt(model.deployments.get().credential) == "sk-another"
    assert not DeploymentPause.objects.exists()


def test_a_key_that_nothing_opens_any_more_is_replaced_by_one_that_opens() -> None:
    place = {"provider": "openai", "base_url": "http://a/v1"}
    for credential in ("sealed", "sealed", encrypt("sealed")):
        model = offered_model(deployments=[{**place, "credential": credential}])
        assert model.deployments.get().credential == credential

"""The models of this machine in the catalogue."""

import re

import pytest
from django.test import Client

from embedded.modelservers import cards
from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE
from inference.catalog.models import Deployment, Model, PriceVersion
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db

BOTH = {LANGUAGE: "http://127.0.0.1:9001/v1", EMBEDDINGS: "http://127.0.0.1:9002/v1"}


def offered() -> set[str]:
    return set(Model.objects.offered().values_list("slug", flat=True))


def test_they_are_open_models_with_licence_card_and_weights() -> None:
    cards.offer(BOTH, "key")

    for name, licence in ((LANGUAGE, "Apache-2.0"), (EMBEDDINGS, "MIT")):
        model = Model.objects.get(slug=name)
        assert model.edition == "open"
        assert model.licence == licence
        assert model.card_host == "huggingface.co"
        assert model.download_bytes
        for text in ("summary", "description", "self_hosting"):
            assert getattr(model, text)
            assert getattr(model, f"{text}_zh")


def test_a_start_moves_them_and_keeps_price_and_row() -> None:
    cards.offer(BOTH, "key")
    before = set(Model.objects.values_list("pk", flat=True))

    cards.offer({**BOTH, LANGUAGE: "http://127.0.0.1:9003/v1"}, "another")

    assert set(Model.objects.values_list("pk", flat=True)) == before
    assert PriceVersion.objects.count() == 2
    place = Deployment.objects.get(model__slug=LANGUAGE)
    assert place.base_url == "http://127.0.0.1:9003/v1"


def test_what_does_not_run_is_not_offered_until_it_runs_again() -> None:
    elsewhere = offered_model("elsewhere")
    cards.offer(BOTH, "key")

    cards.offer({EMBEDDINGS: BOTH[EMBEDDINGS]}, "key")
    assert offered() == {EMBEDDINGS, elsewhere.slug}

    cards.offer({}, "key")
    assert offered() == {elsewhere.slug}

    cards.offer(BOTH, "key")
    assert offered() == {LANGUAGE, EMBEDDINGS, elsewhere.slug}


def test_one_that_was_pointed_elsewhere_is_left_alone_while_none_runs_here() -> None:
    cards.offer(BOTH, "key")
    place = {"provider": "openai", "base_url": "http://gpu.example.test/v1"}
    offered_model(LANGUAGE, deployments=[place])

    cards.offer({}, "key")

    assert offered() == {LANGUAGE}


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ["Run it yourself", "Model card", "93.8", "gets facts and arithmetic"]),
        ("zh-hans", ["自行运行", "模型卡片", "93.8", "事实和算术常常出错"]),
    ],
)
def test_the_page_is_honest_in_both_languages(
    client: Client, locale: str, words: list[str]
) -> None:
    cards.offer(BOTH, "key")

    page = client.get(f"/models/{LANGUAGE}/", headers={"accept-language": locale})

    text = page.content.decode()
    assert [word for word in words if word not in text] == []


def test_a_model_that_embeds_is_called_that_way_and_not_tried_in_the_playground(
    client: Client,
) -> None:
    cards.offer(BOTH, "key")

    page = client.get(f"/models/{EMBEDDINGS}/").content.decode()
    listed = client.get("/models/").content.decode()
    playground = client.get("/playground/")
    rates = client.get("/models/_rates/").content.decode()

    assert "/v1/embeddings" in page
    assert "client.embeddings.create" in re.sub("<[^>]+>", "", page)
    assert "Longest answer" not in page
    assert f"/playground/?model={EMBEDDINGS}" not in page + listed
    assert f"/playground/?model={LANGUAGE}" in listed
    choices = [slug for slug, _ in playground.context["form"].fields["model"].choices]
    assert LANGUAGE in choices
    assert EMBEDDINGS not in choices
    assert "SmolLM2" in rates
    assert "Multilingual E5" not in rates

"""The models anybody may look at."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.plans.models import Plan, PlanVersion
from billing.plans.services import ensure_default_plans
from inference.catalog.models import Model
from inference.catalog.services import Rates, set_price
from tests.factories.inference import offered_model

pytestmark = pytest.mark.django_db


def test_a_visitor_reads_editions_and_prices(client: Client) -> None:
    offered_model("tiny")
    offered_model("grand", edition=Model.Edition.PREMIUM)

    html = client.get("/models/").content.decode()

    assert html.count("badge--open") == 2
    assert html.count("badge--premium") == 2
    assert "$1.00 in · $2.00 out / 1M" in html


def test_an_edition_can_be_chosen(client: Client) -> None:
    offered_model("tiny")
    offered_model("grand", edition=Model.Edition.PREMIUM)

    html = client.get("/models/?edition=premium").content.decode()

    assert "/models/grand/" in html
    assert "/models/tiny/" not in html


def test_drafts_and_retired_models_are_not_shown(client: Client) -> None:
    offered_model("draft", status=Model.Status.DRAFT)
    offered_model("old", status=Model.Status.RETIRED)

    assert "/models/old/" not in client.get("/models/").content.decode()
    assert client.get("/models/draft/").status_code == 404
    assert client.get("/models/old/").status_code == 404
    assert client.get("/models/nothing/").status_code == 404


def test_a_model_is_shown_with_code_and_every_price_it_had(
    client: Client, settings: Any
) -> None:
    model = offered_model("tiny", description="Does **much**.")
    set_price(model, Rates.from_dollars("3", "6", "1", "2"))

    html = client.get("/models/tiny/").content.decode()

    assert "$3.00 per 1M tokens" in html
    assert "$1.00" in html
    assert "<strong>much</strong>" in html
    assert f"{settings.SITE_URL}/v1" in html
    assert "/pricing/" in html


def test_a_premium_model_leads_to_the_plans(client: Client) -> None:
    offered_model("grand", edition=Model.Edition.PREMIUM)

    html = client.get("/models/grand/").content.decode()

    assert 'class="alert alert--premium"' in html


def test_a_premium_model_names_the_plans_of_the_catalogue(client: Client) -> None:
    offered_model("grand", edition=Model.Edition.PREMIUM)
    ensure_default_plans()
    Plan.objects.filter(key="free").update(name="Hobby")

    page = client.get("/models/grand/").content.decode()
    chinese = client.get("/models/grand/", headers={"accept-language": "zh-hans"})
    PlanVersion.objects.filter(plan__key="free").update(retired_at=timezone.now())
    without = client.get("/models/grand/").content.decode()

    assert "Included in: Pro, Team, Enterprise." in page
    assert "Not in: Hobby." in page
    assert "不包含它的套餐：Hobby。" in chinese.content.decode()
    assert "Included in: Pro, Team, Enterprise." in without
    assert "Not in" not in without


def test_a_premium_model_of_nobodys_plan_says_so(client: Client) -> None:
    offered_model("grand", edition=Model.Edition.PREMIUM)

    page = client.get("/models/grand/").content.decode()

    assert "No plan that is on offer includes it." in page


def test_the_description_is_in_the_readers_language(client: Client) -> None:
    offered_model("tiny", summary="Small.", summary_zh="小模型。")

    response = client.get("/models/tiny/", headers={"accept-language": "zh-hans"})

    assert "小模型。" in response.content.decode()


@pytest.mark.parametrize("path", ["/models/", "/models/m0/", "/models/_cards/"])
@pytest.mark.parametrize("count", [1, 30])
def test_pages_cost_the_same_queries_however_many_models(
    count: int, path: str, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        offered_model(f"m{number}")
    client.get("/models/")

    with django_assert_max_num_queries(4):
        assert client.get(path).status_code == 200


def test_the_home_page_cards_are_a_fragment(client: Client) -> None:
    offered_model("tiny")

    html = client.get("/models/_cards/").content.decode()

    assert "<html" not in html
    assert "/models/tiny/" in html

"""Prices follow one another, and deployments come and go, without a gap."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from inference.catalog import services
from inference.catalog.exceptions import PriceInThePast
from inference.catalog.models import Deployment, Model
from inference.catalog.services import Rates
from tests.factories.inference import RATES, offered_model

pytestmark = pytest.mark.django_db
DEARER = Rates.from_dollars("2", "4", "1", "2")


def test_a_price_ends_where_the_next_one_begins() -> None:
    model = offered_model()
    start = timezone.now() + timedelta(days=1)

    services.set_price(model, DEARER, valid_from=start)

    first, second = model.prices.order_by("valid_from")
    assert (first.valid_to, second.valid_from, second.valid_to) == (start, start, None)
    assert (first.price_out, second.price_out) == (RATES.price_out, DEARER.price_out)
    assert RATES.price_out != RATES.price_in


@pytest.mark.parametrize("earlier", [timedelta(0), timedelta(seconds=1)])
def test_a_price_cannot_begin_before_the_one_there_is(earlier: timedelta) -> None:
    model = offered_model()
    current = model.prices.get()

    with pytest.raises(PriceInThePast):
        services.set_price(model, DEARER, valid_from=current.valid_from - earlier)

    assert model.prices.get() == current
    assert model.prices.get().valid_to is None


def test_deployments_that_go_and_come_are_announced_once_each(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    model = offered_model()
    places = Deployment.objects.filter(model=model)

    with django_capture_on_commit_callbacks() as gone:
        assert services.take_offline(places) == 1
    assert places.get().is_enabled is False
    with django_capture_on_commit_callbacks() as back:
        services.move(places, base_url="http://127.0.0.1:9/v1", credential="sealed")
    with django_capture_on_commit_callbacks() as none:
        assert services.take_offline(Deployment.objects.none()) == 0

    place = places.get()
    assert (place.is_enabled, place.base_url, place.credential) == (
        True,
        "http://127.0.0.1:9/v1",
        "sealed",
    )
    assert [len(gone), len(back), len(none)] == [1, 1, 0]


def test_the_assistants_are_offered_as_the_guides_say() -> None:
    out = StringIO()

    for _ in range(2):
        call_command("catalog", "ensure", stdout=out)

    small, large = Model.objects.order_by("slug")
    assert (small.slug, large.slug) == ("doorstone-docs", "doorstone-docs-pro")
    assert (small.edition, large.edition) == ("open", "premium")
    assert (small.context_tokens, large.context_tokens) == (16_000, 32_000)
    assert (small.max_output_tokens, large.max_output_tokens) == (2_048, 4_096)
    assert (small.default_output_tokens, large.default_output_tokens) == (600, 900)
    assert [model.prices.count() for model in (small, large)] == [1, 1]
    assert "doorstone-docs-pro" in out.getvalue()

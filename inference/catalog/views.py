"""The public list of models."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

import activity
from core.money import NANO
from core.reading import Values
from entitlements.queries import premium_organisation
from inference.catalog.examples import base_url, call_examples, request_to
from inference.catalog.models import Model, PriceVersion
from inference.catalog.queries import offered_models, with_current_prices

# One row of the grid on a wide screen.
MOST_CARDS = 4


@dataclass(frozen=True, slots=True)
class Offered:
    """A model with the prices in force."""

    model: Model
    price: PriceVersion | None


@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """Show every model on offer, of one edition when that is asked for."""
    edition = Values(request.GET).choice("edition", Model.Edition.values)
    offered = _offered()
    context = {
        "offered": [
            one for one in offered if not edition or one.model.edition == edition
        ],
        "edition": edition,
        "editions": Model.Edition.choices,
    }
    return render(request, "catalog/model_list.html", context)


@require_safe
def model_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one model: what it does, what it costs and how to call it."""
    model = get_object_or_404(with_current_prices(Model.objects.offered()), slug=slug)
    activity.track(request, "model_viewed", subject=f"model:{model.slug}")
    context: dict[str, object] = {
        "model": model,
        "price": _current(model),
        "prices": model.prices.order_by("-valid_from")[:20],
        "examples": call_examples(request_to(model)),
        "base_url": base_url(),
    }
    if model.is_premium and request.user.is_authenticated:
        context["included_for"] = premium_organisation(request.user)
    return render(request, "catalog/model_detail.html", context)


@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """Show the first models of the list, for the home page."""
    return render(request, "catalog/_cards.html", {"offered": _offered()[:MOST_CARDS]})


@require_safe
def rates(request: HttpRequest) -> HttpResponse:
    """Offer the models with their prices as a choice, for estimates of usage.

    The value is the price of a million tokens in and out, in dollars.
    """
    choices = [
        (f"{one.price.price_in / NANO:g},{one.price.price_out / NANO:g}", one)
        for one in _offered()
        # What makes embeddings has no price for an answer.
        if one.price is not None and one.model.writes
    ]
    context = {"choices": choices, "chosen": Values(request.GET).text("rates")}
    return render(request, "catalog/_rates.html", context)


def _offered() -> list[Offered]:
    return [Offered(model, _current(model)) for model in offered_models()]


def _current(model: Model) -> PriceVersion | None:
    current: list[PriceVersion] = model.current  # type: ignore[attr-defined]
    return current[0] if current else None

"""The public list of models."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

import activity
from accounts.decorators import organisation_required
from accounts.types import OrganisationHttpRequest
from core.money import NANO
from core.reading import Values
from entitlements.queries import premium_organisation
from inference.catalog.examples import base_url, call_examples, request_to
from inference.catalog.models import Model, ModelFigures, PriceVersion
from inference.catalog.own_prices import price_sheet
from inference.catalog.queries import (
    capabilities_on_offer,
    offered_models,
    with_current_prices,
)

# One row of the grid on a wide screen.
MOST_CARDS = 4
# A year of a model that changes often.
MOST_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Offered:
    """A model with the prices in force and its figures, where it was measured."""

    model: Model
    price: PriceVersion | None

    @property
    def figures(self) -> ModelFigures | None:
        return getattr(self.model, "figures", None)


def _price(one: Offered) -> float:
    return one.price.price_in + one.price.price_out if one.price else math.inf


def _first_token(one: Offered) -> float:
    figures = one.figures
    is_known = figures is not None and figures.is_timed
    return (figures.first_token_p50_ms or 0) if is_known and figures else math.inf


def _speed(one: Offered) -> float:
    figures = one.figures
    is_known = figures is not None and figures.is_timed
    return -(figures.tokens_per_second or 0) if is_known and figures else math.inf


def _context(one: Offered) -> float:
    return -one.model.context_tokens


# What a list is sorted by: what nobody knows comes last.
ORDERS: dict[str, tuple[Any, Callable[[Offered], float]]] = {
    "price": (_("lowest price"), _price),
    "first_token": (_("quickest first token"), _first_token),
    "speed": (_("most tokens a second"), _speed),
    "context": (_("largest context"), _context),
}


@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """Show every model on offer, or those that are asked for."""
    asked = Values(request.GET)
    edition = asked.choice("edition", Model.Edition.values)
    # As long as the longest name of something a model can do.
    able = asked.text("can", most=40)
    text = asked.text("q")
    order = asked.choice("sort", ORDERS)
    offered = [
        one
        for one in _offered()
        if (not edition or one.model.edition == edition)
        and (not able or able in one.model.capabilities)
        and (not text or _is_meant(one.model, text.lower()))
    ]
    if order:
        offered.sort(key=ORDERS[order][1])
    context = {
        "offered": offered,
        "edition": edition,
        "editions": Model.Edition.choices,
        "capabilities": capabilities_on_offer(),
        "can": able,
        "q": text,
        "orders": [(name, label) for name, (label, _key) in ORDERS.items()],
        "sort": order,
        "is_narrowed": bool(edition or able or text),
    }
    return render(request, "catalog/model_list.html", context)


@require_safe
def model_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one model: what it does, what it costs and how to call it."""
    models = with_current_prices(Model.objects.offered().select_related("figures"))
    model = get_object_or_404(models, slug=slug)
    activity.track(request, "model_viewed", subject=f"model:{model.slug}")
    context: dict[str, object] = {
        "model": model,
        "price": _current(model),
        "figures": getattr(model, "figures", None),
        "prices": model.prices.order_by("-valid_from")[:20],
        "changes": model.changes.order_by("-at", "-pk")[:MOST_CHANGES],
        "examples": call_examples(request_to(model)),
        "base_url": base_url(),
    }
    if model.is_premium and request.user.is_authenticated:
        context["included_for"] = premium_organisation(request.user)
    return render(request, "catalog/model_detail.html", context)


@organisation_required
@require_safe
def own_prices(request: OrganisationHttpRequest) -> HttpResponse:
    """Show a member what their organisation pays for each model."""
    context = {
        "organisation": request.organisation,
        "sheet": price_sheet(request.organisation.pk),
    }
    return render(request, "catalog/own_prices.html", context)


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
    models = offered_models().select_related("figures")
    return [Offered(model, _current(model)) for model in models]


def _is_meant(model: Model, text: str) -> bool:
    said = (model.slug, model.title, model.owned_by, model.licence)
    return any(text in words.lower() for words in said)


def _current(model: Model) -> PriceVersion | None:
    current: list[PriceVersion] = model.current  # type: ignore[attr-defined]
    return current[0] if current else None

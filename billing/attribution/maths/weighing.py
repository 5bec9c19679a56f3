"""How much each touch of a way weighs, by the model.

Weights are whole numbers, so that dividing by them is exact and the same everywhere.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

A = TypeVar("A", bound=Hashable)
# After a week a touch weighs half: the usual half-life, as in Google's former model.
HALF_LIFE = timedelta(days=7)
# Fractions are cut to 2⁻⁴⁰: finer than a cent of any invoice there is.
SCALE = 1 << 40


class AttributionModel(models.TextChoices):
    """Which touches an invoice is put down to."""

    FIRST = "first", _("First touch")
    LAST = "last", _("Last touch")
    LINEAR = "linear", _("Linear")
    POSITION = "position", _("By position (40/20/40)")
    DECAY = "decay", _("Time decay")
    DATA = "data", _("Data-driven (Markov)")


def weights_of(
    model: AttributionModel,
    assets: Sequence[A],
    ages: Sequence[timedelta],
    effects: Mapping[A, float],
) -> list[int]:
    """Return the weights of a way's touches, the oldest first.

    ``ages`` are from each touch to the payment; ``effects`` are removal effects by
    asset, from 0 to 1, which only the data-driven model asks for.
    """
    if model == AttributionModel.DATA:
        return _by_effect(assets, effects)
    if model == AttributionModel.DECAY:
        return [_decayed(age) for age in ages]
    return _BY_PLACE[model](len(assets))


def _first(count: int) -> list[int]:
    return [1] + [0] * (count - 1)


def _last(count: int) -> list[int]:
    return [0] * (count - 1) + [1]


def _equal(count: int) -> list[int]:
    return [1] * count


def _by_position(count: int) -> list[int]:
    """Return 40 % for the first and the last touch and 20 % for all in between.

    With nothing in between the two share it all.
    """
    if count <= 2:
        return _equal(count)
    between = count - 2
    return [2 * between, *_equal(between), 2 * between]


_BY_PLACE: Mapping[AttributionModel, Callable[[int], list[int]]] = {
    AttributionModel.FIRST: _first,
    AttributionModel.LAST: _last,
    AttributionModel.LINEAR: _equal,
    AttributionModel.POSITION: _by_position,
}


def _decayed(age: timedelta) -> int:
    return max(1, round(SCALE * 2 ** -(age / HALF_LIFE)))


def _by_effect(assets: Sequence[A], effects: Mapping[A, float]) -> list[int]:
    """Weigh each asset by its removal effect; touches of one asset share it."""
    times = Counter(assets)
    return [
        max(1, round(SCALE * effects.get(asset, 0.0) / times[asset]))
        for asset in assets
    ]

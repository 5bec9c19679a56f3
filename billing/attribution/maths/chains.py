"""How much less would be bought without an asset: the removal effect of a Markov chain.

Anderl, Becker, von Wangenheim and Schumann, "Mapping the customer journey" (2016): ways
are a chain of assets that begins at a start and ends at a purchase or nowhere. An asset
is taken out by leading everything that comes to it nowhere, and its effect is the share
of purchases that this costs.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, slots=True)
class WalkedWay:
    """The assets of one way in their order, and how many ways like it there are."""

    assets: tuple[Hashable, ...]
    is_paid: bool
    count: float = 1.0


def removal_effects(ways: Iterable[WalkedWay]) -> dict[Hashable, float]:
    """Return the effect of each asset, from 0 to 1; nothing where nobody paid.

    Without an asset the purchases that pass through it are lost. By the Markov
    property they are P(ever there) · P(purchase from there), so that one inverse
    serves all assets: with N = (I − Q)⁻¹, P(ever at i) is (s·N)ᵢ / Nᵢᵢ. Ways without
    assets say nothing about any.
    """
    begun: dict[Hashable, float] = defaultdict(float)
    bought: dict[Hashable, float] = defaultdict(float)
    left: dict[Hashable, float] = defaultdict(float)
    moved: dict[Hashable, dict[Hashable, float]] = defaultdict(dict)
    for way in ways:
        if not way.assets:
            continue
        begun[way.assets[0]] += way.count
        for source, target in pairwise(way.assets):
            moved[source][target] = moved[source].get(target, 0.0) + way.count
            left[source] += way.count
        last = way.assets[-1]
        left[last] += way.count
        if way.is_paid:
            bought[last] += way.count
    if not bought:
        return {}

    assets = list(left)
    number = {asset: index for index, asset in enumerate(assets)}
    start = np.zeros(len(assets))
    purchase = np.zeros(len(assets))
    onwards = np.zeros((len(assets), len(assets)))
    entries = sum(begun.values())
    for asset, index in number.items():
        start[index] = begun[asset] / entries
        purchase[index] = bought[asset] / left[asset]
        for target, count in moved[asset].items():
            onwards[index, number[target]] = count / left[asset]

    # Each asset is left for an end by some way, so the chain ends and this exists.
    visits = np.linalg.inv(np.eye(len(assets)) - onwards)
    ever = (start @ visits) / np.diag(visits)
    bought_from = visits @ purchase
    effects = np.clip(ever * bought_from / (start @ bought_from), 0.0, 1.0)
    return dict(zip(assets, effects.tolist(), strict=True))

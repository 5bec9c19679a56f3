"""The effect on those it happened to, estimated doubly robustly (AIPW).

    τ = 1/n₁ Σ [ T·(Y − μ₀(x)) − (1 − T) · e(x)/(1 − e(x)) · (Y − μ₀(x)) ]

with e the chance of treatment and μ₀ the chance of the outcome without it. It is right
when either of the two is (Robins, Rotnitzky and Zhao, 1994; for the treated: Mercatanti
and Li, 2014). Its variance is that of its influence function, summed person by person,
since one person's rows are not independent.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from billing.causes.stats.nuisance import Nuisance, cross_fit
from billing.causes.stats.samples import Flags, Floats, TrialSample

# The 97.5th of a hundred of the normal distribution: both sides leave 5 %.
Z = 1.959963984540054
# Among ten rows so likely to be treated one is untreated, and stands for nine.
MOST_LIKELY = 0.9
# Bars of the histogram of chances, a tenth each.
BARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Whether those it happened to have others to be compared with.

    ``trimmed`` is the share of treated rows left out since nearly everybody like them
    was treated. ``effective`` is how many equally weighted untreated rows the weighted
    ones are worth, (Σw)²/Σw². The histograms count rows by chance of treatment, in
    tenths, before anything is left out.
    """

    trimmed: float
    effective: float
    treated_bars: tuple[int, ...]
    untreated_bars: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FactBalance:
    """How far apart both groups are in one fact, in standard deviations.

    ``before`` as they are, ``after`` with the untreated weighted.
    """

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalEffect:
    """Shares between 0 and 1; ``low`` and ``high`` bound the 95 % interval.

    ``with_it`` is the share of the outcome among the treated, ``without`` what it would
    have been; ``naive`` is the difference between both groups as they are.
    """

    value: float
    low: float
    high: float
    with_it: float
    naive: float
    overlap: Overlap
    balance: tuple[FactBalance, ...]

    @property
    def without(self) -> float:
        return self.with_it - self.value

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def effect_on_treated(sample: TrialSample) -> CausalEffect:
    """Estimate the effect; the sample holds treated and untreated rows."""
    fitted = cross_fit(sample)
    kept = fitted.propensity <= MOST_LIKELY
    overlap = _overlap(sample, fitted, kept)
    if not (kept & sample.treated).any() or not (kept & ~sample.treated).any():
        kept = np.ones(sample.rows, dtype=bool)
    rest = sample.only(kept)
    weight = _weights(rest, fitted.propensity[kept])
    residual = rest.outcome - fitted.untreated_outcome[kept]
    share = rest.treated.mean()
    parts = np.where(rest.treated, residual, -weight * residual)
    value = float(parts.mean() / share)
    influence = (parts - rest.treated * value) / share
    error = _clustered_error(influence, rest)
    return CausalEffect(
        value=value,
        low=value - Z * error,
        high=value + Z * error,
        with_it=float(rest.outcome[rest.treated].mean()),
        naive=float(
            sample.outcome[sample.treated].mean()
            - sample.outcome[~sample.treated].mean()
        ),
        overlap=overlap,
        balance=_balance(rest, weight),
    )


def _weights(sample: TrialSample, propensity: Floats) -> Floats:
    """Return the odds of treatment of untreated rows; they stand for the treated."""
    safe = np.clip(propensity, 0, 1 - 1e-6)
    return np.where(sample.treated, 1.0, safe / (1 - safe))


def _clustered_error(influence: Floats, sample: TrialSample) -> float:
    _people, of_row = np.unique(sample.person, return_inverse=True)
    sums = np.bincount(of_row, weights=influence)
    return sqrt(float((sums**2).sum())) / sample.rows


def _overlap(sample: TrialSample, fitted: Nuisance, kept: Flags) -> Overlap:
    weight = _weights(sample, fitted.propensity)[kept & ~sample.treated]
    squares = float((weight**2).sum())
    return Overlap(
        trimmed=float((~kept)[sample.treated].mean()),
        effective=float(weight.sum()) ** 2 / squares if squares else 0.0,
        treated_bars=_bars(fitted.propensity[sample.treated]),
        untreated_bars=_bars(fitted.propensity[~sample.treated]),
    )


def _bars(chances: Floats) -> tuple[int, ...]:
    counts, _edges = np.histogram(chances, bins=BARS, range=(0, 1))
    return tuple(int(count) for count in counts)


def _balance(sample: TrialSample, weight: Floats) -> tuple[FactBalance, ...]:
    treated, others = sample.treated, ~sample.treated
    found = []
    for at, name in enumerate(sample.names):
        values = sample.covariates[:, at]
        spread = float(np.sqrt((values[treated].var() + values[others].var()) / 2))
        if not spread:
            found.append(FactBalance(name, 0.0, 0.0))
            continue
        mean = values[treated].mean()
        weights = weight[others]
        weighted = np.average(
            values[others], weights=weights if weights.any() else None
        )
        found.append(
            FactBalance(
                name,
                float((mean - values[others].mean()) / spread),
                float((mean - weighted) / spread),
            )
        )
    return tuple(found)

"""The two models an estimate leans on, each applied to people it has not seen.

Both are logistic regressions of scikit-learn with a small ridge. Cross-fitting keeps
what a model learnt by heart about one person out of the estimate for that person.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from billing.causes.stats.samples import Flags, Floats, Ints, TrialSample

# Five parts leave four fifths to learn from; more parts change little and cost more.
FOLDS = 5
# The same people are in the same part in every run, so that nobody draws again until
# an estimate pleases.
SEED = 20_240_117


@dataclass(frozen=True, slots=True)
class Nuisance:
    """For each row: the chance of treatment, and of the outcome without it."""

    propensity: Floats
    untreated_outcome: Floats


def cross_fit(sample: TrialSample) -> Nuisance:
    """Fit both models on four fifths of the people, and apply them to the others."""
    propensity = np.zeros(sample.rows)
    outcome = np.zeros(sample.rows)
    for held_out in _folds(sample.person):
        learnt = sample.only(~held_out)
        asked = sample.covariates[held_out]
        propensity[held_out] = _chance(learnt.covariates, learnt.treated, asked)
        spared = learnt.only(~learnt.treated)
        outcome[held_out] = _chance(spared.covariates, spared.outcome, asked)
    return Nuisance(propensity, outcome)


def _folds(person: Ints) -> Iterator[Flags]:
    """Yield a mask for each part; all rows of a person are in one."""
    people, of_row = np.unique(person, return_inverse=True)
    part = np.arange(len(people)) % FOLDS
    np.random.default_rng(SEED).shuffle(part)
    for each in range(FOLDS):
        yield part[of_row] == each


def _chance(known: Floats, happened: Flags, asked: Floats) -> Floats:
    """Return the fitted chance of ``happened`` for the rows asked about."""
    if not len(asked):
        return np.zeros(0)
    if happened.all() or not happened.any():
        # Nothing tells those it happened to from the others.
        return np.full(len(asked), happened.mean() if len(happened) else 0.0)
    # Heavy, and only the nightly job needs it.
    from sklearn.linear_model import LogisticRegression

    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0] = 1
    # The ridge is one observation's worth for each fact: it keeps a fact that tells
    # everything from running away and is nothing beside hundreds of rows. A hundred
    # steps are many times what columns of equal spread take.
    model = LogisticRegression(C=1.0, max_iter=100)
    model.fit((known - centre) / spread, happened)
    found: Floats = model.predict_proba((asked - centre) / spread)[:, 1]
    return found

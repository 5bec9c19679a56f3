"""A logistic regression challenges the score in force, and seldom wins.

It learns from older snapshots and is judged on the newest one whose window is over, by
organisations whose payments it has not seen. All it learns from was known on that day.
"""

from datetime import datetime

import numpy as np
from django.db import transaction
from django.utils import timezone

from billing.growth.judging import History, Verdict, read_history, verdict_of
from billing.growth.models import ScoreModel
from billing.growth.scoring import SIGNALS, threshold_in_force
from billing.growth.stats.ranking import Floats, auc_gain


def challenge_score(at: datetime | None = None) -> ScoreModel | None:
    """Let a regression challenge the score in force; return it, or ``None``.

    It takes its place only when the lower limit of its gain is above zero. ``None``
    says that there is too little to learn from or to judge by.
    """
    history = read_history(at or timezone.now())
    # A snapshot without parts is older than they are: nothing can be learnt from it.
    history = history.only((history.values != 0).any(axis=1))
    if not len(history.day):
        return None
    newest = history.day == history.day.max()
    learnt, judged = history.only(~newest), history.only(newest)
    for part in (learnt, judged):
        if verdict_of(part) != Verdict.READABLE:
            return None
    intercept, weights = fit(learnt)
    scores = score_by(intercept, weights, judged.values)
    gain = auc_gain(judged.ranked, scores)
    model = ScoreModel(
        intercept=intercept,
        weights=dict(zip(map(str, SIGNALS), weights.tolist(), strict=True)),
        threshold=equal_threshold(judged.score, scores, threshold_in_force()),
        learnt_from=len(learnt.unit),
        judged_on=len(judged.unit),
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
    )
    return _keep(model)


@transaction.atomic
def _keep(model: ScoreModel) -> ScoreModel:
    """Keep a challenger, and put it in force if it surely gains."""
    if model.gain_low > 0:
        ScoreModel.objects.in_force().update(is_in_force=False)
        model.is_in_force = True
    model.save()
    return model


def fit(history: History) -> tuple[float, Floats]:
    """Return intercept and weights, in the units the signals have."""
    # Heavy, and only the nightly job needs it.
    from sklearn.linear_model import LogisticRegression

    centre, spread = history.values.mean(axis=0), history.values.std(axis=0)
    spread[spread == 0] = 1
    # One observation's worth of ridge for each signal; columns of equal spread take
    # some dozen steps.
    model = LogisticRegression(C=1.0, max_iter=200)
    model.fit((history.values - centre) / spread, history.paid)
    weights: Floats = model.coef_[0] / spread
    return float(model.intercept_[0] - weights @ centre), weights


def score_by(intercept: float, weights: Floats, values: Floats) -> Floats:
    """Return scores from 0 to 100, as the statement that takes snapshots does."""
    found: Floats = 100 / (1 + np.exp(-(intercept + values @ weights)))
    return found


def equal_threshold(before: Floats, after: Floats, threshold: float) -> float:
    """Return the new score that as many reach as reached ``threshold`` before.

    Sales promised an answer to so many; a new score must not change that by itself.
    """
    count = int((before >= threshold).sum())
    ranked = np.sort(after)[::-1]
    # Nobody reached it: nobody does, but who is surer than anybody so far.
    return float(ranked[count - 1] if count else ranked[0] + 1e-6)

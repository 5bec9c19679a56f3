"""The statistics against simulations whose truth is known, and against scipy."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats as reference

from billing.growth.stats import bandit, cuped, offpolicy, planner, sequential, srm
from billing.growth.stats.samples import Difference, Sums

LOOKS = 20
RUNS = 500
TAU = 0.02


def cumulated(rng: np.random.Generator, share: float, each: int) -> np.ndarray:
    """Return successes after each look, one row per experiment."""
    return rng.binomial(each, share, size=(RUNS, LOOKS)).cumsum(axis=1)


def significant_runs(
    treated: np.ndarray, control: np.ndarray, each: int
) -> tuple[int, int]:
    """Return how many runs were significant at some look, and at the last alone."""
    ever = at_last = 0
    for ours, theirs in zip(treated, control, strict=True):
        found = [
            sequential.read(
                Sums.of_share(int(a), each * look),
                Sums.of_share(int(b), each * look),
                tau=TAU,
            ).is_significant
            for look, (a, b) in enumerate(zip(ours, theirs, strict=True), start=1)
        ]
        ever += any(found)
        at_last += found[-1]
    return ever, at_last


def test_without_an_effect_looking_twenty_times_alarms_at_most_one_in_twenty() -> None:
    rng = np.random.default_rng(12)
    treated, control = (cumulated(rng, 0.1, 200) for _ in range(2))

    ever, _ = significant_runs(treated, control, 200)

    assert ever <= RUNS * 0.05


def test_a_fixed_test_looked_at_twenty_times_would_alarm_far_more_often() -> None:
    """What the sequential reading is for: the same data, read the usual way."""
    rng = np.random.default_rng(12)
    treated, control = (cumulated(rng, 0.1, 200) for _ in range(2))
    n = 200 * np.arange(1, LOOKS + 1)
    a, b = treated / n, control / n
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / n)

    alarms = (np.abs(a - b) / error > 1.96).any(axis=1).sum()

    assert alarms > RUNS * 0.15


def test_a_planted_lift_is_found_and_lies_within_its_interval() -> None:
    rng = np.random.default_rng(7)
    treated, control = cumulated(rng, 0.15, 200), cumulated(rng, 0.10, 200)

    ever, _ = significant_runs(treated, control, 200)
    last = [
        sequential.read(
            Sums.of_share(int(a), 4_000), Sums.of_share(int(b), 4_000), tau=TAU
        ).estimate
        for a, b in zip(treated[:, -1], control[:, -1], strict=True)
    ]
    covered = sum(each is not None and each.low <= 0.05 <= each.high for each in last)

    assert ever >= RUNS * 0.99
    assert covered >= RUNS * 0.95


def test_the_interval_excludes_zero_exactly_when_p_is_below_five_percent() -> None:
    for value in np.linspace(0, 0.2, 400):
        difference = Difference(float(value), 0.02)
        width = sequential.half_width(0.02, TAU)
        assert (value > width) == (sequential.p_value(difference, TAU) < 0.05)


def test_too_small_an_arm_concludes_nothing() -> None:
    reading = sequential.read(Sums.of_share(99, 99), Sums.of_share(0, 5_000), tau=TAU)

    assert reading.estimate is None
    assert not reading.is_significant


@pytest.mark.parametrize(
    ("counts", "weights", "is_off"),
    [
        ((10_000, 9_500), (1, 1), True),
        ((10_000, 9_950), (1, 1), False),
        ((9_000, 1_000), (9, 1), False),
        ((500, 500, 650), (1, 1, 1), True),
        ((0, 0), (1, 1), False),
    ],
)
def test_a_split_that_is_off_is_told(
    counts: tuple[int, ...], weights: tuple[int, ...], is_off: bool
) -> None:
    assert (srm.mismatch_p(counts, weights) < srm.ALARM) is is_off


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("statistic", [1e-6, 0.3, 1.0, 6.6, 25.0, 120.0])
def test_the_tail_of_chi_square_is_that_of_scipy(
    freedom: int, statistic: float
) -> None:
    expected = reference.chi2.sf(statistic, freedom)

    assert srm.chi_square_tail(statistic, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_what_was_known_before_narrows_the_interval_as_theory_says(
    correlation: float,
) -> None:
    rng = np.random.default_rng(3)
    n = 20_000
    arms = []
    plain = []
    for lift in (0.1, 0.0):
        before = rng.normal(50, 4, n)
        noise = rng.normal(0, sqrt(1 - correlation**2), n)
        after = correlation * (before - 50) / 4 + noise + lift
        arms.append(cuped.PairSample.of(after.tolist(), before.tolist()))
        plain.append(Sums.of(after.tolist()))

    adjusted = cuped.adjust(arms)

    narrow, wide = Difference.between(*adjusted), Difference.between(*plain)
    assert narrow.error / wide.error == pytest.approx(
        sqrt(1 - correlation**2), abs=0.01
    )
    assert narrow.value == pytest.approx(0.1, abs=4 * narrow.error)


def test_large_equal_values_do_not_cancel() -> None:
    values = [1e9] * 1_000
    values[500] += 1

    assert Sums.of(values).variance == pytest.approx(np.var(values, ddof=1), rel=1e-6)


def logged(
    rng: np.random.Generator, n: int
) -> tuple[list[offpolicy.Logged], list[offpolicy.Logged], float]:
    """Return a log of two arms, the same with guesses, and the true value."""
    shares = np.array([[0.10, 0.20], [0.30, 0.15]])
    logging = np.array([[0.8, 0.2], [0.3, 0.7]])
    target = np.array([[0.2, 0.8], [0.9, 0.1]])
    # A guess that is off, as any model's is.
    guesses = shares * 0.8 + 0.02
    context = rng.integers(0, 2, n)
    arm = (rng.random(n) > logging[context, 0]).astype(int)
    reward = (rng.random(n) < shares[context, arm]).astype(float)
    plain, robust = [], []
    for c, a, r in zip(context, arm, reward, strict=True):
        base = {
            "reward": float(r),
            "propensity": float(logging[c, a]),
            "target": float(target[c, a]),
        }
        plain.append(offpolicy.Logged(**base))
        robust.append(
            offpolicy.Logged(
                **base,
                guess_logged=float(guesses[c, a]),
                guess_target=float((target[c] * guesses[c]).sum()),
            )
        )
    return plain, robust, float((target * shares).sum(axis=1).mean())


def test_estimates_of_another_policy_cover_its_true_value() -> None:
    rng = np.random.default_rng(5)
    runs = 400
    covered = [0, 0]
    widths = [0.0, 0.0]
    for _ in range(runs):
        plain, robust, truth = logged(rng, 800)
        found = (
            offpolicy.inverse_propensity(plain).estimate,
            offpolicy.doubly_robust(robust).estimate,
        )
        for number, each in enumerate(found):
            covered[number] += each.low <= truth <= each.high
            widths[number] += each.high - each.low

    assert min(covered) >= runs * 0.93
    assert widths[1] < widths[0]


def test_a_log_without_propensities_is_refused() -> None:
    with pytest.raises(ValueError, match="propensity"):
        offpolicy.inverse_propensity([offpolicy.Logged(1.0, 0.0, 1.0)])
    with pytest.raises(ValueError, match="empty"):
        offpolicy.doubly_robust([])


def play(rng: np.random.Generator, how: str) -> tuple[float, float, dict[str, int]]:
    """Return regret, what was spent, and choices, of 1 000 decisions in batches.

    Three arms: one works, one does not, one is dear and loses money on each success.
    """
    shares = {"good": 0.12, "weak": 0.05, "loss": 0.20}
    worth = {"good": 10.0, "weak": 10.0, "loss": 10.0}
    margin = {"good": 9.0, "weak": 9.0, "loss": -20.0}
    budget, price = 120.0, 0.5
    tried = dict.fromkeys(shares, 0)
    succeeded = dict.fromkeys(shares, 0)
    spent = regret = 0.0
    best = shares["good"] * margin["good"]
    for batch in range(20):
        arms = [
            bandit.Arm(
                key=key,
                tried=tried[key],
                succeeded=succeeded[key],
                worth=worth[key],
                margin=margin[key],
                error=5 / sqrt(max(succeeded[key], 1)),
                margins=max(succeeded[key] * 4, 0),
            )
            for key in shares
        ]
        open_arms = bandit.allowed(arms, least_margin=0.0)
        if how == "thompson":
            split = bandit.probabilities(open_arms, seed=batch, draws=200)
        elif how == "uniform":
            split = dict.fromkeys(shares, 1 / 3)
        else:
            top = max(open_arms, key=lambda a: a.succeeded / (a.tried or 1)).key
            split = {k: 0.1 / 3 + 0.9 * (k == top) for k in shares}
        for _ in range(50):
            chosen = bandit.choose(split, float(rng.random()))
            if chosen == "loss" and spent + price > budget:
                chosen = "weak"
            spent += price * (chosen == "loss")
            tried[chosen] += 1
            won = rng.random() < shares[chosen]
            succeeded[chosen] += int(won)
            regret += best - shares[chosen] * margin[chosen]
    return regret, spent, tried


def test_the_bandit_loses_less_than_trying_evenly_and_never_breaks_its_bounds() -> None:
    rng = np.random.default_rng(9)
    runs = {
        how: [play(rng, how) for _ in range(30)]
        for how in ("thompson", "uniform", "greedy")
    }

    regret = {how: sum(each[0] for each in found) for how, found in runs.items()}
    assert regret["thompson"] < regret["uniform"] * 0.5
    assert regret["thompson"] < regret["greedy"]
    for _, spent, _tried in runs["thompson"]:
        assert spent <= 120.0


def test_an_arm_that_surely_loses_money_is_not_drawn_at_all() -> None:
    loss = bandit.Arm(key="loss", margin=-5, error=1, margins=100)
    doubt = bandit.Arm(key="doubt", margin=-5, error=10, margins=100)
    young = bandit.Arm(key="young", margin=-5, error=1, margins=29)

    kept = bandit.allowed([loss, doubt, young], least_margin=0.0)

    assert [arm.key for arm in kept] == ["doubt", "young"]


def test_every_arm_keeps_its_floor_and_the_same_seed_draws_the_same() -> None:
    arms = [
        bandit.Arm(key="a", tried=1_000, succeeded=500),
        bandit.Arm(key="b", tried=1_000, succeeded=10),
    ]

    first, again = (bandit.probabilities(arms, seed=4) for _ in range(2))

    assert first == again
    assert sum(first.values()) == pytest.approx(1)
    assert first["b"] == pytest.approx(bandit.FLOOR)
    assert bandit.choose(first, 0.949) == "a"
    assert bandit.choose(first, 0.951) == "b"


def test_floors_beyond_the_whole_are_refused() -> None:
    arms = [bandit.Arm(key=str(number)) for number in range(21)]

    with pytest.raises(ValueError, match="floor"):
        bandit.probabilities(arms, seed=1)


def test_the_planner_gives_the_textbook_number() -> None:
    # Fleiss: 10 % against 12 %, two-sided 5 %, power 80 %.
    assert planner.units_per_arm(0.10, 0.02) == 3_839
    with pytest.raises(ValueError, match="between 0 and 1"):
        planner.units_per_arm(0.99, 0.02)

"""Past scores against what came after them, and a model that challenges them."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Organisation
from activity.services import NewEvent, write_events
from billing.growth import scoring
from billing.growth.challenging import (
    challenge_score,
    equal_threshold,
    fit,
    score_by,
)
from billing.growth.judging import judge_scores, read_history
from billing.growth.models import Decision, LeadScore, ScoreJudgement, ScoreModel
from billing.growth.moments import Moment
from billing.growth.tasks import judge
from billing.ledger.models import Invoice

pytestmark = pytest.mark.django_db
AT = datetime(2026, 9, 15, 5, tzinfo=UTC)
# The newest snapshot whose 28 days are over, and the one before it.
NEWEST = date(2026, 8, 17)
OLDER = date(2026, 7, 20)
AFTER = datetime.combine(NEWEST + timedelta(days=1), time(), UTC)
MOMENT = timedelta(microseconds=1)
Verdict = ScoreJudgement.Verdict


def teams(count: int) -> list[Organisation]:
    return Organisation.objects.bulk_create(
        Organisation(kind="team", name=f"Team {at}", slug=f"team-{at}")
        for at in range(count)
    )


def snapshot(
    organisation: Organisation, score: float, *, day: date = NEWEST, **parts: float
) -> None:
    LeadScore.objects.create(
        day=day, organisation=organisation, score=score, parts=parts
    )


def pays(organisation: Organisation, at: datetime, revenue: int = 2_000) -> None:
    Invoice.objects.create(
        organisation=organisation,
        stripe_id=f"in_{organisation.pk}_{at.timestamp()}",
        status="paid",
        currency="usd",
        subtotal=revenue,
        total=revenue,
        amount_due=revenue,
        amount_paid=revenue,
        revenue=revenue,
        issued_at=at,
        paid_at=at,
        fetched_at=at,
    )


def decide_nothing(organisation: Organisation, moment: Moment, at: datetime) -> None:
    Decision.objects.create(
        moment=moment,
        organisation=organisation,
        occasion=str(at),
        decided_at=at,
        reason=Decision.Reason.NO_OFFER,
        propensity=1,
        uniform=0,
    )


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # Who had paid by the end of the snapshot's day is not judged by.
        (AFTER - MOMENT, []),
        (AFTER - timedelta(days=90), []),
        (AFTER, [True]),
        (AFTER + timedelta(days=28) - MOMENT, [True]),
        (AFTER + timedelta(days=28), [False]),
    ],
)
def test_a_score_is_judged_by_the_28_days_after_its_day(
    at: datetime, expected: list[bool]
) -> None:
    (team,) = teams(1)
    snapshot(team, 10)
    pays(team, at)

    assert read_history(AT).paid.tolist() == expected


def test_an_invoice_of_nothing_is_no_payment() -> None:
    (team,) = teams(1)
    snapshot(team, 10)
    pays(team, AFTER, revenue=0)

    assert read_history(AT).paid.tolist() == [False]


def test_no_payment_is_in_the_window_of_two_snapshots() -> None:
    (team,) = teams(1)
    for days in range(60):
        snapshot(team, days, day=NEWEST + timedelta(days=28 - days))
    pays(team, AFTER)

    history = read_history(AT)

    # Of sixty, those 28 days apart whose window is over; the payment is once in them.
    assert history.day.tolist() == [OLDER.toordinal(), NEWEST.toordinal()]
    assert history.paid.tolist() == [False, True]


@pytest.mark.parametrize(
    ("at", "expected"),
    [(AT, 1), (datetime(2026, 9, 14, 23, 59, tzinfo=UTC), 0)],
)
def test_a_snapshot_waits_until_its_window_is_over(at: datetime, expected: int) -> None:
    (team,) = teams(1)
    snapshot(team, 10)

    assert len(read_history(at).unit) == expected


def test_shifting_the_snapshot_over_the_payment_takes_its_trace_out(
    person: Callable[..., Any],
) -> None:
    """What a payer did on the day of paying is no sign for the snapshot before it."""
    ada = person("ada")
    organisation = ada.memberships.get().organisation
    before = datetime.combine(NEWEST, time(3), UTC)
    Membership.objects.update(created_at=before - timedelta(days=90))
    for at in (before - MOMENT, before + MOMENT, AFTER + timedelta(hours=1)):
        decide_nothing(organisation, Moment.PREMIUM_REFUSED, at)
        write_events([NewEvent(name="reply_posted", occurred_at=at, user_id=ada.pk)])
    pays(organisation, AFTER)

    scoring.score_organisations(before)
    history = read_history(AT)

    signals = dict(zip(scoring.SIGNALS, history.values[0].tolist(), strict=True))
    assert signals["premium_refused"] == pytest.approx(1, abs=1e-6)
    assert signals["wrote"] == pytest.approx(1, abs=1e-6)
    assert history.paid.tolist() == [True]


def test_engagement_is_its_peoples_and_no_need(person: Callable[..., Any]) -> None:
    ada = person("ada")
    at = datetime(2026, 9, 15, 3, tzinfo=UTC)
    Membership.objects.update(created_at=at - timedelta(days=90))
    write_events(
        NewEvent(
            name="page_viewed",
            occurred_at=at - timedelta(days=days),
            user_id=ada.pk,
            subject=subject,
        )
        for days, subject in ((0, "doc:1.0/keys"), (14, ""), (28, ""))
    )

    scoring.score_organisations(at)

    found = LeadScore.objects.get()
    # Two days on which they came, one page read; the 28th day before is over.
    assert found.parts == pytest.approx({"came_days": 2, "read_docs": 1})
    assert found.engagement == pytest.approx(2 * 2 + 1)
    assert (found.score, found.reasons) == (0, [])


def ranked_world(
    *, count: int = 300, seed: int = 1, hidden: bool = True
) -> list[Organisation]:
    """Score two months of teams; whoever wrote pays, which points do not count."""
    rng = random.Random(seed)  # noqa: S311 - the same teams every time
    made = teams(2 * count)
    for day, part in ((OLDER, made[:count]), (NEWEST, made[count:])):
        for team in part:
            wrote, refused = rng.random() * 5, rng.random() * 3
            snapshot(team, 12 * refused, day=day, wrote=wrote, premium_refused=refused)
            likely = wrote > 3.5 if hidden else refused > 2
            if rng.random() < (0.8 if likely else 0.05):
                pays(
                    team,
                    datetime.combine(day + timedelta(days=3), time(), UTC),
                )
    return made


def test_scores_that_rank_are_judged_with_their_intervals() -> None:
    ranked_world(hidden=False)

    found = judge_scores(AT)

    assert found.verdict == Verdict.READABLE
    assert (found.rows, found.organisations) == (600, 600)
    assert found.auc is not None
    assert found.auc_low is not None
    assert found.auc > 0.75
    assert 0.5 < found.auc_low < found.auc
    assert found.lift_low is not None
    assert found.lift_low > 1
    # The best fifth pays most, and every interval holds its share.
    shares = [paid / rows for rows, paid, *_rest in found.groups]
    assert shares[-1] == max(shares)
    assert all(
        low <= paid / rows <= high for rows, paid, _score, low, high in found.groups
    )


def test_once_more_on_a_day_replaces_the_judgement() -> None:
    judge_scores(AT)
    ranked_world(hidden=False)

    judge_scores(AT)

    assert ScoreJudgement.objects.get().verdict == Verdict.READABLE


def test_too_little_has_a_reason_and_no_number() -> None:
    young = judge_scores(AT)
    snapshot(teams(1)[0], 10)
    few = judge_scores(AT)

    assert (young.verdict, few.verdict) == (Verdict.TOO_YOUNG, Verdict.FEW_PAYERS)
    assert few.auc is None


def test_a_model_that_is_surely_better_takes_over() -> None:
    ranked_world()

    model = challenge_score(AT)

    assert model is not None
    assert (model.learnt_from, model.judged_on) == (300, 300)
    assert model.gain_low > 0
    assert ScoreModel.objects.in_force().get() == model
    assert model.weights["wrote"] > 0


def test_a_model_that_may_be_better_by_chance_does_not() -> None:
    ranked_world(hidden=False)

    model = challenge_score(AT)

    assert model is not None
    assert model.gain_low <= 0
    assert not ScoreModel.objects.in_force().exists()


def test_it_learns_nothing_from_the_month_it_is_judged_on() -> None:
    made = ranked_world()
    weights = challenge_score(AT)
    Invoice.objects.filter(organisation__in=made[300:450]).delete()

    again = challenge_score(AT)

    assert weights is not None
    assert again is not None
    assert again.weights == weights.weights
    assert again.gain != weights.gain


def test_with_too_few_payers_nobody_challenges() -> None:
    for team in teams(30):
        snapshot(team, 10)

    assert challenge_score(AT) is None
    assert challenge_score(AT - timedelta(days=400)) is None
    assert not ScoreModel.objects.exists()


def test_as_many_are_leads_as_before() -> None:
    before, after = np.arange(100.0), np.arange(100.0)[::-1] / 100

    threshold = equal_threshold(before, after, 90)

    assert (after >= threshold).sum() == (before >= 90).sum() == 10
    assert (after >= equal_threshold(before, after, 1_000)).sum() == 0


def test_a_learnt_score_is_the_formula_in_the_snapshot_too(
    person: Callable[..., Any],
) -> None:
    organisation = person("ada").memberships.get().organisation
    at = datetime(2026, 9, 15, 3, tzinfo=UTC)
    for ago in (MOMENT, timedelta(0)):
        decide_nothing(organisation, Moment.LIMIT_HIT, at - ago)
    ScoreModel.objects.create(
        intercept=-3,
        weights={"limit_hit": 0.7},
        threshold=16,
        learnt_from=1,
        judged_on=1,
        gain=0.2,
        gain_low=0.1,
        gain_high=0.3,
        is_in_force=True,
    )

    scoring.score_organisations(at)

    found = LeadScore.objects.get()
    expected = score_by(-3, np.array([0.7]), np.array([[2.0]]))[0]
    assert found.score == pytest.approx(expected)
    assert found.reasons[0]["sign"] == "limit_hit"
    # From its own threshold on it is a lead.
    assert scoring.threshold_in_force() == 16


def test_weights_are_in_the_units_of_the_signs() -> None:
    ranked_world()
    history = read_history(AT)

    intercept, weights = fit(history)

    scores = score_by(intercept, weights, history.values) / 100
    # A logistic regression with an intercept predicts as many as there were.
    assert scores.sum() == pytest.approx(history.paid.sum(), abs=1)


def test_the_database_puts_none_in_force_that_may_be_worse() -> None:
    values: dict[str, Any] = {
        "intercept": 0,
        "weights": {},
        "threshold": 1,
        "learnt_from": 1,
        "judged_on": 1,
        "gain": 0.1,
        "gain_high": 0.2,
        "is_in_force": True,
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        ScoreModel.objects.create(gain_low=0, **values)

    ScoreModel.objects.create(gain_low=0.01, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        ScoreModel.objects.create(gain_low=0.01, **values)


def test_the_nightly_job_judges_and_challenges() -> None:
    judge()

    assert ScoreJudgement.objects.get().verdict == Verdict.TOO_YOUNG


@pytest.fixture
def staff(client: Client, person: Callable[..., Any], settings: Any) -> Client:
    settings.SECOND_FACTOR_REQUIRED = False
    client.force_login(person("staff", is_staff=True))
    return client


def test_the_page_is_there_before_anything_is(staff: Client) -> None:
    page = staff.get(reverse("growth:scores")).content.decode()

    assert "Nothing is judged yet" in page
    assert "No snapshot has been taken yet" in page


def test_the_page_shows_figures_with_intervals_and_named_reasons(
    staff: Client, django_assert_max_num_queries: Any
) -> None:
    made = ranked_world()
    judge_scores(AT)
    challenge_score(AT)
    LeadScore.objects.bulk_create(
        LeadScore(
            day=timezone.now().date(),
            organisation=team,
            score=60,
            reasons=[
                {
                    "sign": "premium_refused",
                    "times": 3,
                    "latest": "2026-09-01",
                    "points": 1,
                },
                {"sign": "wrote", "times": 2, "latest": "2026-09-02", "points": 1},
            ],
        )
        for team in made[:40]
    )

    with django_assert_max_num_queries(14):
        page = staff.get(reverse("growth:scores")).content.decode()

    judgement = ScoreJudgement.objects.get()
    assert judgement.auc is not None
    assert f"{judgement.auc:.2f} (" in page
    assert "scores now" in page
    assert page.count("Topics and replies its people wrote") == 30

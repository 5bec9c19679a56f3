"""From the log to a kept estimate."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from activity.services import NewEvent, write_events
from billing.causes.causes import Cause, EffectVerdict
from billing.causes.models import CauseEstimate
from billing.causes.services import estimate_cause, estimate_causes
from billing.causes.tasks import estimate
from billing.conversion.models import Developer
from tests.billing.causes.conftest import AT, WEEK

pytestmark = pytest.mark.django_db


def crowd(count: int) -> list[Developer]:
    """Return people who are alike, active since the day before the week."""
    users = User.objects.bulk_create(
        User(username=f"one{at}", email=f"one{at}@example.com") for at in range(count)
    )
    return Developer.objects.bulk_create(
        Developer(
            user=user,
            signed_up_at=WEEK - timedelta(days=1),
            activated_at=WEEK - timedelta(days=1),
        )
        for user in users
    )


def pays(developers: list[Developer]) -> None:
    pks = [each.pk for each in developers]
    Developer.objects.filter(pk__in=pks).update(paid_at=WEEK + timedelta(days=9))


def reads(developers: list[Developer]) -> None:
    write_events(
        NewEvent(
            name="page_viewed",
            occurred_at=WEEK + timedelta(days=1),
            user_id=each.pk,
            subject="doc:1.0/keys",
        )
        for each in developers
    )


def test_an_effect_on_people_who_are_alike_is_the_difference_of_their_shares() -> None:
    people = crowd(400)
    reads(people[:200])
    pays([*people[:60], *people[200:220]])

    found = estimate_cause(Cause.DOCS_READ, AT)

    assert found.verdict == EffectVerdict.READABLE
    assert (found.people, found.treated, found.untreated) == (400, 200, 200)
    assert (found.paid_treated, found.paid_untreated) == (60, 20)
    assert found.effect == pytest.approx(0.2, abs=0.01)
    assert found.naive == pytest.approx(0.2)
    assert found.without == pytest.approx(0.1, abs=0.01)
    assert found.low is not None
    assert found.low > 0.1
    assert found.e_value is not None
    assert found.e_value == pytest.approx(5.4, abs=0.4)
    assert sum(found.bars[0]) == sum(found.bars[1]) == 200
    # Nobody looked at the prices, so the check could not be made.
    assert found.passes_control is None


def test_too_few_have_a_reason_and_no_number() -> None:
    reads(crowd(5))

    found = estimate_cause(Cause.DOCS_READ, AT)

    assert found.verdict == EffectVerdict.FEW_TREATED
    assert found.effect is None
    assert found.bars == []


def test_once_more_on_the_same_day_replaces_all_of_it() -> None:
    people = crowd(400)
    reads(people[:200])
    pays([*people[:60], *people[200:220]])
    estimate_cause(Cause.DOCS_READ, AT)
    Developer.objects.update(paid_at=None)

    found = estimate_cause(Cause.DOCS_READ, AT + timedelta(minutes=5))

    assert CauseEstimate.objects.filter(cause=Cause.DOCS_READ).count() == 1
    assert found.verdict == EffectVerdict.FEW_PAYERS
    assert found.effect is None
    assert found.balance == []


def test_another_day_is_kept_beside_it() -> None:
    estimate_cause(Cause.DOCS_READ, AT)
    estimate_cause(Cause.DOCS_READ, AT + timedelta(days=1))

    assert CauseEstimate.objects.filter(cause=Cause.DOCS_READ).count() == 2
    latest = CauseEstimate.objects.latest_of_each().get()
    assert latest.day == (AT + timedelta(days=1)).date()


def test_every_cause_is_estimated_even_of_nobody() -> None:
    found = estimate_causes(AT)

    assert [each.cause for each in found] == list(Cause)
    assert {each.verdict for each in found} == {EffectVerdict.FEW_TREATED}


def test_the_nightly_job_keeps_one_of_each() -> None:
    estimate()
    estimate()

    assert CauseEstimate.objects.count() == len(Cause)


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0.1, "low": 0.2, "high": 0.3},
        {"verdict": "few_treated", "effect": 0.1, "low": 0, "high": 0.3},
        {"verdict": "readable", "effect": None, "low": None, "high": None},
    ],
)
def test_the_database_takes_no_number_that_may_not_be(wrong: dict[str, object]) -> None:
    values = {"verdict": "readable", **wrong}

    with pytest.raises(IntegrityError), transaction.atomic():
        CauseEstimate.objects.create(
            cause=Cause.DOCS_READ,
            day=AT.date(),
            people=1,
            treated=1,
            untreated=1,
            paid_treated=0,
            paid_untreated=0,
            **values,
        )

"""What is compared: facts before it, the cause in its time, the payment after it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from activity.models import Visitor, VisitorLink
from billing.causes.causes import FACTS, Cause
from billing.causes.trials import read_trials
from billing.conversion.models import Account, Developer
from tests.billing.causes.conftest import (
    AT,
    WEEK,
    accept,
    answer,
    ask,
    happen,
    read_docs,
)

pytestmark = pytest.mark.django_db
MOMENT = timedelta(microseconds=1)
Make = Callable[..., Developer]


def fact(name: str, cause: Cause = Cause.DOCS_READ) -> float:
    sample = read_trials(cause, AT)
    assert sample.rows == 1
    return float(sample.covariates[0, sample.names.index(name)])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(0), [True]),
        (timedelta(days=7) - MOMENT, [True]),
        (timedelta(days=7), [False]),
        # Had it been there before, it would not be the first time: nothing is compared.
        (-MOMENT, []),
        (-timedelta(days=28), []),
        (-timedelta(days=28) - MOMENT, [False]),
    ],
)
def test_what_happens_in_the_week_is_the_cause(
    developer: Make, after: timedelta, expected: list[bool]
) -> None:
    read_docs(WEEK + after, developer().pk)

    assert read_trials(Cause.DOCS_READ, AT).treated.tolist() == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        # Who pays within the week is not compared: what came first would be unknown.
        (timedelta(days=7) - MOMENT, []),
        (timedelta(days=7), [True]),
        (timedelta(days=35) - MOMENT, [True]),
        (timedelta(days=35), [False]),
        (-timedelta(days=1), []),
    ],
)
def test_only_a_payment_after_the_week_and_within_the_window_counts(
    developer: Make, after: timedelta, expected: list[bool]
) -> None:
    developer(paid_at=WEEK + after)

    assert read_trials(Cause.DOCS_READ, AT).outcome.tolist() == expected


@pytest.mark.parametrize(
    ("after", "is_counted"),
    [
        (-MOMENT, True),
        (-timedelta(days=28), True),
        (-timedelta(days=28) - MOMENT, False),
        # Moved into the week, it is no longer a fact from before.
        (timedelta(0), False),
        (timedelta(days=3), False),
    ],
)
@pytest.mark.parametrize(
    ("name", "path", "column"),
    [
        ("page_viewed", "/forum/", "pages"),
        ("page_viewed", "/pricing/", "prices"),
        ("searched", "/search/", "searches"),
        ("reply_posted", "", "replies"),
        ("searched", "/search/", "days"),
    ],
)
def test_facts_are_from_before_the_week(
    developer: Make,
    after: timedelta,
    is_counted: bool,
    name: str,
    path: str,
    column: str,
) -> None:
    happen(name, WEEK + after, developer().pk, path=path)

    assert (fact(column) > 0) is is_counted


@pytest.mark.parametrize(("after", "expected"), [(-MOMENT, 1), (timedelta(0), 0)])
def test_a_first_call_counts_from_before_the_week(
    developer: Make, after: timedelta, expected: int
) -> None:
    developer(first_call_at=WEEK + after)

    assert fact("called") == expected


def test_a_refusal_of_their_organisation_is_a_fact_about_them(developer: Make) -> None:
    found = developer()
    organisation = found.user.memberships.get().organisation
    Account.objects.update_or_create(
        organisation=organisation, defaults={"developer": found}
    )
    for days in (-2, -1, 1):
        happen(
            "call_refused",
            WEEK + timedelta(days=days),
            organisation_id=organisation.pk,
            properties={"code": "model_requires_plan"},
        )

    assert fact("refused") == 2


def test_pages_read_before_signing_in_are_their_readers(developer: Make) -> None:
    found = developer()
    Visitor.objects.create(id="v_1", first_seen_at=WEEK, source="docs")
    VisitorLink.objects.create(
        visitor_id="v_1", user=found.user, linked_at=timezone.now()
    )

    read_docs(WEEK, visitor_id="v_1")

    assert read_trials(Cause.DOCS_READ, AT).treated.tolist() == [True]


def test_a_comparison_waits_until_its_window_is_over(developer: Make) -> None:
    developer()

    assert read_trials(Cause.DOCS_READ, AT - MOMENT).rows == 0
    assert read_trials(Cause.DOCS_READ, AT).rows == 1
    # A week later the next one is over as well.
    assert read_trials(Cause.DOCS_READ, AT + timedelta(days=7)).rows == 2


@pytest.mark.parametrize("field", ["is_staff", "is_internal"])
def test_staff_and_test_people_are_not_compared(developer: Make, field: str) -> None:
    found = developer()
    setattr(found.user, field, True)
    found.user.save(update_fields=[field])

    assert read_trials(Cause.DOCS_READ, AT).rows == 0


def test_who_is_left_out_of_the_figures_is_not_compared(developer: Make) -> None:
    developer(excluded_at=WEEK)

    assert read_trials(Cause.DOCS_READ, AT).rows == 0


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(minutes=59), True),
        (timedelta(hours=1) - MOMENT, True),
        (timedelta(hours=1), False),
    ],
)
def test_a_first_reply_within_the_hour_is_another_persons(
    developer: Make, after: timedelta, expected: bool
) -> None:
    asker, helper = developer(), developer()
    ask(WEEK, asker.pk)
    answer(WEEK + timedelta(minutes=1), asker.pk)
    answer(WEEK + timedelta(minutes=2), helper.pk, topic=2)
    answer(WEEK + after, helper.pk)

    sample = read_trials(Cause.FAST_REPLY, AT)

    assert sample.person.tolist() == [asker.pk]
    assert sample.treated.tolist() == [expected]


@pytest.mark.parametrize(
    ("after", "expected"),
    [(timedelta(days=7) - MOMENT, True), (timedelta(days=7), False)],
)
def test_an_accepted_answer_counts_within_a_week_for_its_asker(
    developer: Make, after: timedelta, expected: bool
) -> None:
    asker, other = developer(), developer()
    ask(WEEK, asker.pk)
    ask(WEEK, other.pk, topic=2)
    accept(WEEK + after, asker.pk)

    sample = read_trials(Cause.ACCEPTED_ANSWER, AT)

    found = dict(zip(sample.person.tolist(), sample.treated.tolist(), strict=True))
    assert found == {asker.pk: expected, other.pk: False}


def test_a_credited_contribution_is_its_authors(developer: Make) -> None:
    author, other = developer(), developer()
    happen(
        "contribution_credited",
        WEEK + timedelta(days=1),
        author.pk,
        properties={"contribution_id": 1, "user_id": author.pk, "kind": "code"},
    )

    sample = read_trials(Cause.CONTRIBUTION, AT)

    found = dict(zip(sample.person.tolist(), sample.treated.tolist(), strict=True))
    assert found == {author.pk: True, other.pk: False}


def test_facts_stand_in_the_order_of_their_names(developer: Make) -> None:
    developer()

    sample = read_trials(Cause.DOCS_READ, AT)

    assert sample.names == tuple(FACTS)
    assert sample.covariates.shape == (1, len(FACTS))
    # Active since a day, and ln 2 of it.
    assert fact("age") == pytest.approx(0.6931, abs=1e-4)

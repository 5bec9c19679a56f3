"""Each moment occurs by its rule, and not a step earlier."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Organisation
from accounts.queries import personal_organisation
from accounts.services import create_organisation, create_user
from billing.growth import occurrences
from billing.growth.deciding import DecisionUnit
from billing.growth.models import Decision
from billing.growth.moments import RULES, Moment
from billing.ledger.models import UsageCost
from billing.ledger.services import record_usage
from contracts.accounts import EmailVerified
from contracts.billing import InvoicePaid, PaymentFailed
from contracts.community import AnswerAccepted, AnswerUnaccepted, ContributionCredited
from contracts.inference import CallRefused, UsageAggregated
from core.money import NANO
from entitlements.features import Features
from entitlements.services import replace_for
from outbox import publish

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
Deliver = Callable[[], int]


@pytest.fixture
def org(person: Person, catalogue: None) -> Organisation:
    return personal_organisation(person("ada"))


def moments() -> list[str]:
    return list(Decision.objects.order_by("pk").values_list("moment", flat=True))


def used(org: Organisation, price_nano: int, *, revision: int = 1) -> UsageAggregated:
    """Return the fact that so much was used this hour. The free allowance is $1."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    return UsageAggregated(
        organisation_id=org.pk,
        model="m",
        edition="open",
        window=hour.isoformat(),
        revision=revision,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=price_nano,
        cost_nano=1,
    )


def test_every_moment_has_its_rule() -> None:
    assert set(RULES) == set(Moment)


def test_eighty_percent_of_the_allowance_is_noticed_once_a_month(
    org: Organisation, deliver_outbox: Deliver
) -> None:
    publish(used(org, 79 * NANO // 100))
    deliver_outbox()
    assert moments() == []

    publish(used(org, NANO // 100, revision=2))
    publish(used(org, NANO // 100, revision=3))
    deliver_outbox()

    decision = Decision.objects.get()
    assert decision.moment == Moment.ALLOWANCE_80
    assert decision.occasion == f"{timezone.now():%Y-%m}"
    assert decision.context["used_percent"] in {80, 81}


@pytest.mark.parametrize("ledger_is_first", [True, False])
def test_usage_counts_once_whoever_hears_of_it_first(
    org: Organisation, ledger_is_first: bool
) -> None:
    fact = used(org, 50 * NANO // 100)
    if ledger_is_first:
        record_usage(fact)

    occurrences.notice_usage(fact)

    assert moments() == []


def test_usage_of_a_month_that_is_over_is_not_noticed(org: Organisation) -> None:
    old = timezone.now() - timedelta(days=40)
    fact = used(org, 5 * NANO)
    late = UsageAggregated(
        **{
            name: getattr(fact, name)
            for name in fact.__dataclass_fields__
            if name != "window"
        },
        window=old.isoformat(),
    )

    occurrences.notice_usage(late)

    assert moments() == []


def test_the_third_accepted_answer_is_noticed_and_one_taken_back_is_not_counted(
    person: Person, catalogue: None, deliver_outbox: Deliver
) -> None:
    ada, ben = person("ada"), person("ben")

    def accepted(answer: int, *, is_taken_back: bool = False) -> None:
        if is_taken_back:
            publish(
                AnswerUnaccepted(
                    answer_id=answer,
                    topic_id=answer,
                    author_id=ada.pk,
                    unaccepted_by_id=ben.pk,
                )
            )
        else:
            publish(
                AnswerAccepted(
                    answer_id=answer,
                    topic_id=answer,
                    author_id=ada.pk,
                    accepted_by_id=ben.pk,
                )
            )
        deliver_outbox()

    accepted(1)
    accepted(2)
    accepted(2, is_taken_back=True)
    accepted(3)
    assert moments() == []

    accepted(4)
    accepted(5)

    decision = Decision.objects.get()
    assert (decision.moment, decision.user) == (Moment.THIRD_ANSWER, ada)


def test_facts_in_the_wrong_order_leave_the_later_one(
    person: Person, catalogue: None
) -> None:
    ada = person("ada")
    at = timezone.now()
    for answer in (1, 2):
        occurrences.notice_answer(answer, ada.pk, is_accepted=True, at=at)

    occurrences.notice_answer(3, ada.pk, is_accepted=False, at=at)
    occurrences.notice_answer(3, ada.pk, is_accepted=True, at=at - timedelta(seconds=1))

    assert moments() == []


def test_a_contribution_is_noticed_for_the_team_somebody_works_in(
    person: Person, catalogue: None, deliver_outbox: Deliver
) -> None:
    ada = person("ada")
    team = create_organisation("Northwind", owner=ada)

    publish(
        ContributionCredited(
            contribution_id=7, user_id=ada.pk, kind="pull_request", points=50
        )
    )
    deliver_outbox()

    decision = Decision.objects.get()
    assert (decision.moment, decision.organisation) == (
        Moment.CONTRIBUTION_MERGED,
        team,
    )
    assert decision.context["points"] == 50


def test_a_colleague_is_noticed_by_a_companys_domain_only(
    catalogue: None, db: None, deliver_outbox: Deliver
) -> None:
    people = [
        create_user(address, f"dev{number}", "correct horse")
        for number, address in enumerate(
            ("a@acme.test", "b@gmail.com", "c@gmail.com", "d@acme.test")
        )
    ]

    for user in [*people, people[0]]:
        publish(EmailVerified(user_id=user.pk))
    deliver_outbox()

    colleagues = Decision.objects.filter(moment=Moment.COLLEAGUE)
    assert [each.user for each in colleagues] == [people[3]]


def test_a_declined_payment_is_noticed_once_for_each_invoice(
    org: Organisation, deliver_outbox: Deliver
) -> None:
    for invoice in (1, 1, 2):
        publish(PaymentFailed(organisation_id=org.pk, invoice_id=invoice))
    deliver_outbox()

    assert moments() == [Moment.CARD_FAILING] * 2


def test_a_payment_says_what_followed(
    org: Organisation, deliver_outbox: Deliver
) -> None:
    decided = occurrences.occur(Moment.LEAVING, DecisionUnit(org.pk), occasion="1")
    paid_at = timezone.now() + timedelta(hours=1)
    publish(
        InvoicePaid(
            organisation_id=org.pk,
            invoice_id=1,
            amount=100,
            currency="usd",
            is_first=True,
            occurred_at=paid_at.isoformat(),
        )
    )
    deliver_outbox()

    decision = Decision.objects.get(pk=decided.id)
    assert decision.reason == "offered"
    assert decision.paid_at == paid_at


def test_a_second_reading_of_the_prices_is_noticed_and_a_refresh_is_not(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert org.owner_id is not None
    start = datetime(2026, 9, 1, 9, tzinfo=UTC)
    for minutes, expected in ((0, 0), (5, 0), (29, 0), (31, 1), (60, 1)):
        now = start + timedelta(minutes=minutes)
        monkeypatch.setattr("django.utils.timezone.now", lambda now=now: now)
        occurrences.notice_pricing(org.owner_id, org.pk)
        assert len(moments()) == expected
    cache.clear()
    occurrences.notice_pricing(org.owner_id, org.pk)
    assert len(moments()) == 1


def test_usage_that_falls_by_more_than_half_is_noticed_of_who_pays(
    person: Person, catalogue: None
) -> None:
    now = timezone.now()
    expected = []
    for name, plan, before, after in (
        ("falls", "pro", 10, 4),
        ("half", "pro", 10, 5),
        ("free", "free", 10, 1),
        ("small", "pro", 0.9, 0),
    ):
        organisation = personal_organisation(person(name))
        replace_for(organisation.pk, Features(plan=plan), source="test")
        for days, amount in ((20, before), (3, after)):
            UsageCost.objects.create(
                organisation=organisation,
                model="m",
                edition="open",
                window=now - timedelta(days=days),
                revision=1,
                requests=1,
                tokens_in=1,
                tokens_out=1,
                price_nano=int(amount * NANO),
                cost_nano=0,
            )
        expected.append(organisation)

    assert occurrences.notice_falling_usage() == 1
    assert occurrences.notice_falling_usage() == 1

    decision = Decision.objects.get(moment=Moment.USAGE_FALLING)
    assert decision.organisation == expected[0]
    assert decision.context["percent_left"] == 40


@pytest.mark.parametrize("days_ago", [0, 40], ids=["at once", "after an outage"])
def test_a_refused_call_is_noticed_by_its_code_and_day(
    org: Organisation, deliver_outbox: Deliver, days_ago: int
) -> None:
    day = f"{timezone.now() - timedelta(days=days_ago):%Y-%m-%d}"
    for code in ("model_requires_plan", "model_requires_plan", "insufficient_quota"):
        publish(CallRefused(organisation_id=org.pk, code=code, day=day))
    deliver_outbox()

    assert set(Decision.objects.values_list("moment", "occasion")) == {
        ("premium_refused", day),
        ("limit_hit", day[:7]),
    }


def test_a_trial_that_ends_is_noticed_once(org: Organisation) -> None:
    for subscription in (5, 5, 6):
        occurrences.notice_trial_ending(org.pk, subscription)

    assert moments() == [Moment.TRIAL_ENDING] * 2

"""The reward: for a payment that stays, once, and taken back when it goes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import create_organisation
from billing.credits.models import CreditEntry, CreditGrant
from billing.credits.services import withdraw_credit
from billing.referrals import services
from billing.referrals.models import Referral
from billing.referrals.services import renew_referral, renew_referrals_of, reward_due
from billing.referrals.terms import LIFETIME, REWARD_NANO, SETTLING
from contracts.billing import InvoicePaid, PaymentRefunded, PaymentRestored
from notifications.models import Notification
from tests.billing.referrals.conftest import credit_of, give_back, own, paid
from tests.factories.referrals import referral_of
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
OLD = SETTLING.days + 1


def people(referral: Referral) -> tuple[User, User]:
    return referral.link.user, referral.invited


def test_both_get_credit_once_the_first_payment_has_stayed(referral: Referral) -> None:
    ada, ben = people(referral)
    paid(ben, days_ago=OLD)
    renew_referrals_of(own(ben).pk)

    assert [credit_of(user) for user in (ada, ben)] == [REWARD_NANO, REWARD_NANO]
    for _ in range(2):
        renew_referrals_of(own(ben).pk)
        reward_due()
    grants = CreditGrant.objects.order_by("key")
    assert [(grant.kind, grant.amount_nano) for grant in grants] == [
        ("referral", REWARD_NANO)
    ] * 2
    assert all(grant.expires_at is not None for grant in grants)
    told = Notification.objects.values_list("user__username", "title")
    assert {name for name, _title in told} == {"ada", "ben"}
    assert all("$10.00" in title for _name, title in told)


def test_nothing_is_given_before_the_payment_has_stayed_long_enough(
    referral: Referral,
) -> None:
    ada, ben = people(referral)
    paid(ben, days_ago=SETTLING.days - 1)
    renew_referrals_of(own(ben).pk)
    reward_due()

    referral.refresh_from_db()
    assert referral.paid_at is not None
    assert credit_of(ada) == credit_of(ben) == 0

    Referral.objects.update(paid_at=timezone.now() - SETTLING)
    assert reward_due() == 1
    assert credit_of(ada) == credit_of(ben) == REWARD_NANO


def test_joining_and_usage_alone_bring_nothing(referral: Referral) -> None:
    renew_referral(referral.pk)

    assert reward_due() == 0
    assert not CreditGrant.objects.exists()


@pytest.mark.parametrize("when", ["before", "too late"])
def test_money_from_before_they_came_or_long_after_does_not_count(
    referral: Referral, when: str
) -> None:
    _ada, ben = people(referral)
    at = {"before": timedelta(days=-1), "too late": LIFETIME}[when]
    now = timezone.now()
    Referral.objects.update(joined_at=now - timedelta(days=OLD) - at)
    paid(ben, days_ago=OLD)

    renew_referrals_of(own(ben).pk)

    referral.refresh_from_db()
    assert referral.paid_at is None
    assert not CreditGrant.objects.exists()


def test_an_organisation_that_paid_before_brings_nothing(
    referral: Referral, person: Person
) -> None:
    _ada, ben = people(referral)
    cyd = person("cyd")
    team = create_organisation("Team", owner=cyd)
    paid(cyd, days_ago=40, organisation=team)
    paid(ben, days_ago=OLD, organisation=team)

    renew_referrals_of(team.pk)

    referral.refresh_from_db()
    assert referral.paid_at is None


def test_one_organisation_brings_one_reward(referral: Referral, person: Person) -> None:
    ada, ben = people(referral)
    cyd = person("cyd")
    other = referral_of(ada, cyd, joined_at=referral.joined_at)
    team = create_organisation("Team", owner=ben)
    # Cyd pays for the team of Ben: both of them could be whom it is for.
    paid(cyd, days_ago=OLD, organisation=team)

    renew_referrals_of(team.pk)

    assert Referral.objects.filter(paid_at__isnull=False).count() == 1
    assert other.pk != referral.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Referral.objects.update(organisation=team)


def test_a_payment_that_goes_back_takes_what_is_left_of_the_credit(
    referral: Referral,
) -> None:
    ada, ben = people(referral)
    invoice = paid(ben, days_ago=OLD)
    renew_referrals_of(own(ben).pk)
    # Ada has used a part of hers.
    grant = CreditGrant.objects.get(organisation=own(ada))
    withdraw_credit(grant.pk, key="used", reason="Usage", amount_nano=3_000_000_000)

    give_back(invoice, 2_000)
    renew_referrals_of(own(ben).pk)
    renew_referrals_of(own(ben).pk)

    referral.refresh_from_db()
    assert credit_of(ada) == credit_of(ben) == 0
    assert referral.rewarded_at is None
    assert referral.withdrawn_at is not None
    back = CreditEntry.objects.filter(kind="withdrawn", key__endswith=":back")
    assert sorted(back.values_list("delta_nano", flat=True)) == [
        -REWARD_NANO,
        3_000_000_000 - REWARD_NANO,
    ]
    taken = Notification.objects.filter(dedupe_key__contains=":withdrawn:")
    assert taken.count() == 2


def test_credit_that_is_used_up_cannot_be_taken_back(referral: Referral) -> None:
    ada, ben = people(referral)
    invoice = paid(ben, days_ago=OLD)
    renew_referrals_of(own(ben).pk)
    grant = CreditGrant.objects.get(organisation=own(ada))
    withdraw_credit(grant.pk, key="used", reason="Usage", amount_nano=REWARD_NANO)

    give_back(invoice, 2_000)
    renew_referrals_of(own(ben).pk)

    referral.refresh_from_db()
    assert referral.withdrawn_at is not None
    assert credit_of(ben) == 0


def test_a_part_that_goes_back_takes_nothing(referral: Referral) -> None:
    ada, ben = people(referral)
    invoice = paid(ben, days_ago=OLD)
    renew_referrals_of(own(ben).pk)

    give_back(invoice, 999)
    renew_referrals_of(own(ben).pk)
    assert credit_of(ada) == REWARD_NANO

    give_back(invoice, 1_000)
    renew_referrals_of(own(ben).pk)
    assert credit_of(ada) == 0


def test_money_that_is_here_again_is_rewarded_again(referral: Referral) -> None:
    ada, ben = people(referral)
    invoice = paid(ben, days_ago=OLD)
    renew_referrals_of(own(ben).pk)
    give_back(invoice, 2_000)
    renew_referrals_of(own(ben).pk)

    give_back(invoice, 2_000, status="failed")
    renew_referrals_of(own(ben).pk)

    referral.refresh_from_db()
    assert (referral.round, referral.withdrawn_at) == (2, None)
    assert credit_of(ada) == credit_of(ben) == REWARD_NANO
    assert CreditGrant.objects.count() == 4


def test_facts_of_payments_move_referrals(referral: Referral) -> None:
    ada, ben = people(referral)
    org = own(ben).pk
    invoice = paid(ben, days_ago=OLD)
    deliver(InvoicePaid, org, invoice.pk, is_first=True)
    assert credit_of(ada) == REWARD_NANO

    give_back(invoice, 2_000)
    deliver(PaymentRefunded, org, invoice.pk)
    assert credit_of(ada) == 0

    give_back(invoice, 2_000, status="failed")
    deliver(PaymentRestored, org, invoice.pk)
    assert credit_of(ada) == REWARD_NANO


def deliver(fact: Any, organisation_id: int, invoice_id: int, **more: Any) -> None:
    """Have referrals hear a fact, as the outbox would tell it."""
    from billing.referrals import subscribers

    hearing: dict[Any, Any] = {
        InvoicePaid: subscribers.renew_paid,
        PaymentRefunded: subscribers.renew_refunded,
        PaymentRestored: subscribers.renew_restored,
    }
    hearing[fact](
        fact(
            organisation_id=organisation_id,
            invoice_id=invoice_id,
            amount=2_000,
            currency="usd",
            **more,
        )
    )


def test_the_database_refuses_what_cannot_be(referral: Referral) -> None:
    now = timezone.now()
    one = Referral.objects.filter(pk=referral.pk)
    for values in (
        {"invited": referral.link.user},
        {"rewarded_at": now},
        {"paid_at": now},
        {"paid_at": now, "invoice_id": 1, "round": 1, "rewarded_at": now}
        | {"refused_at": now},
        {"paid_at": now, "invoice_id": 1, "round": 1, "rewarded_at": now}
        | {"held_at": now},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            one.update(**values)


@pytest.mark.django_db(transaction=True)
def test_payments_and_runs_at_once_reward_once(referral: Referral) -> None:
    ada, ben = people(referral)
    paid(ben, days_ago=OLD)
    org = own(ben).pk

    came = together(
        *[lambda: renew_referrals_of(org)] * 3,
        *[services.reward_due] * 3,
        lambda: renew_referral(referral.pk),
    )

    assert not [each for each in came if isinstance(each, Exception)]
    assert credit_of(ada) == credit_of(ben) == REWARD_NANO
    assert CreditGrant.objects.count() == 2
    assert Notification.objects.filter(dedupe_key__startswith="referral:").count() == 2
    referral.refresh_from_db()
    assert referral.round == 1


@pytest.mark.django_db(transaction=True)
def test_a_refund_and_the_hour_at_once_leave_nobody_with_credit(
    referral: Referral,
) -> None:
    ada, ben = people(referral)
    invoice = paid(ben, days_ago=OLD)
    org = own(ben).pk

    def refund() -> None:
        give_back(invoice, 2_000)
        renew_referrals_of(org)

    came = together(refund, lambda: renew_referrals_of(org), services.reward_due)
    renew_referrals_of(org)

    assert not [each for each in came if isinstance(each, Exception)]
    assert credit_of(ada) == credit_of(ben) == 0

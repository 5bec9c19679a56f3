"""What speaks against a reward leads to a person, never to silence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership, User
from accounts.services import add_member, create_organisation
from activity.models import Visitor, VisitorLink
from audit.models import Record
from billing.referrals import services
from billing.referrals.checking import signs_against
from billing.referrals.exceptions import ReferralDecided
from billing.referrals.models import Referral, ReferralLink
from billing.referrals.services import decide_referral, renew_referrals_of, reward_due
from billing.referrals.terms import (
    MOST_A_WEEK,
    REWARD_NANO,
    SETTLING,
    TRACES_LAST,
)
from billing.subscriptions.models import BillingAccount, Case
from notifications.models import Notification
from tests.billing.referrals.conftest import credit_of, give_back, own, paid
from tests.factories.accounts import with_seats
from tests.factories.referrals import referral_of
from tests.races import together

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
OLD = SETTLING.days + 1


def same_card(referral: Referral, _person: Person) -> None:
    BillingAccount.objects.create(
        pk=own(referral.link.user).pk, card_fingerprint="card"
    )
    paid(referral.invited, days_ago=OLD, card="card")


def card_of_another(referral: Referral, person: Person) -> None:
    cyd = person("cyd")
    BillingAccount.objects.create(pk=own(cyd).pk, card_fingerprint="card")
    paid(referral.invited, days_ago=OLD, card="card")


def same_browser(referral: Referral, _person: Person) -> None:
    browser = Visitor.objects.create(
        id="v1", first_seen_at=timezone.now(), source="direct"
    )
    VisitorLink.objects.create(
        visitor=browser, user=referral.link.user, linked_at=timezone.now()
    )
    Referral.objects.update(visitor_id="v1")
    paid(referral.invited, days_ago=OLD)


def same_address(referral: Referral, _person: Person) -> None:
    ReferralLink.objects.update(address_digest="net")
    Referral.objects.update(address_digest="net")
    paid(referral.invited, days_ago=OLD)


def address_of_others(referral: Referral, person: Person) -> None:
    for name in ("cyd", "dan"):
        referral_of(referral.link.user, person(name), address_digest="net")
    Referral.objects.update(address_digest="net")
    paid(referral.invited, days_ago=OLD)


def same_domain(referral: Referral, _person: Person) -> None:
    User.objects.filter(pk=referral.invited_id).update(email="ben@First.test")
    paid(referral.invited, days_ago=OLD)


def same_organisation(referral: Referral, _person: Person) -> None:
    team = with_seats(create_organisation("Team", owner=referral.link.user), 5)
    add_member(team, user=referral.invited, role=Membership.Role.MEMBER)
    paid(referral.invited, days_ago=OLD)


def many_at_once(referral: Referral, person: Person) -> None:
    for number in range(MOST_A_WEEK):
        other = person(f"p{number}")
        User.objects.filter(pk=other.pk).update(email=f"p@{number}.test")
        referral_of(
            referral.link.user,
            other,
            paid_at=timezone.now() - timedelta(days=OLD + 3),
            invoice_id=number,
        )
    paid(referral.invited, days_ago=OLD)


@pytest.mark.parametrize(
    ("arrange", "signs"),
    [
        (same_card, ["same_card", "card_known"]),
        (card_of_another, ["card_known"]),
        (same_browser, ["same_browser"]),
        (same_address, ["same_address"]),
        (address_of_others, ["address_known"]),
        (same_domain, ["same_domain"]),
        (same_organisation, ["same_organisation"]),
        (many_at_once, ["velocity"]),
    ],
)
def test_each_sign_puts_it_before_staff_and_gives_nothing_yet(
    referral: Referral,
    person: Person,
    arrange: Callable[[Referral, Person], None],
    signs: list[str],
) -> None:
    person("boss", is_staff=True)
    arrange(referral, person)
    renew_referrals_of(own(referral.invited).pk)
    reward_due()

    referral.refresh_from_db()
    assert referral.signs == signs
    assert referral.is_undecided
    assert credit_of(referral.link.user) == credit_of(referral.invited) == 0
    case = Case.objects.get(kind="referral", closed_at=None)
    assert case.object_id == f"referral {referral.pk}"
    assert case.ours == ", ".join(signs)
    assert Notification.objects.filter(user__username="boss").count() == 1


def test_public_mail_and_one_network_of_strangers_are_no_signs(
    referral: Referral, person: Person
) -> None:
    User.objects.filter(pk=referral.link.user_id).update(email="ada@gmail.com")
    User.objects.filter(pk=referral.invited_id).update(email="ben@gmail.com")
    Referral.objects.update(address_digest="net")
    referral_of(referral.link.user, person("cyd"), address_digest="net")
    referral_of(person("dan"), person("eve"), address_digest="net")
    found = Referral.objects.select_related("link__user", "invited").get(pk=referral.pk)

    assert signs_against(found) == []


def held(referral: Referral, person: Person) -> Referral:
    same_domain(referral, person)
    renew_referrals_of(own(referral.invited).pk)
    referral.refresh_from_db()
    assert referral.is_undecided
    return referral


def test_staff_may_reward_what_was_held_back(
    referral: Referral, person: Person
) -> None:
    boss = person("boss", is_staff=True)
    decide_referral(
        held(referral, person), is_rewarded=True, note="They are siblings.", by=boss
    )

    assert credit_of(referral.link.user) == credit_of(referral.invited) == REWARD_NANO
    assert not Case.objects.filter(closed_at=None).exists()
    record = Record.objects.get(action="referral.allowed")
    assert record.after is not None
    assert record.after["signs"] == ["same_domain"]
    # A payment that goes back is stronger than what a person said.
    invoice = referral_invoice(referral)
    give_back(invoice, 2_000)
    renew_referrals_of(own(referral.invited).pk)
    assert credit_of(referral.link.user) == 0


def referral_invoice(referral: Referral) -> Any:
    from billing.ledger.models import Invoice

    return Invoice.objects.get(organisation=own(referral.invited))


def test_staff_may_refuse_and_who_invited_is_told(
    referral: Referral, person: Person
) -> None:
    boss = person("boss", is_staff=True)
    decide_referral(
        held(referral, person), is_rewarded=False, note="One person.", by=boss
    )
    reward_due()
    renew_referrals_of(own(referral.invited).pk)

    referral.refresh_from_db()
    assert (referral.refused_at is not None, referral.note) == (True, "One person.")
    assert credit_of(referral.link.user) == 0
    told = Notification.objects.get(dedupe_key__contains=":refused:")
    assert told.user_id == referral.link.user_id


def test_what_speaks_against_it_later_is_seen_before_it_is_given(
    referral: Referral, person: Person
) -> None:
    paid(referral.invited, days_ago=1)
    renew_referrals_of(own(referral.invited).pk)
    referral.refresh_from_db()
    assert not referral.is_undecided

    team = with_seats(create_organisation("Team", owner=referral.link.user), 5)
    add_member(team, user=referral.invited, role=Membership.Role.MEMBER)
    Referral.objects.update(paid_at=timezone.now() - SETTLING)

    assert reward_due() == 0
    referral.refresh_from_db()
    assert referral.signs == ["same_organisation"]


def test_a_payment_that_goes_back_leaves_nothing_to_decide(
    referral: Referral, person: Person
) -> None:
    held(referral, person)
    invoice = referral_invoice(referral)
    give_back(invoice, 2_000)
    renew_referrals_of(own(referral.invited).pk)

    referral.refresh_from_db()
    assert not referral.is_undecided
    assert not Case.objects.filter(closed_at=None).exists()
    give_back(invoice, 2_000, status="failed")
    renew_referrals_of(own(referral.invited).pk)
    referral.refresh_from_db()
    assert referral.is_undecided


@pytest.mark.django_db(transaction=True)
def test_two_of_the_staff_decide_once(referral: Referral, person: Person) -> None:
    bosses = [person(name, is_staff=True) for name in ("boss", "chief")]
    held(referral, person)

    came = together(
        *(
            lambda by=by, yes=yes: decide_referral(
                referral, is_rewarded=yes, note="x", by=by
            )
            for by, yes in zip(bosses, (True, False), strict=True)
        )
    )

    assert [type(each) for each in came if each is not None] == [ReferralDecided]
    referral.refresh_from_db()
    assert (referral.refused_at is None) == (referral.rewarded_at is not None)


def test_traces_are_forgotten_in_time(referral: Referral) -> None:
    Referral.objects.update(
        address_digest="net",
        visitor_id="v1",
        joined_at=timezone.now() - TRACES_LAST - timedelta(days=1),
    )
    ReferralLink.objects.update(
        address_digest="net",
        created_at=timezone.now() - TRACES_LAST - timedelta(days=1),
    )

    assert services.prune_traces() == 1
    assert services.prune_traces() == 0
    referral.refresh_from_db()
    assert (referral.address_digest, referral.visitor_id) == ("", "")
    assert ReferralLink.objects.get().address_digest == ""

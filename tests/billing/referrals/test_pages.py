"""The link, the visit that is kept, a member's page and the staff's."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.signals import user_signed_up
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing.referrals.models import Referral, ReferralLink
from billing.referrals.services import ensure_link, record_referral
from billing.referrals.visiting import COOKIE, Visit, keep_visit, visit_of
from tests.factories.referrals import referral_of
from tests.forms import form_of
from tests.queries import queries_of
from tests.races import together
from tests.signing_in import record_sign_in

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


def open_link(client: Client, link: ReferralLink, **headers: str) -> Any:
    return client.get(
        reverse("referrals:invitation", args=[link.code]), headers=BROWSER | headers
    )


def sign_up(client: Client, user: User) -> None:
    """Have allauth say that somebody signed up in this browser."""
    request = RequestFactory().get("/")
    request.COOKIES = {name: each.value for name, each in client.cookies.items()}
    user_signed_up.send(sender=User, request=request, user=user)


def test_who_signs_up_after_a_visit_was_brought_by_the_first_link(
    client: Client, person: Person
) -> None:
    first, second = (ensure_link(person(name)) for name in ("ada", "bea"))
    page = open_link(client, first)
    open_link(client, second)
    cyd = person("cyd")

    sign_up(client, cyd)
    sign_up(client, cyd)

    referral = Referral.objects.get()
    assert (referral.link, referral.invited) == (first, cyd)
    assert referral.visited_at <= referral.joined_at
    assert len(referral.address_digest) == 64
    assert "127.0.0" not in referral.address_digest
    assert "noindex" in page.content.decode()
    assert client.cookies[COOKIE]["httponly"]


def test_who_asks_not_to_be_known_is_only_kept_by_the_button(
    client: Client, person: Person
) -> None:
    link = ensure_link(person("ada"))
    open_link(client, link, DNT="1")
    assert COOKIE not in client.cookies

    answer = client.post(reverse("referrals:invitation", args=[link.code]))

    assert answer["Location"] == reverse("account_signup")
    sign_up(client, person("cyd"))
    assert Referral.objects.get().link == link


def test_a_forged_or_old_visit_brings_nobody(
    client: Client, person: Person, settings: Any
) -> None:
    link = ensure_link(person("ada"))
    client.cookies[COOKIE] = f"{link.code}:forged"
    sign_up(client, person("cyd"))
    assert not Referral.objects.exists()

    open_link(client, link)
    request = RequestFactory().get("/")
    request.COOKIES = {COOKIE: client.cookies[COOKIE].value}
    assert visit_of(request) is not None
    response = HttpResponse()
    keep_visit(request, response, code="other")
    assert COOKIE not in response.cookies


def visit(link: ReferralLink) -> Visit:
    return Visit(link.code, timezone.now(), "", "")


def test_nobody_brings_themselves_nor_does_staff(person: Person) -> None:
    ada, boss = person("ada"), person("boss", is_staff=True)
    gone = person("gone", is_active=False)

    assert record_referral(ada, visit(ensure_link(ada))) is None
    for user in (boss, gone):
        assert record_referral(ada, visit(ensure_link(user))) is None
    assert record_referral(ada, Visit("nothing", timezone.now(), "", "")) is None
    assert not Referral.objects.exists()


def test_a_link_that_is_not_there_is_not_found(client: Client) -> None:
    assert client.get("/invite/nothing/").status_code == 404


def test_a_member_makes_their_link_once_and_sees_whom_it_brought(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)
    address = reverse("referrals:mine")
    assert "Make my link" in client.get(address).content.decode()

    for _ in range(2):
        client.post(address)
    link = ReferralLink.objects.get()
    for number in range(3):
        referral_of(ada, person(f"p{number}"))
    referral_of(person("bea"), person("stranger"))
    with CaptureQueriesContext(connection) as few:
        page = client.get(address).content.decode()

    assert f"/invite/{link.code}/" in page
    assert "p2" in page
    assert "stranger" not in page
    for number in range(3, 9):
        referral_of(ada, person(f"p{number}"))
    with CaptureQueriesContext(connection) as more:
        client.get(address)
    assert len(more) == len(few)


def test_the_pages_speak_chinese(client: Client, person: Person) -> None:
    ada = person("ada", locale="zh-hans")
    link = ensure_link(ada)
    chinese = {"Accept-Language": "zh-hans"}

    public = open_link(client, link, **chinese).content.decode()
    client.force_login(ada)
    own = client.get(reverse("referrals:mine"), headers=chinese).content.decode()

    assert "您收到一份邀请" in public
    assert "您的邀请链接" in own


def test_staff_decide_with_a_reason_and_lose_nothing_typed(
    client: Client, person: Person
) -> None:
    boss, ada, ben = person("boss", is_staff=True), person("ada"), person("ben")
    now = timezone.now()
    referral = referral_of(
        ada,
        ben,
        signs=["same_domain"],
        held_at=now,
    )
    client.force_login(boss)
    record_sign_in(client, boss)
    listed = client.get(reverse("referrals:list")).content.decode()
    address = reverse("referrals:referral", args=[referral.pk])
    form = form_of(client.get(address).content.decode(), "note")

    wrong = client.post(address, {**form.values, "note": "One person."})
    answer = client.post(
        address, {**form.values, "note": "One person.", "verdict": "refuse"}
    )

    assert "The same company" in listed
    assert wrong.status_code == 422
    assert form_of(wrong.content.decode(), "note").values["note"] == "One person."
    assert answer["Draft-Accepted"]
    referral.refresh_from_db()
    assert referral.refused_at is not None
    again = client.post(address, {"note": "x", "verdict": "reward"})
    assert again.status_code == 422
    assert "decided already" in again.content.decode()


def test_the_list_of_staff_costs_the_same_whatever_its_length(
    client: Client, person: Person
) -> None:
    client.force_login(person("boss", is_staff=True))
    ada = person("ada")
    address = f"{reverse('referrals:list')}?state=all"

    referral_of(ada, person("p0"))
    # The first page of a process reads what it keeps in memory.
    queries_of(client, address)
    few = queries_of(client, address)
    for number in range(1, 7):
        referral_of(ada, person(f"p{number}"))

    assert queries_of(client, address) == few


@pytest.mark.django_db(transaction=True)
def test_two_clicks_make_one_link(person: Person) -> None:
    ada = person("ada")

    links = together(*[lambda: ensure_link(ada)] * 4)

    assert len({link.code for link in links}) == 1

"""Closing an account, taking that back, and what happens when the days are over."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import services as accounts
from accounts import tokens
from accounts.models import Membership, Organisation, PersonalAccessToken, User
from accounts.queries import personal_organisation
from audit.models import Record
from billing.credits.models import CreditGrant
from billing.ledger.models import Invoice
from community.forum.models import Topic
from community.forum.services import accept_answer
from core.money import NANO
from inference.keys.models import ApiKey
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage
from outbox.models import Event
from privacy import services
from privacy.exceptions import AccountHeld, AlreadyClosed, NotClosed
from privacy.models import Closing
from privacy.registry import find_obstacles
from tests.factories import forum
from tests.factories.accounts import with_seats
from tests.factories.billing import paid_invoice_of
from tests.factories.credits import credit_of
from tests.factories.inference import key_of
from tests.factories.privacy import subscription_of
from tests.signing_in import age_sign_in, browser_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
PAGE = "/settings/close/"


def mails_to(address: str) -> list[str]:
    mails = EmailMessage.objects.filter(to=address).order_by("pk")
    return list(mails.values_list("subject", flat=True))


def facts() -> list[str]:
    names = Event.objects.filter(name__startswith="Account").order_by("pk")
    return list(names.values_list("name", flat=True))


def actions() -> list[str]:
    records = Record.objects.filter(action__startswith="person.").order_by("pk")
    return list(records.values_list("action", flat=True))


def test_who_closes_is_out_everywhere_at_once(
    person: Person, deliver_outbox: Callable[[], int]
) -> None:
    ada = person("ada")
    browser, other = browser_of(ada), browser_of(ada)
    key = key_of(personal_organisation(ada), ada)
    _token, secret = tokens.create_token(ada, name="CI", scopes=["read"])

    answer = browser.post(PAGE, {"username": "ada"})
    deliver_outbox()

    assert answer.headers["Location"] == "/accounts/closed/"
    assert browser.get("/accounts/closed/").status_code == 200
    assert not UserSession.objects.filter(user=ada).exists()
    for each in (browser, other):
        assert (
            each.get("/settings/profile/")
            .headers["Location"]
            .startswith("/accounts/login/")
        )
    assert tokens.find_token(secret) is None
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None
    assert facts() == ["AccountClosed"]
    assert mails_to(ada.email)[-1].endswith("is closed")


def test_the_name_is_typed_and_what_was_typed_is_kept(person: Person) -> None:
    ada = person("ada")
    browser = browser_of(ada)

    for typed, status in (("", 422), ("adam", 422)):
        answer = browser.post(PAGE, {"username": typed})
        assert answer.status_code == status
    assert 'value="adam"' in answer.content.decode()
    assert "Your username is ada." in answer.content.decode()
    ada.refresh_from_db()
    assert ada.closes_at is None
    assert browser.post(PAGE, {"username": "@Ada"}).status_code == 302


def test_it_asks_for_the_password_again(person: Person) -> None:
    ada = person("ada")
    browser = browser_of(ada)
    age_sign_in(browser, minutes=10)

    answer = browser.post(PAGE, {"username": "ada"})

    assert "reauthenticate" in answer.headers["Location"]
    ada.refresh_from_db()
    assert ada.closes_at is None


def test_without_a_password_it_works_too(
    client: Client, person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    ada.set_unusable_password()
    ada.save()
    SocialAccount.objects.create(user=ada, provider="github", uid="7")
    client.force_login(ada)

    answer = client.post(PAGE, {"username": "ada"})
    erase(ada)

    assert answer.headers["Location"] == "/accounts/closed/"
    assert ada.erased_at is not None
    assert not SocialAccount.objects.exists()


def test_a_sign_in_says_so_and_one_button_takes_it_back(person: Person) -> None:
    ada = person("ada")
    services.close_account(ada)

    browser = browser_of(ada)
    led = browser.get("/forum/", follow=True)
    assert led.redirect_chain[-1][0] == PAGE
    page = led.content.decode()
    assert "Your account is closed" in page
    assert re.search(r'action="/settings/close/undo/"', page)
    assert browser.get("/api/v1/topics/").json()["code"] == "account_closing"
    assert browser.get("/settings/data/").status_code == 200

    answer = browser.post("/settings/close/undo/")

    assert answer.headers["Location"] == "/settings/profile/"
    assert browser.get("/forum/").status_code == 200
    ada.refresh_from_db()
    assert ada.closes_at is None
    assert facts() == ["AccountClosed", "AccountReopened"]
    assert actions() == ["person.account_closed", "person.account_reopened"]
    assert mails_to(ada.email)[-1].endswith("is open again")
    closing = Closing.objects.get()
    assert (closing.reopened_at is None, closing.erased_at) == (False, None)


def test_what_a_closed_account_types_is_given_back_and_nothing_is_done(
    person: Person,
) -> None:
    ada = person("ada")
    category = forum.category()
    browser = browser_of(ada)
    # Typed before it was closed in another window.
    page = browser.get("/forum/new/").content.decode()
    token = re.search(r'name="draft"[^>]* value="([^"]+)"', page)
    assert token is not None
    services.close_account(ada)
    browser = browser_of(ada)
    typed = {
        "title": "A long title",
        "text": "Hours of <b>work</b>",
        "category": category.pk,
        "draft": token[1],
        "password": "s3cr",
    }

    answer = browser.post("/forum/new/", typed)

    said = answer.content.decode()
    assert answer.status_code == 403
    assert "Hours of &lt;b&gt;work&lt;/b&gt;" in said
    assert "A long title" in said
    assert "s3cr" not in said
    assert f">{token[1]}<" not in said
    # And how to go on.
    assert 'action="/settings/close/undo/"' in said
    assert not Topic.objects.exists()
    browser.post("/settings/close/undo/")
    assert "Hours of" in browser.get("/forum/new/").content.decode()


def test_a_closed_account_is_told_so_in_each_way_that_is_asked(
    person: Person,
) -> None:
    ada = person("ada")
    services.close_account(ada)
    browser = browser_of(ada)
    piece = {"HX-Request": "true"}

    assert browser.get("/notifications/_unread/", headers=piece).status_code == 204
    assert browser.head("/forum/").headers["Location"] == PAGE
    for answer in (
        browser.get("/api/v1/topics/"),
        browser.post("/api/v1/topics/", {}, content_type="application/json"),
        browser.delete("/api/v1/topics/1/"),
    ):
        assert answer.status_code == 403
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["code"] == "account_closing"


def test_the_wall_costs_no_query(client: Client, person: Person) -> None:
    client.force_login(person("ada"))
    client.get("/robots.txt")

    with CaptureQueriesContext(connection) as queries:
        client.get("/settings/close/undo/")

    asked = [each["sql"] for each in queries if "privacy_" in each["sql"]]
    assert asked == []


def test_closing_twice_and_opening_what_is_open_are_refused(person: Person) -> None:
    ada = person("ada")
    with pytest.raises(NotClosed):
        services.restore_account(ada)
    services.close_account(ada)

    with pytest.raises(AlreadyClosed):
        services.close_account(ada)

    assert Closing.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Closing.objects.create(user=ada)


def test_a_second_closing_after_taking_it_back_is_another(
    person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    services.close_account(ada)
    services.restore_account(ada)
    services.close_account(ada)

    erase(ada)

    assert ada.erased_at is not None
    ends = Closing.objects.order_by("pk").values_list("reopened_at", "erased_at")
    assert [(back is None, gone is None) for back, gone in ends] == [
        (False, True),
        (True, False),
    ]


def held(user: Any) -> list[tuple[str, str]]:
    with pytest.raises(AccountHeld) as refusal:
        services.close_account(user)
    user.refresh_from_db()
    assert user.closes_at is None
    assert not Closing.objects.exists()
    return [(each.reason, each.url) for each in refusal.value.obstacles]


def test_the_only_owner_of_others_stays_and_is_led_to_the_members(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=ada), 5)
    place = accounts.add_member(team, user=ben)

    ((reason, url),) = held(ada)
    assert "Northwind" in reason
    assert url == "/console/northwind/members/"

    mine = team.memberships.get(user=ada)
    accounts.change_role(place, role=Membership.Role.OWNER, by=mine)
    assert services.close_account(ada)


def test_a_team_of_one_is_no_obstacle_but_its_money_is(person: Person) -> None:
    ada = person("ada")
    team = accounts.create_organisation("Alone", owner=ada)
    assert find_obstacles(ada) == []

    row = subscription_of(team)
    ((reason, url),) = held(ada)
    assert "Alone" in reason
    assert "Cancel it" in reason
    assert url == "/console/alone/billing/"
    row.cancel_at_period_end = True
    row.period_end = timezone.now()
    row.save()
    ((reason, _url),) = held(ada)
    assert "not come to its end" in reason
    row.status = "canceled"
    row.save()
    assert find_obstacles(ada) == []


def test_the_money_of_a_team_with_another_owner_is_the_others(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=ben), 5)
    accounts.add_member(team, user=ada, role=Membership.Role.OWNER)
    subscription_of(team)

    assert find_obstacles(ada) == []


def test_an_open_invoice_and_bought_credit_hold_an_account(person: Person) -> None:
    ada = person("ada")
    mine = personal_organisation(ada)
    invoice = paid_invoice_of(mine)
    credit_of(mine, 3 * NANO)
    assert find_obstacles(ada) == []

    Invoice.objects.filter(pk=invoice.pk).update(
        status="open", paid_at=None, amount_due=2_000, number="DS-7"
    )
    ((reason, url),) = held(ada)
    assert "DS-7" in reason
    assert url == f"/console/{mine.slug}/billing/"
    Invoice.objects.filter(pk=invoice.pk).update(status="void")
    credit_of(mine, 5 * NANO, kind=CreditGrant.Kind.BOUGHT)
    ((reason, url),) = held(ada)
    assert "$5.00" in reason
    assert url == f"/console/{mine.slug}/credit/"


@pytest.mark.parametrize("role", ["is_staff", "is_moderator"])
def test_who_has_power_has_it_taken_first(person: Person, role: str) -> None:
    ((reason, _url),) = held(person("ada", **{role: True}))

    assert "staff" in reason


def test_what_stands_in_the_way_is_on_the_page_before_and_after(
    person: Person,
) -> None:
    ada = person("ada")
    subscription_of(personal_organisation(ada))
    browser = browser_of(ada)

    page = browser.get(PAGE).content.decode()
    assert "First settle this" in page
    assert 'href="/console/ada/billing/"' in page
    assert 'name="username"' not in page
    sent = browser.post(PAGE, {"username": "ada"})
    assert sent.status_code == 409
    assert 'value="ada"' in sent.content.decode()


def test_an_erased_person_is_nameless_and_what_they_wrote_stays(
    client: Client, person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada", display_name="Ada Lovelace", bio="I count.")
    ben = person("ben")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    topic = forum.topic(ben)
    answer = forum.reply(topic, ada, "Like this.")
    accept_answer(answer, by=ben)
    before = Topic.objects.filter(pk=topic.pk).values().get()
    team = with_seats(accounts.create_organisation("Northwind", owner=ben), 5)
    accounts.add_member(team, user=ada)
    services.close_account(ada)

    erase(ada)

    assert not User.objects.filter(username="ada").exists()
    assert (ada.is_active, ada.name) == (False, "Deleted user")
    assert ada.email.endswith(".invalid")
    assert Topic.objects.filter(pk=topic.pk).values().get() == before
    page = client.get(topic.get_absolute_url()).content.decode()
    assert "Like this." in page
    assert "Deleted user" in page
    assert "Lovelace" not in page
    assert client.get(ada.get_absolute_url()).status_code == 200
    assert not EmailAddress.objects.filter(user=ada).exists()
    assert not PersonalAccessToken.objects.filter(user=ada).exists()
    assert not team.memberships.filter(user=ada).exists()
    mine = personal_organisation(ada)
    assert mine.name.startswith("deleted.")
    assert mine.billing_email == ""
    assert not Organisation.objects.filter(slug="ada").exists()
    assert actions()[-2:] == ["person.account_erased", "person.forgotten"]
    # One last mail, to where they were.
    assert mails_to("ada@example.test") == ["Your account on Doorstone is erased"]
    assert not EmailMessage.objects.filter(user=ada).exists()
    # Address and name are free again.
    assert person("ada").pk != ada.pk


def test_nobody_comes_in_as_an_erased_person(
    client: Client, person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    services.close_account(ada)
    in_time = browser_of(ada)
    erase(ada)

    assert in_time.get(PAGE).headers["Location"].startswith("/accounts/login/")
    sent = {"login": "ada@example.test", "password": "correct horse"}
    assert client.post("/accounts/login/", sent).status_code == 200
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ada.pk).update(is_active=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ada.pk).update(display_name="Ada")


def test_before_the_days_are_over_nothing_is_erased(
    person: Person, settings: Any
) -> None:
    settings.ACCOUNT_GRACE_DAYS = 14
    ada = person("ada")
    closing = services.close_account(ada)
    ada.refresh_from_db()

    assert (ada.closes_at - closing.closed_at).days == 14
    assert services.enqueue_erasures() == 0
    assert services.erase_account(closing) is False
    ada.refresh_from_db()
    assert ada.username == "ada"


def test_the_job_run_again_changes_nothing(
    person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    closing = services.close_account(ada)
    erase(ada)
    name, at = ada.username, ada.erased_at

    Job.objects.filter(kind="erasure").update(state="waiting", finished_at=None)
    sweep("erasure")

    ada.refresh_from_db()
    assert (ada.username, ada.erased_at) == (name, at)
    assert Job.objects.get(kind="erasure").state == Job.State.IGNORED
    assert services.erase_account(closing) is False
    assert facts() == ["AccountClosed", "AccountErased"]


def test_what_was_bought_meanwhile_puts_the_erasure_off_and_says_why(
    person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada", locale="zh-hans")
    services.close_account(ada)
    row = subscription_of(personal_organisation(ada))

    erase(ada)

    assert (ada.username, ada.erased_at) == ("ada", None)
    assert (ada.closes_at - timezone.now()).days == services.PUT_OFF.days - 1
    assert actions()[-1] == "person.erasure_put_off"
    last = EmailMessage.objects.filter(to=ada.email).latest("pk")
    assert "Cancel it" not in last.text
    assert "ada" in last.text

    row.status = "canceled"
    row.save()
    erase(ada)
    assert ada.erased_at is not None


def test_staff_see_that_an_account_is_closed_and_then_erased(
    client: Client, person: Person, erase: Callable[[Any], None]
) -> None:
    ada = person("ada")
    client.force_login(person("staff", is_staff=True))
    services.close_account(ada)
    erase_page = "/staff/conversion/people/{}/"
    from billing.conversion.services import record_sign_up

    record_sign_up(ada.pk)

    assert (
        "They closed their account"
        in client.get(erase_page.format("ada")).content.decode()
    )
    erase(ada)
    assert (
        "Their account was erased"
        in client.get(erase_page.format(ada.username)).content.decode()
    )


def test_mails_speak_the_language_of_their_reader(person: Person) -> None:
    ada = person("ada", locale="zh-hans")
    services.close_account(ada)
    services.restore_account(ada)

    assert not [each for each in mails_to(ada.email) if "account" in each.lower()]
    assert mail.outbox == []

"""What happens when the days of a closed account are over."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Organisation, PersonalAccessToken, User
from accounts.queries import personal_organisation
from community.forum.models import Topic
from community.forum.services import accept_answer
from jobs.models import Job
from jobs.working import sweep
from notifications.models import EmailMessage
from privacy import services
from tests.factories import forum
from tests.factories.accounts import with_seats
from tests.factories.privacy import subscription_of
from tests.privacy.traces import actions, facts, mails_to
from tests.signing_in import browser_of

pytestmark = pytest.mark.django_db
Person = Callable[..., Any]
PAGE = "/settings/close/"


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

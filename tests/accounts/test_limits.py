"""Guessing, and writing to strangers, is counted; nobody is locked out by another."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import get_resolver
from redis.exceptions import ConnectionError as Gone

from accounts import entrance
from accounts.models import Invitation, User
from accounts.services import add_member, create_organisation
from core.crypto import encrypt
from core.errors import RateLimited
from stores import limiter
from tests.factories.accounts import with_seats
from tests.test_house_rules import mistakes

pytestmark = pytest.mark.django_db
Member = Callable[..., Any]
RIGHT, WRONG = "correct horse", "wrong wrong"
HOME, STRANGER = "198.51.100.7", "203.0.113.9"


def from_(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


def is_in(client: Client) -> bool:
    return client.get("/settings/profile/").status_code == 200


def guess(client: Client, user: Any, password: str = WRONG) -> Any:
    return client.post("/accounts/login/", {"login": user.email, "password": password})


def test_of_forty_guesses_at_a_password_five_are_answered(member: Member) -> None:
    ada = member("ada")

    answers = [guess(from_(STRANGER), ada) for _ in range(40)]

    answered = [answer.status_code for answer in answers].count(200)
    # A slow machine lets one more through per minute.
    assert 5 <= answered <= 7
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(a["Retry-After"]) > 0 for a in answers if a.status_code == 429)
    late = from_(STRANGER)
    assert guess(late, ada, RIGHT).status_code == 429
    assert not is_in(late)


def test_a_strangers_guesses_lock_nobody_out(member: Member) -> None:
    ada = member("ada")
    for _ in range(10):
        guess(from_(STRANGER), ada)

    at_home = from_(HOME)
    guess(at_home, ada, RIGHT)

    assert is_in(at_home)


def test_another_host_header_is_not_another_account(member: Member) -> None:
    ada = member("ada")
    for host in ("testserver", "localhost", "127.0.0.1") * 2:
        from_(STRANGER).post(
            "/accounts/login/",
            {"login": ada.email.upper(), "password": "wrong wrong"},
            headers={"host": host},
        )

    assert guess(from_(STRANGER), ada, RIGHT).status_code == 429


def test_guesses_from_everywhere_end_and_the_desk_at_home_stays_open(
    member: Member,
) -> None:
    ada = member("ada")
    desk = from_(HOME)
    guess(desk, ada, RIGHT)
    assert is_in(desk)

    answers = [
        guess(from_(f"203.0.{number}.1"), ada).status_code for number in range(110)
    ]

    assert answers[:90] == [200] * 90
    assert answers[-1] == 429
    again = from_(HOME)
    guess(again, ada, RIGHT)
    assert is_in(again)


def test_the_right_password_is_no_guess(member: Member) -> None:
    ada = member("ada")

    for _ in range(8):
        client = from_(HOME)
        guess(client, ada, RIGHT)
        assert is_in(client)


def test_guesses_are_counted_without_redis_too(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = member("ada")

    def away(*_: Any, **__: Any) -> Any:
        raise Gone

    monkeypatch.setattr(limiter, "client", away)
    try:
        statuses = [guess(from_(STRANGER), ada).status_code for _ in range(12)]
    finally:
        limiter.forget("guess:password:minutes", f"{ada.email}@203.0.113.0/24")
        limiter.forget("guess:password:day", f"{ada.email}@203.0.113.0/24")

    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429


def test_counting_here_loses_no_guess_to_a_race(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise Gone

    monkeypatch.setattr(limiter, "client", away)
    start = threading.Barrier(8)
    passed: list[bool] = []

    def ask() -> None:
        start.wait()
        for _ in range(50):
            try:
                limiter.check("race", "one", limit=100, period=86_400, is_guard=True)
            except RateLimited:
                continue
            passed.append(True)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.forget("race", "one")

    assert len(passed) == 100


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/accounts/password/change/", "oldpassword"),
        ("/accounts/reauthenticate/", "password"),
    ],
)
def test_a_session_left_open_is_no_place_to_guess_the_password(
    path: str, name: str, member: Member
) -> None:
    ada = member("ada")
    client = from_(STRANGER)
    client.force_login(ada)
    new = {"password1": "another horse battery"}

    answers = [client.post(path, {name: f"{WRONG} {n}", **new}) for n in range(9)]

    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0
    assert client.post(path, {name: RIGHT, **new}).status_code == 429
    ada.refresh_from_db()
    assert ada.check_password(RIGHT)
    # A guess at one form is a guess at the sign-in, and at home nobody notices.
    assert guess(from_(STRANGER), ada, RIGHT).status_code == 429
    assert guess(from_(HOME), ada, RIGHT).status_code == 302


def test_the_right_old_password_is_no_guess(member: Member) -> None:
    client = from_(HOME)
    client.force_login(member("ada"))
    old = RIGHT

    for number in range(7):
        new = f"another horse battery {number}"
        answer = client.post(
            "/accounts/password/change/",
            {"oldpassword": old, "password1": new, "password2": new},
        )
        assert answer.status_code == 302
        old = new


def test_another_address_of_one_network_is_not_another_stranger() -> None:
    """Whoever rents a server is given 2**64 addresses of IPv6."""
    form = {"name": "Ada", "email": "ada@away.test", "message": "How much is it?"}

    answers = [
        from_(f"2001:db8:1:2::{number:x}").post("/pricing/talk/", form)
        for number in range(8)
    ]

    assert answers[-1].status_code == 429
    assert from_("2001:db8:1:3::1").post("/pricing/talk/", form).status_code == 302


def test_strangers_are_counted_by_their_place_and_nothing_else() -> None:
    """Only ``edge.callers`` knows what of an address can be changed at will."""
    places = mistakes(r"REMOTE_ADDR|X_FORWARDED_FOR|x-forwarded-for|forwarded_for")

    assert {place.partition(":")[0] for place in places} == {
        "platform/edge/callers.py",
        "platform/edge/middleware.py",
        # Both hand it to edge.callers, or refuse whatever came through a proxy.
        "inference/gateway/request.py",
        "inference/gateway/metrics.py",
    }


def test_codes_are_guessed_as_seldom_as_passwords(member: Member) -> None:
    ada = member("ada")
    Authenticator.objects.create(
        user=ada, type="totp", data={"secret": encrypt("JBSWY3DPEHPK3PXP")}
    )
    client = from_(STRANGER)
    guess(client, ada, RIGHT)

    answers = [
        client.post("/accounts/2fa/authenticate/", {"code": f"{number:06}"})
        for number in range(12)
    ]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0
    assert not is_in(client)


def test_too_many_sign_ups_from_one_place_are_refused() -> None:
    form = {"password1": "correct horse battery"}
    for number in range(60):
        answer = Client().post(
            "/accounts/signup/",
            {**form, "email": f"a{number}@new.test", "username": f"ada{number}"},
        )
        if answer.status_code != 302:
            break

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert User.objects.count() == len(mail.outbox) == number


@pytest.mark.parametrize(
    "address", ["ada@example.test", "nobody@example.test"], ids=["known", "unknown"]
)
def test_a_mailbox_is_not_flooded_with_resets(address: str, member: Member) -> None:
    member("ada")

    answers = [
        Client().post("/accounts/password/reset/", {"email": address}) for _ in range(7)
    ]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429] * 2
    assert len(mail.outbox) == 5
    elsewhere = from_(HOME).post("/accounts/password/reset/", {"email": address})
    assert elsewhere.status_code == 302


def test_strangers_are_invited_ten_at_once_and_what_was_typed_stays(
    member: Member, sign_in: Callable[..., Client]
) -> None:
    erin = member("erin")
    with_seats(create_organisation("Northwind", owner=erin), 30)
    client = sign_in(erin)

    answers = [
        client.post(
            "/console/northwind/members/",
            {"email": f"guest{number}@away.test", "role": "member"},
        )
        for number in range(12)
    ]

    statuses = [answer.status_code for answer in answers]
    assert statuses[:10] == [302] * 10
    assert statuses[-1] == 429
    assert int(answers[-1]["Retry-After"]) > 0
    assert "guest11@away.test" in answers[-1].text
    assert Invitation.objects.count() == len(mail.outbox) == statuses.count(302)


def test_another_inviter_of_the_same_team_does_not_reach_the_same_mailbox_again(
    member: Member, sign_in: Callable[..., Client]
) -> None:
    erin, ben = member("erin"), member("ben")
    team = with_seats(create_organisation("Northwind", owner=erin), 30)
    add_member(team, user=ben, role="admin")
    form = {"email": "guest@away.test", "role": "member"}
    for _ in range(3):
        sign_in(erin).post("/console/northwind/members/", form)

    answer = sign_in(ben).post("/console/northwind/members/", form)

    assert answer.status_code == 429
    assert len(mail.outbox) == 3


def test_an_address_of_mine_is_not_written_to_without_end(
    member: Member, sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    client.post("/accounts/email/", {"action_add": "", "email": "new@example.test"})

    answers = [
        client.post(
            "/accounts/email/", {"action_send": "", "email": "new@example.test"}
        ).status_code
        for _ in range(6)
    ]

    assert answers[0] == 302
    assert answers[-1] == 429
    assert len(mail.outbox) <= 5


def test_a_question_for_a_plan_is_refused_with_the_time_to_wait() -> None:
    form = {"name": "Ada", "email": "ada@away.test", "message": "How much is it?"}
    for _ in range(8):
        answer = Client().post("/pricing/talk/", form)

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "How much is it?" in answer.text


# Each reads or shows, and changes nothing that costs or tells anything.
FREE = {
    "account_logout",
    "account_inactive",
    "account_email_verification_sent",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "mfa_index",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_list_webauthn",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
}


def test_every_route_of_the_entrance_has_a_limit_or_needs_none() -> None:
    assert len(get_resolver("accounts.entrance").url_patterns) >= 28
    unlimited = {
        route.name
        for route in entrance.routes(entrance.PROVIDERS)
        if not getattr(route.callback, "rates", ())
    }

    assert unlimited == FREE


# Every place that writes to an address, and what keeps a caller from overdoing it.
WRITERS = {
    "platform/accounts/adapters.py": "count_mail, before allauth writes",
    "platform/accounts/mail.py": "count_invitation",
    "billing/plans/services.py": "five inquiries an hour, and only to ourselves",
    "billing/quotes/notices.py": "staff send it, to whom an organisation named",
    "community/forum/digests.py": "one a week, to whoever wants it",
    "platform/privacy/services.py": "of one's own account: two copies a day, one closing",
    # What was written before is handed over here; nobody new is written to.
    "platform/notifications/backend.py": "",
    "platform/notifications/mailing.py": "",
    "platform/notifications/jobs.py": "",
}


def test_every_place_that_writes_mail_is_known_and_has_a_price() -> None:
    places = mistakes(r"(?<!def )\b(send_mail|EmailMultiAlternatives|queue_mail)\(")

    assert {place.partition(":")[0] for place in places} == set(WRITERS)


def test_every_form_of_the_library_that_writes_or_guesses_is_ours(
    settings: Any,
) -> None:
    """A form that allauth would use in its own shape would act uncounted."""
    assert set(settings.ACCOUNT_FORMS) == {
        *("add_email", "change_password", "reset_password", "signup")
    }
    assert set(settings.SOCIALACCOUNT_FORMS) == {"signup"}
    forms = {**settings.ACCOUNT_FORMS, "social": settings.SOCIALACCOUNT_FORMS["signup"]}
    assert all(path.startswith("accounts.entrance_forms.") for path in forms.values())

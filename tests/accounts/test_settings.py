"""A person's own pages: profile, tokens, sessions, and signing in again."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.middleware import ACTIVITY_INTERVAL
from accounts.models import PersonalAccessToken, User
from accounts.tokens import create_token, find_token
from stores.redis import client as redis_client
from tests.fakes.servers import free_port
from tests.forms import confirm
from tests.signing_in import age_sign_in

pytestmark = pytest.mark.django_db
PROFILE = {
    "display_name": "Ada L.",
    "bio": "I count.",
    "website": "https://ada.test",
    "locale": "zh-hans",
    "time_zone": "Europe/London",
}
TOKEN = {"name": "CI", "scopes": ["read", "forum:write"]}


def test_only_what_can_be_left_empty_is_called_optional(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    html = sign_in(member("ada")).get("/settings/profile/").content.decode()

    labels = [label.split("</label>")[0] for label in html.split('<label for="id_')[1:]]
    optional = {label.split('"')[0] for label in labels if "optional" in label}
    assert "website" in optional
    assert optional.isdisjoint({"locale", "time_zone"})


def test_a_profile_is_saved_and_its_language_is_spoken(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))

    answer = client.post("/settings/profile/", PROFILE, follow=True)

    user = User.objects.get()
    assert (user.display_name, user.time_zone) == ("Ada L.", "Europe/London")
    assert '<html lang="zh-Hans"' in answer.text


def test_what_was_typed_stays_when_something_is_wrong(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))

    answer = client.post("/settings/profile/", {**PROFILE, "website": "not an address"})

    assert answer.status_code == 422
    assert "I count." in answer.text
    assert 'value="not an address"' in answer.text
    assert User.objects.get().bio == ""


def test_a_token_is_shown_once_and_kept_as_a_digest(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))

    made = client.post("/settings/tokens/", TOKEN, follow=True)
    again = client.get("/settings/tokens/")

    secret = made.context["secret"]
    token = PersonalAccessToken.objects.get()
    assert secret.startswith("dsp_")
    assert secret in made.text
    assert secret not in again.text
    assert secret not in str(vars(token))
    assert find_token(secret) == token


def test_a_revoked_token_opens_nothing(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    token, secret = create_token(ada, name="CI", scopes=["read"])
    headers = {"Authorization": f"Bearer {secret}"}
    path = "/api/v1/organisations/ada/usage/"
    before = Client().get(path, headers=headers).status_code

    sign_in(ada).post(f"/settings/tokens/{token.pk}/revoke/")

    assert (before, Client().get(path, headers=headers).status_code) == (200, 401)


def test_nobody_revokes_the_token_of_another(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    token, secret = create_token(member("ada"), name="CI", scopes=["read"])

    answer = sign_in(member("ben")).post(f"/settings/tokens/{token.pk}/revoke/")

    assert answer.status_code == 404
    assert find_token(secret) == token


def test_a_token_without_the_scope_reads_but_does_not_write(
    member: Callable[..., Any],
) -> None:
    _token, secret = create_token(member("ada"), name="CI", scopes=["read"])
    headers = {"Authorization": f"Bearer {secret}"}
    path = "/api/v1/organisations/ada/keys/"

    read = Client().get(path, headers=headers)
    write = Client().post(path, {"name": "x"}, "application/json", headers=headers)

    assert (read.status_code, write.status_code) == (200, 403)
    assert write.json()["code"] == "permission_denied"


def test_a_token_opens_no_page(member: Callable[..., Any]) -> None:
    _token, secret = create_token(member("ada"), name="CI", scopes=["read"])

    answer = Client().get("/settings/", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 302


def test_an_old_sign_in_is_confirmed_first_and_what_was_typed_is_sent_by_itself(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    age_sign_in(client, minutes=5.1)

    asked = client.post("/settings/tokens/", TOKEN)
    nothing_yet = PersonalAccessToken.objects.count()
    done = confirm(client, asked)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert nothing_yet == 0
    shown = client.get(done["Location"])
    assert shown.context["secret"].startswith("dsp_")
    assert PersonalAccessToken.objects.get().name == "CI"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/email/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
    ],
)
def test_ways_into_an_account_change_only_after_confirming(
    path: str, member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    age_sign_in(client, minutes=5.1)

    answer = client.post(path, {"email": "new@example.test", "action_add": ""})

    assert answer["Location"].startswith("/accounts/reauthenticate/")


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(
    member: Callable[..., Any],
) -> None:
    ada = member("ada")
    token, secret = create_token(ada, name="CI", scopes=["read"])
    client = Client()
    page = "/settings/tokens/?from=mail"

    sent = client.post(
        f"/settings/tokens/{token.pk}/revoke/",
        headers={"Referer": f"http://testserver{page}"},
    )
    answer = client.post(
        sent["Location"], {"login": ada.email, "password": "correct horse"}
    )

    assert answer["Location"] == page
    assert find_token(secret) == token
    assert "Nothing was changed" in client.get(page).text


def test_a_foreign_referer_leads_to_the_console(member: Callable[..., Any]) -> None:
    answer = Client().post(
        "/settings/tokens/1/revoke/", headers={"Referer": "https://evil.test/x"}
    )

    assert answer["Location"] == "/accounts/login/?next=/console/"


def test_sessions_are_listed_by_name_and_ended_one_by_one(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    here, there, third = sign_in(ada), sign_in(ada), sign_in(ada)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    for client in (here, there, third):
        client.get("/settings/profile/", headers={"User-Agent": firefox})
    page = here.get("/accounts/sessions/", headers={"User-Agent": firefox})
    rows = page.context["rows"]

    other = rows[1]["session"]
    here.post("/accounts/sessions/end/", {"session": other.pk})
    left = [c.get("/settings/profile/").status_code for c in (here, there, third)]
    here.post("/accounts/sessions/end/", {"session": "others"})

    assert rows[0]["session"].session_key == here.session.session_key
    assert [row["browser"] for row in rows] == ["Firefox · Linux"] * 3
    assert sorted(left) == [200, 200, 302]
    assert [c.get("/settings/profile/").status_code for c in (here, there, third)] == [
        200,
        302,
        302,
    ]


def used_sessions(queries: CaptureQueriesContext) -> list[str]:
    return [
        str(query["sql"])
        for query in queries
        if "usersessions" in query["sql"] or "SAVEPOINT" in query["sql"]
    ]


def test_a_page_within_minutes_of_another_costs_no_query_for_the_session_list(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    client.get("/settings/profile/")

    with CaptureQueriesContext(connection) as queries:
        client.get("/settings/profile/")

    assert used_sessions(queries) == []


def test_a_session_is_seen_again_after_some_minutes(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    old = timezone.now() - ACTIVITY_INTERVAL
    UserSession.objects.update(last_seen_at=old)

    client.get("/settings/profile/")
    seen_at = UserSession.objects.get().last_seen_at
    UserSession.objects.update(last_seen_at=old)
    client.get("/settings/profile/")

    assert seen_at > old
    assert UserSession.objects.get().last_seen_at == old


def test_a_session_that_moves_is_noted_at_once(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    client = sign_in(member("ada"))
    client.get("/settings/profile/")

    client.get(
        "/settings/profile/", headers={"User-Agent": "curl/8"}, REMOTE_ADDR="10.9.8.7"
    )

    session = UserSession.objects.get()
    assert (session.ip, session.user_agent) == ("10.9.8.7", "curl/8")


def test_a_session_without_a_record_gets_one(member: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(member("ada"))
    UserSession.objects.all().delete()

    client.get("/settings/profile/")

    assert UserSession.objects.get().session_key == client.session.session_key


def test_without_a_cache_activity_is_not_written_on_every_request(
    member: Callable[..., Any], sign_in: Callable[..., Client], settings: Any
) -> None:
    client = sign_in(member("ada"))
    seen_at = UserSession.objects.get().last_seen_at
    here = settings.REDIS_CACHE_URL
    settings.REDIS_CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    redis_client.cache_clear()

    try:
        with CaptureQueriesContext(connection) as queries:
            pages = [client.get("/settings/profile/").status_code for _ in range(3)]
    finally:
        settings.REDIS_CACHE_URL = here
        redis_client.cache_clear()

    asked = used_sessions(queries)
    assert pages == [200, 200, 200]
    assert len(asked) == 3
    assert all(sql.startswith("SELECT") for sql in asked)
    assert UserSession.objects.get().last_seen_at == seen_at


def test_nobody_ends_the_session_of_another(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada, ben = sign_in(member("ada")), sign_in(member("ben"))
    ada.get("/settings/profile/")
    session = ada.get("/accounts/sessions/").context["rows"][0]["session"]

    answer = ben.post("/accounts/sessions/end/", {"session": session.pk})

    assert answer.status_code == 404
    assert ada.get("/settings/profile/").status_code == 200


def test_a_disabled_person_is_out_at_once(
    member: Callable[..., Any], sign_in: Callable[..., Client]
) -> None:
    ada = member("ada")
    client = sign_in(ada)
    _token, secret = create_token(ada, name="CI", scopes=["read"])

    User.objects.update(is_active=False)

    assert client.get("/settings/profile/").status_code == 302
    assert find_token(secret) is None

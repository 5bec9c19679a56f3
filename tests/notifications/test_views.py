from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications import services
from notifications.models import EmailMessage, Kind, Notification
from notifications.tokens import unsubscribe_token

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def tell(user: Any, number: int = 1, **fields: Any) -> Notification:
    values = {"url": f"/forum/t/{number}/", "title": f"Reply {number}.", **fields}
    told = services.notify(user.pk, Kind.REPLY, dedupe_key=f"topic:{number}", **values)
    assert told is not None
    return told


def test_the_list_holds_what_one_was_told_newest_first(
    client: Client, person: Person
) -> None:
    ada, ben = person("ada"), person("ben")
    for number in range(1, 33):
        tell(ada, number)
    tell(ben, 99)
    client.force_login(ada)

    first = client.get("/notifications/")
    cursor = first.context["page"].next_cursor
    second = client.get("/notifications/", {"cursor": cursor})

    assert [told.title for told in first.context["page"]][:2] == [
        "Reply 32.",
        "Reply 31.",
    ]
    assert [told.title for told in second.context["page"]] == ["Reply 2.", "Reply 1."]
    assert "Reply 99." not in first.content.decode()
    assert client.get("/notifications/?cursor=x").status_code == 400


def test_a_list_costs_the_same_for_one_and_for_thirty(
    client: Client, person: Person
) -> None:
    ada = person("ada")
    client.force_login(ada)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/notifications/").status_code == 200
        return len(captured)

    tell(ada, 1, actor_id=person("ben").pk)
    cost()
    one = cost()
    for number in range(2, 31):
        tell(ada, number, actor_id=person(f"person{number}").pk)

    assert cost() == one


def test_opening_marks_as_read_and_goes_there(client: Client, person: Person) -> None:
    ada = person("ada")
    first, second = tell(ada, 1), tell(ada, 2)
    client.force_login(ada)

    answer = client.post(f"/notifications/{first.pk}/open/")
    unread = client.get("/notifications/?unread=1")

    assert (answer.status_code, answer["Location"]) == (302, "/forum/t/1/")
    assert list(unread.context["page"]) == [second]


def test_what_others_were_told_does_not_exist(client: Client, person: Person) -> None:
    told = tell(person("ada"))
    client.force_login(person("ben"))

    answer = client.post(f"/notifications/{told.pk}/open/")

    told.refresh_from_db()
    assert (answer.status_code, told.read_at) == (404, None)


def test_all_are_marked_as_read(client: Client, person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    tell(ada, 1)
    tell(ada, 2)
    tell(ben, 1)
    client.force_login(ada)

    client.post("/notifications/read/")

    assert Notification.objects.unread().get().user == ben


@pytest.mark.parametrize(
    ("count", "shown"), [(0, ""), (1, "1"), (99, "99"), (140, "99+")]
)
def test_the_bell_counts_to_ninety_nine_in_one_query(
    client: Client, person: Person, count: int, shown: str
) -> None:
    ada = person("ada")
    Notification.objects.bulk_create(
        Notification(
            user=ada, kind=Kind.REPLY, dedupe_key=str(number), url="/", title="t"
        )
        for number in range(count)
    )
    client.force_login(ada)

    with CaptureQueriesContext(connection) as captured:
        page = client.get("/notifications/_unread/").content.decode()

    about = [each for each in captured if "notifications_notification" in each["sql"]]
    assert len(about) == 1
    assert (f">{shown}<" in page) is (count > 0)


@pytest.mark.parametrize("path", ["/notifications/", "/settings/notifications/"])
def test_strangers_are_asked_to_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_a_form_sent_after_the_session_ended_leads_back_to_the_list(
    client: Client,
) -> None:
    answer = client.post(
        "/notifications/read/",
        headers={"Referer": "http://testserver/notifications/?unread=1"},
    )

    assert answer["Location"] == "/accounts/login/?next=/notifications/%3Funread%3D1"


def test_preferences_are_kept_as_they_stand(client: Client, person: Person) -> None:
    ada = person("ada")
    client.force_login(ada)
    before = client.get("/settings/notifications/").context["form"]

    answer = client.post("/settings/notifications/", {"watched": "on", "reply": "on"})

    assert "security" not in before.fields
    assert before["reply"].initial
    assert answer.status_code == 302
    on = {kind for kind, by_email in services.email_choices(ada).items() if by_email}
    # These two are always told.
    assert on == {"watched", "reply", "security", "moderation"}


def test_one_click_stops_mail_without_signing_in_or_a_token_of_a_form(
    person: Person,
) -> None:
    ada = person("ada")
    url = f"/unsubscribe/{unsubscribe_token(ada, Kind.REPLY)}/"
    mail_program = Client(enforce_csrf_checks=True)

    answer = mail_program.post(url, {"List-Unsubscribe": "One-Click"})
    again = mail_program.post(url, {"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, again.status_code) == (200, 200)
    assert not services.email_choices(ada)[Kind.REPLY]


def test_only_looking_at_the_link_stops_nothing(client: Client, person: Person) -> None:
    ada = person("ada")
    url = f"/unsubscribe/{unsubscribe_token(ada, Kind.REPLY)}/"

    page = client.get(url)

    assert page.status_code == 200
    assert 'method="post"' in page.content.decode()
    assert services.email_choices(ada)[Kind.REPLY]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("token", ["x", "a:b:c", "WzEsInJlcGx5Il0:1:forged"])
def test_a_link_that_was_cut_off_is_explained(
    client: Client, method: str, token: str
) -> None:
    answer = getattr(client, method)(f"/unsubscribe/{token}/")

    assert answer.status_code == 400
    assert "This link is not complete" in answer.content.decode()
    assert not EmailMessage.objects.exists()

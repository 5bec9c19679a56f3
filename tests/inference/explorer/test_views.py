"""From the id in an error message to what happened, and from there to the forum."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import create_organisation
from inference.explorer.evidence import cleaned
from tests.factories import forum
from tests.factories.inference import key_of, offered_model, used

pytestmark = pytest.mark.django_db
OWN = "/console/northwind/requests/"


@pytest.fixture
def erin(person: Callable[..., Any]) -> Any:
    return person("erin")


@pytest.fixture
def team(erin: Any) -> Any:
    return create_organisation("Northwind", owner=erin)


@pytest.fixture
def browser(client: Client, team: Any, erin: Any) -> Client:
    client.force_login(erin)
    return client


@pytest.fixture
def staff(person: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(person("staff", is_staff=True))
    return client


def ids(answer: Any) -> list[str]:
    return [event.pk for event in answer.context["page"]]


def failed(team: Any, key: Any = None, **fields: Any) -> Any:
    values = {"status": "upstream_error", "error_code": "upstream_error"}
    return used(team, key, **{**values, **fields})


@pytest.mark.parametrize("start", ["req_", "chatcmpl-", "resp_", "msg_"])
def test_a_call_is_found_by_the_id_of_whatever_it_brought(
    browser: Client, team: Any, start: str
) -> None:
    old = timezone.now() - timedelta(days=80)
    call = used(team, request_id="req_0123456789abcdef", at=old)
    used(team)

    answer = browser.get(OWN, {"q": f"{start}0123456789abcdef"})

    assert ids(answer) == [call.pk]


def test_calls_are_found_by_what_they_have_in_common(
    browser: Client, team: Any, erin: Any
) -> None:
    key = key_of(team, erin)
    fine = used(team, key, client_request_id="mine-7")
    broken = failed(team, model="other")
    late = failed(team, status="timed_out", error_code="upstream_timeout")
    used(team, at=timezone.now() - timedelta(days=20))

    def found(**query: str) -> set[str]:
        return set(ids(browser.get(OWN, query)))

    assert found() == {fine.pk, broken.pk, late.pk}
    assert found(q="mine-7") == {fine.pk}
    assert found(model="other") == {broken.pk}
    assert found(status="failed") == {broken.pk, late.pk}
    assert found(status="timed_out") == {late.pk}
    assert found(code="upstream_error") == {broken.pk}
    assert found(key=key.public_id) == {fine.pk}
    assert len(found(range="30d")) == 4


def test_nobody_finds_a_call_of_anothers_but_staff_does(
    browser: Client, staff: Client, team: Any, person: Callable[..., Any]
) -> None:
    other = create_organisation("Elsewhere", owner=person("mallory"))
    theirs = failed(other, price_nano=5_000_000, cost_nano=2_000_000)
    mine = used(team)

    assert ids(browser.get(OWN)) == [mine.pk]
    assert ids(browser.get(OWN, {"q": theirs.pk})) == []
    assert browser.get(f"{OWN}{theirs.pk}/").status_code == 404
    assert browser.post(f"{OWN}{theirs.pk}/ask/", {"agrees": "on"}).status_code == 404
    assert set(ids(staff.get("/staff/requests/"))) == {mine.pk, theirs.pk}
    only = staff.get("/staff/requests/", {"organisation": "elsewhere"})
    assert ids(only) == [theirs.pk]
    page = staff.get(f"/staff/requests/{theirs.pk}/").content.decode()
    assert "$0.003" in page  # the margin
    assert "Ask the community" not in page
    assert browser.get("/staff/requests/").status_code == 403


def test_a_call_tells_what_it_used_and_not_what_it_cost_us(
    browser: Client, team: Any, erin: Any
) -> None:
    price = offered_model("tiny").prices.get()
    call = used(
        team,
        key_of(team, erin, name="Night batch"),
        price_version_id=price.pk,
        is_stream=True,
        first_byte_ms=200,
        total_ms=1_200,
        tokens_out=50,
        price_nano=123_000,
        cost_nano=77_777,
    )

    page = browser.get(f"{OWN}{call.pk}/").content.decode()

    for words in ("Night batch", "50.0", "200 ms", "$0.000123", "$1.00 in · $2.00 out"):
        assert words in page
    for cost in ("0.00007", "77,777", "77777"):
        assert cost not in page


def test_failures_sort_by_their_code(browser: Client, staff: Client, team: Any) -> None:
    failed(team)
    failed(team, model="other")
    failed(team, error_code="upstream_timeout", status="timed_out")
    used(team)

    own = browser.get(f"{OWN}errors/")
    all_ = staff.get("/staff/requests/errors/")

    told = [(row["error_code"], row["calls"]) for row in own.context["rows"]]
    assert told == [("upstream_error", 2), ("upstream_timeout", 1)]
    assert own.context["rows"][0]["models"] == 2
    assert all_.context["rows"][0]["organisations"] == 1
    assert f"{OWN}?code=upstream_error" in own.content.decode()


def test_a_failure_becomes_the_draft_of_a_topic_by_consent(
    browser: Client, team: Any, erin: Any
) -> None:
    forum.category()
    call = failed(team, key_of(team, erin, name="Night batch"))
    ask = f"{OWN}{call.pk}/ask/"
    said = "engine died at http://10.0.0.7:8000/v1 for ada@example.com ds_live_abc123"

    without = browser.post(ask, {"message": said})
    answer = browser.post(ask, {"message": said, "agrees": "on"})

    assert without.status_code == 422
    assert "Nothing is shared without your consent." in without.content.decode()
    assert answer["Location"] == "/forum/new/"
    page = browser.get("/forum/new/").content.decode()
    assert call.pk in page
    assert "upstream_error" in page
    assert "engine died" in page
    for secret in ("10.0.0.7", "ada@example.com", "ds_live_abc123", "Night batch"):
        assert secret not in page


def test_a_message_loses_what_nobody_else_may_read() -> None:
    said = cleaned(
        "No ds_live_AAAA1111 of me@x.org at https://a.internal/x sk-12345678"
    )

    assert said == "No … of … at … …"


def test_a_message_in_chinese_loses_the_same_though_no_space_stands_around_it() -> None:
    said = cleaned("密钥ds_live_AAAA1111无效，地址是10.0.0.7的，邮箱me@x.org。")

    for secret in ("ds_live", "10.0.0.7", "me@x.org"):
        assert secret not in said
    assert said.startswith("密钥…")


def test_pages_ask_as_often_however_many_calls_there_are(
    browser: Client, staff: Client, team: Any, erin: Any
) -> None:
    key = key_of(team, erin)
    used(team, key)
    pages = [(browser, OWN), (staff, "/staff/requests/"), (browser, f"{OWN}errors/")]
    for who, path in pages:
        who.get(path)

    def counts() -> list[int]:
        found = []
        for who, path in pages:
            with CaptureQueriesContext(connection) as seen:
                who.get(path)
            found.append(len(seen))
        return found

    few = counts()
    for _ in range(20):
        failed(team, key_of(team, erin))
    assert counts() == few


def test_a_long_list_goes_on_where_a_page_ends(browser: Client, team: Any) -> None:
    now = timezone.now()
    calls = [used(team, at=now - timedelta(seconds=n)).pk for n in range(55)]

    first = browser.get(OWN, {"model": "tiny"})
    cursor = first.context["page"].next_cursor
    second = browser.get(OWN, {"model": "tiny", "cursor": cursor})

    assert ids(first) + ids(second) == calls
    assert "model=tiny" in first.content.decode().split('rel="next"')[1].split(">")[0]

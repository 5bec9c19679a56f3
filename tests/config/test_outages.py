"""What people and programs are told while the database does not do what it should."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client, RequestFactory

from community.contributions.models import Delivery
from community.forum.models import Post, Topic
from core.errors import Contended, Unavailable, unavailable
from design.views import away
from tests.community.contributions.test_webhook import deliver, merged
from tests.factories import forum

TEXT = 'Two lines,\nand "quotes" & <signs>.'


@contextmanager
def locked(lock: Callable[[], object]) -> Iterator[None]:
    """Hold what ``lock`` takes in another session; ours waits a tenth of a second."""
    ready, done = Barrier(2), Barrier(2)

    def hold() -> None:
        with transaction.atomic():
            lock()
            ready.wait(timeout=20)
            done.wait(timeout=20)
        connection.close()

    with ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        holder = pool.submit(hold)
        ready.wait(timeout=20)
        cursor.execute("SET lock_timeout = '100ms'")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")
            done.wait(timeout=20)
            holder.result()


@pytest.mark.django_db(transaction=True)
def test_a_reply_that_meets_a_lock_is_offered_for_sending_again(
    person: Callable[..., Any],
) -> None:
    ada = person("ada")
    topic = forum.topic(ada)
    client = Client(raise_request_exception=False)
    client.force_login(ada)

    with locked(lambda: Topic.objects.select_for_update().get(pk=topic.pk)):
        answer = client.post(
            f"/forum/t/{topic.pk}/reply/", {"text": TEXT, "client_token": "once"}
        )

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer["Cache-Control"] == "no-store"
    assert "Too many people" in answer.text
    assert "Two lines,\nand &quot;quotes&quot; &amp; &lt;signs&gt;." in answer.text
    assert f'action="/forum/t/{topic.pk}/reply/"' in answer.text
    assert 'name="client_token" value="once"' in answer.text
    assert Post.objects.filter(topic=topic).count() == 1


def lock_tables() -> None:
    tables = [model._meta.db_table for model in (Delivery, Topic)]
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)}")


@pytest.mark.django_db(transaction=True)
def test_a_program_that_meets_a_lock_is_told_in_json_when_to_come_again() -> None:
    client = Client(raise_request_exception=False)

    with locked(lock_tables):
        answers = [client.get("/api/v1/topics/"), deliver(client, merged())]

    for answer in answers:
        assert (answer.status_code, answer.get("Retry-After")) == (503, "1")
        assert answer["Content-Type"] == "application/json"
        assert answer.json()["code"] == "try_again"
    assert not Delivery.objects.exists()


def test_a_form_that_may_be_a_strangers_is_not_offered_for_sending() -> None:
    request = RequestFactory().post("/settings/profile/", {"bio": "not mine"})

    answer = away(request, Unavailable())

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "not mine" not in answer.text
    assert "<form" not in answer.text


def test_a_password_is_not_written_into_a_page() -> None:
    token = "a" * 32
    request = RequestFactory().post(
        "/accounts/login/",
        {"login": "ada", "password": "secret", "csrfmiddlewaretoken": token},
    )
    request.COOKIES["ds_csrf"] = token

    answer = away(request, Unavailable())

    assert "secret" not in answer.text
    assert "<form" not in answer.text


def test_a_page_asked_for_again_speaks_the_readers_language() -> None:
    request = RequestFactory().get(
        "/forum/?page=2", headers={"Accept-Language": "zh-Hans"}
    )

    answer = away(request, Unavailable())

    assert 'href="/forum/?page=2"' in answer.text
    assert "请过几秒再试" in answer.text


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("55P03", Contended),
        ("57014", Contended),
        ("40P01", Contended),
        ("40001", Contended),
        ("57P01", Unavailable),
        (None, Unavailable),
    ],
)
def test_an_outage_is_told_from_too_much_traffic(
    state: str | None, expected: type[Unavailable]
) -> None:
    error = OperationalError("no")
    error.__cause__ = type("Cause", (Exception,), {"sqlstate": state})()

    assert type(unavailable(error)) is expected


def test_a_mistake_of_ours_is_no_outage() -> None:
    assert unavailable(ValueError("no")) is None
    assert unavailable(None) is None


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_was_ended_for_its_silence_may_be_tried_again() -> None:
    """A machine that is short of time says nothing for seconds; that is no mistake."""
    try:
        with pytest.raises(DatabaseError) as caught:
            say_nothing_in_a_transaction()
    finally:
        connection.close()

    assert type(unavailable(caught.value)) is Contended


@transaction.atomic
def say_nothing_in_a_transaction() -> None:
    """Ask again once the server has ended this session."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 10")
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
        wait_until_gone(pid)
        cursor.execute("SELECT 1")


def wait_until_gone(pid: int) -> None:
    """Return once the server has ended a session. Raises ``TimeoutError``."""
    other = connection.copy()
    ends_at = time.monotonic() + 60
    try:
        with other.cursor() as cursor:
            while time.monotonic() < ends_at:
                cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
                if cursor.fetchone() is None:
                    return
                time.sleep(0.02)
    finally:
        other.close()
    raise TimeoutError

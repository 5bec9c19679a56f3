"""A server that is slow is waited for, in sending and in answering."""

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from stores.postgresql import driver

pytestmark = pytest.mark.django_db
# More than the buffers of both ends hold, so that sending it has to wait.
LONG = "x" * 30_000_000


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SILENCE", 0.001)
    monkeypatch.setattr(driver, "MAX_SILENCE", 0.001)


def test_a_statement_may_take_many_turns_to_be_sent() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT length(%s)", [LONG])
        assert cursor.fetchone() == (len(LONG),)


def test_a_statement_may_take_many_turns_to_be_answered() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.2), %s", ["done"])
        assert cursor.fetchone() == ("", "done")


def test_an_event_loop_waits_in_turns_as_well() -> None:
    given: Any = settings.DATABASES["default"]

    async def ask() -> object:
        found = await driver.BoundedAsyncConnection.connect(
            host=given["HOST"],
            port=given["PORT"] or 5432,
            user=given["USER"],
            password=given["PASSWORD"],
            dbname="postgres",
        )
        async with found:
            answer = await found.execute("SELECT length(%s), pg_sleep(0.1)", [LONG])
            return await answer.fetchone()

    assert asyncio.run(ask()) == (len(LONG), "")

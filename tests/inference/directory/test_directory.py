"""Copies of keys, plans and models: forgotten at once, kept through an outage."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from core.errors import Unavailable
from inference.directory import directory as directories
from inference.directory.directory import Directory
from inference.directory.loading import load_caller
from inference.keys.services import create_key, revoke_key
from tests.factories.inference import offered_model


@pytest.mark.django_db(transaction=True)
def test_a_key_revoked_while_it_is_read_does_not_come_back(
    person: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.queries import personal_organisation

    ada = person("ada")
    key, secret = create_key(personal_organisation(ada), name="k", by=ada)
    directory = Directory()
    has_read, may_go_on = threading.Event(), threading.Event()
    original = load_caller

    def slow(digest: str) -> Any:
        caller = original(digest)
        if not has_read.is_set():
            has_read.set()
            may_go_on.wait(5)
        return caller

    monkeypatch.setattr(directories, "load_caller", slow)

    async def race() -> Any:
        asking = asyncio.ensure_future(directory.caller(secret))
        await asyncio.to_thread(has_read.wait, 5)
        await asyncio.to_thread(lambda: _quietly(revoke_key, key, by=ada))
        directory.forget_key(key.digest)
        may_go_on.set()
        return await asking

    assert asyncio.run(race()) is None


@pytest.mark.django_db(transaction=True)
def test_copies_outlive_a_database_that_is_away_but_only_for_a_while(
    person: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from accounts.queries import personal_organisation

    ada = person("ada")
    _, secret = create_key(personal_organisation(ada), name="k", by=ada)
    offered_model("tiny")
    directory = Directory()

    async def known() -> Any:
        await directory.offered()
        return await directory.caller(secret)

    caller = asyncio.run(known())

    def away(*_: object) -> Any:
        raise OperationalError

    monkeypatch.setattr(directories, "load_caller", away)
    monkeypatch.setattr(directories, "load_models", away)
    directory.forget_everything()

    assert asyncio.run(known()) is caller
    assert set(asyncio.run(directory.offered())) == {"tiny"}
    (copy,) = directory.callers.values()
    copy.ends_at = time.monotonic() - directories.OUTAGE_SECONDS - 1
    with pytest.raises(Unavailable):
        asyncio.run(directory.caller(secret))


def _quietly(function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    from django.db import connection

    try:
        function(*arguments, **named)
    finally:
        connection.close()

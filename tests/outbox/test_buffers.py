"""Killed anywhere between Redis and PostgreSQL, a flush loses and doubles nothing."""

import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from outbox.buffers import Buffer
from outbox.models import WrittenBatch
from stores.redis import client, prefixed
from tests.fakes.servers import ROOT, product_environment
from tests.races import together

BUFFER = Buffer("test:noted", limit=1000)
KILLED_BEFORE_THE_COMMIT = """
BUFFER.flush(lambda items: os.kill(os.getpid(), signal.SIGKILL))
"""
PREAMBLE = """
import os, signal
import django
django.setup()
from outbox.buffers import Buffer
BUFFER = Buffer("test:noted", limit=1000)
"""


def write(items: list[bytes]) -> int:
    """Write each item as a row that can be there only once."""
    WrittenBatch.objects.bulk_create(
        WrittenBatch(id=item.decode(), written_at=timezone.now()) for item in items
    )
    return len(items)


def items() -> list[str]:
    return sorted(
        WrittenBatch.objects.filter(id__startswith="item").values_list("id", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_taking_and_writing_loses_nothing() -> None:
    for number in range(50):
        BUFFER.add(f"item-{number:02}")

    died = _run(KILLED_BEFORE_THE_COMMIT)
    waiting = client().llen(prefixed("test:noted"))
    BUFFER.add("item-50")
    written = BUFFER.flush(write)

    assert (died, waiting) == (-signal.SIGKILL, 0)
    assert written == 51
    assert items() == [f"item-{number:02}" for number in range(51)]
    assert not client().keys(prefixed("test:noted*"))


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_writing_and_forgetting_doubles_nothing() -> None:
    for number in range(3):
        BUFFER.add(f"item-{number:02}")
    claimed = BUFFER._claim(10)
    batch_id = claimed[0].decode()
    # What a worker has committed that died before it could forget its claim.
    write([batch_id.encode(), *claimed[1:]])

    written = BUFFER.flush(write)

    assert written == 0
    assert items() == ["item-00", "item-01", "item-02"]
    assert not client().keys(prefixed("test:noted*"))


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_flush_at_once_write_everything_once() -> None:
    for number in range(40):
        BUFFER.add(f"item-{number:02}")

    results = together(*[lambda: BUFFER.flush(write, batch=7)] * 4)

    assert sum(results) == 40
    assert Counter(items()) == Counter(f"item-{number:02}" for number in range(40))


@pytest.mark.django_db
def test_what_is_too_much_pushes_out_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BUFFER, "limit", 2)

    for number in range(4):
        BUFFER.add(f"item-{number:02}")
    BUFFER.flush(write)

    assert items() == ["item-02", "item-03"]


@pytest.mark.django_db
def test_nothing_is_taken_out_of_redis_but_by_a_claim() -> None:
    """Whoever removes from Redis what is not written yet can die in between."""
    removing = ("lpop(", "rpop(", "spop(", "getdel(", "zpopmin(", "zpopmax(", "blpop(")
    found: list[Any] = []
    for area in ("platform", "community", "billing", "inference"):
        for path in (ROOT / area).rglob("*.py"):
            if "embedded" in path.parts:
                continue
            text = path.read_text().lower()
            found += [
                (path.name, word)
                for word in removing
                if f".{word}" in text or f"'{word.rstrip('(')}'" in text
            ]

    assert found == []


def _run(script: str) -> int:
    """Run a script as a process of the product; return how it ended."""
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        env=product_environment(),
        cwd=ROOT,
        check=False,
        timeout=60,
    ).returncode

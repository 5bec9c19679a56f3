"""Waiting for what comes by itself: a message, a process, a row."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], *, seconds: float = 30) -> T:
    """Return what is true at last; fail when it is not so within ``seconds``.

    What a busy machine needs is no part of what is tested: half a minute costs nothing
    where it comes at once.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return found

"""Doing things in the past: the services' clock, turned back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest import mock

from django.utils import timezone


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let every service take ``moment`` for now."""
    with mock.patch.object(timezone, "now", return_value=moment):
        yield

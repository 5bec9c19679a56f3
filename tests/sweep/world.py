"""A small world in which every address leads somewhere, and the ways to ask it."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.signals import got_request_exception
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

from stores.redis import client as redis

# Seconds of CPU no page needs, however busy the machine is; more is a hang.
PATIENCE = 5
# This says that somebody else is away: the worker. In a test it is.
AWAY = {"/readyz": 503}
# Template → which values were found to lead somewhere; found once for a process.
_choices: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Address:
    """One pattern of the resolver, with values under which it leads somewhere."""

    template: str
    parameters: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def url(self) -> str:
        return self.with_values(self.values)

    def with_values(self, values: Iterable[str]) -> str:
        quoted = (quote(value, safe="", errors="surrogateescape") for value in values)
        return self.template % dict(zip(self.parameters, quoted, strict=True))


@dataclass(slots=True)
class Sweep:
    """Sends requests, undoes what they did and collects what must not happen."""

    client: Client
    faults: list[str] = field(default_factory=list)
    count: int = 0

    def send(self, method: str, url: str, why: str = "", **request: Any) -> int:
        """Send one request and return its status."""
        raised: list[str] = []

        def note(sender: object, **_: object) -> None:
            raised.append(repr(sys.exc_info()[1])[:200])

        got_request_exception.connect(note)
        begun = time.thread_time()
        try:
            with transaction.atomic():
                answer = self.client.generic(method, url, **request)
                if getattr(answer, "streaming", False):
                    b"".join(answer)
                transaction.set_rollback(True)
            status = answer.status_code
        except Exception as error:  # noqa: BLE001 - anything is a finding
            status, raised = 599, [repr(error)[:200]]
        finally:
            got_request_exception.disconnect(note)
        self.count += 1
        seconds = time.thread_time() - begun
        if status >= 500 and status != AWAY.get(url.partition("?")[0]):
            self.faults.append(f"{status} {method} {url[:80]} {why[:80]!r} {raised}")
            # A sweep takes minutes; what it finds is wanted at once.
            sys.stderr.write(f"{self.faults[-1]}\n")
        if seconds > PATIENCE:
            self.faults.append(f"{seconds:.0f} s {method} {url[:80]} {why[:80]!r}")
        return status


def every_address(client: Client, candidates: dict[str, list[str]]) -> list[Address]:
    """Return all patterns; of each parameter the first value that is found is taken."""
    return [
        _found(client, template, parameters, candidates)
        for template, parameters in _patterns(get_resolver(), "/")
    ]


def _patterns(
    resolver: URLResolver, prefix: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pattern in resolver.url_patterns:
        for template, parameters in normalize(pattern.pattern.regex.pattern):
            if isinstance(pattern, URLPattern):
                yield prefix + template, tuple(parameters)
            else:
                yield from _patterns(pattern, prefix + template)


def _found(
    client: Client,
    template: str,
    parameters: tuple[str, ...],
    candidates: dict[str, list[str]],
) -> Address:
    choices = [candidates[name] for name in parameters]
    tried = [Address(template, parameters, values) for values in product(*choices)]
    if template not in _choices:
        found = (
            number
            for number, address in enumerate(tried)
            if len(tried) == 1 or client.get(address.url).status_code != 404
        )
        _choices[template] = next(found, 0)
    return tried[_choices[template]]


@contextmanager
def names_read() -> Iterator[set[str]]:
    """Collect the names that are looked up in a query or a form, by anybody."""
    names: set[str] = set()

    def note(key: object) -> None:
        # The REST framework asks for a parameter it has no name for.
        if isinstance(key, str):
            names.add(key)

    def get_item(self: QueryDict, key: str) -> object:
        note(key)
        return super(QueryDict, self).__getitem__(key)

    def get_list(self: QueryDict, key: str, default: Any = None) -> object:
        note(key)
        return super(QueryDict, self).getlist(key, default)

    QueryDict.__getitem__, QueryDict.getlist = get_item, get_list  # type: ignore[assignment,method-assign]
    try:
        yield names
    finally:
        del QueryDict.__getitem__, QueryDict.getlist


def forget_limits() -> None:
    """Let the next requests through: what is limited is asked far too often here."""
    keys = list(redis().scan_iter(f"{settings.REDIS_PREFIX}limit:*", count=1000))
    if keys:
        redis().delete(*keys)

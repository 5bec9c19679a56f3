"""psycopg, with connections that notice when the server has stopped answering.

A statement may take as long as ``statement_timeout`` allows, but it is the server
that keeps that time: a frozen machine keeps none, and the library would wait for
ever. So after ``STORE_SILENCE`` seconds without an answer we ask whether anybody is
there, and wait as long for a word.
"""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
from django.conf import settings
from psycopg import *  # noqa: F403 - Django takes every name of the driver from here
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.waiting import Wait

from core.breaker import Breaker

RV = TypeVar("RV")

# Most statements take milliseconds: a longer one costs its server one question.
SILENCE = settings.STORE_SILENCE
# What is greeted answers within milliseconds, too, unless its machine is busy.
GREETING = settings.STORE_SILENCE
# A statement that goes on for long is asked after less often.
MAX_SILENCE = 5.0
# How long requests are refused before one asks again; it waits for ``GREETING``.
REST = 1.0

# Version 3.0 of the protocol, which every server speaks.
_PROTOCOL = 3 << 16
# SQLSTATE 57P01 to 57P03: it is shutting down, has crashed or starts.
_NOT_SERVING = b"C57P0"

breaker = Breaker(
    "postgresql",
    rest=REST,
    refusal=lambda: psycopg.OperationalError("The database did not answer just now."),
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and as whom we come; ``host`` may be a folder or a list."""

    host: str
    port: int
    user: str
    database: str

    def is_answering(self) -> bool:
        """Tell whether a server answers there: greet as a client and hear one word.

        Asking for a password, refusing and being full are answers. Starting and
        stopping are not: nobody is served meanwhile.
        """
        # Without a host libpq takes one of these folders, depending on its build.
        hosts = self.host or "/var/run/postgresql,/tmp"
        return any(self._greet(host) for host in hosts.split(","))

    def _greet(self, host: str) -> bool:
        words = ("user", self.user, "database", self.database, "", "")
        greeting = struct.pack("!i", _PROTOCOL) + "\0".join(words).encode()
        ends_at = time.monotonic() + GREETING
        try:
            with _plugged(host, self.port) as plug:
                plug.sendall(struct.pack("!i", len(greeting) + 4) + greeting)
                plug.settimeout(max(0.01, ends_at - time.monotonic()))
                answer = plug.recv(1024)
        except OSError:
            return False
        return bool(answer) and _NOT_SERVING not in answer


def _plugged(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), GREETING)
    plug = socket.socket(socket.AF_UNIX)
    plug.settimeout(GREETING)
    try:
        plug.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        plug.close()
        raise
    return plug


class _Statement(Generic[RV]):
    """A statement under way that can be waited for in several turns.

    The library begins every wait by asking what to wait for. One that has been
    begun already would take that for an answer of the server.
    """

    def __init__(self, gen: PQGen[RV]) -> None:
        self._gen = gen
        self._wanted: Wait | None = None

    def turn(self) -> PQGen[RV]:
        """Go on where the last turn was over."""
        try:
            if self._wanted is None:
                self._wanted = next(self._gen)
            while True:
                ready = yield self._wanted
                self._wanted = self._gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that ends, rather than waits, when its server is away."""

    def wait(
        self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None
    ) -> RV:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        statement, silence = _Statement(gen), SILENCE
        while True:
            try:
                return super().wait(statement.turn(), interval, silence)
            except _WaitTimeout:
                if breaker.is_open or not _server_of(self).is_answering():
                    raise _give_up(self) from None
                silence = min(silence * 2, MAX_SILENCE)


class BoundedAsyncConnection(psycopg.AsyncConnection[Any]):
    """The same, for an event loop."""

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
    ) -> RV:
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        statement, silence = _Statement(gen), SILENCE
        while True:
            try:
                return await super().wait(statement.turn(), interval, silence)
            except _WaitTimeout:
                if not await asyncio.to_thread(_server_of(self).is_answering):
                    raise _give_up(self) from None
                silence = min(silence * 2, MAX_SILENCE)


def _server_of(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any],
) -> Server:
    info = connection.info
    return Server(info.hostaddr or info.host, info.port, info.user, info.dbname)


def _give_up(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any],
) -> psycopg.OperationalError:
    """End the connection: what became of its statement is not known."""
    error = psycopg.OperationalError("The database stopped answering.")
    breaker.fail(error)
    connection.pgconn.finish()
    return error


connect = BoundedConnection.connect

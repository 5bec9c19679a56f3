"""Webhooks on their way: signed, at once, again until answered."""

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from typing import Any

import httpx

from stripe_emulator.account import Account
from stripe_emulator.faults import Faults
from stripe_emulator.render import public
from stripe_emulator.store import Document

logger = logging.getLogger(__name__)

RETRY_SECONDS = (1, 3, 10, 30, 60, 300, 900, 3600)
GIVE_UP_SECONDS = 3 * 24 * 3600
TIMEOUT_SECONDS = 10
AT_ONCE = 8
# Whoever starts a shop starts this first: until the shop's endpoint has answered
# once, a refused connection means "not up yet" and is no failed attempt.
HOLD_SECONDS = 600
HOLD_PAUSE_SECONDS = 0.5
HOLD_WARNING_SECONDS = 60


def sign(payload: str, secrets: list[str], timestamp: int) -> str:
    """The ``Stripe-Signature`` header; a rotated secret adds a second ``v1``."""
    signed = f"{timestamp}.{payload}".encode()
    parts = [
        "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={timestamp}", *parts])


class NotUp(Exception):
    """Nobody listens at the endpoint."""


class Courier:
    """Sends what is queued; sleeps without waking while nothing is."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self.account = account
        self.faults = faults
        self._news = asyncio.Event()
        # Deliveries being sent, with their endpoints.
        self._on_the_way: dict[int, str] = {}
        self._reached: set[str] = set()
        # Endpoints that have not answered yet, and since when they were tried.
        self._waiting_for: dict[str, float] = {}
        self._warned: set[str] = set()

    def wake(self) -> None:
        """Something was queued."""
        self._news.set()

    async def run(self) -> None:
        """Deliver for as long as the process lives."""
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=2)
        async with (
            httpx.AsyncClient(
                timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            while True:
                self._news.clear()
                for identifier, endpoint in self._due():
                    self._on_the_way[identifier] = endpoint
                    group.create_task(self._deliver(client, identifier, endpoint))
                wait = self._next_due()
                try:
                    await asyncio.wait_for(self._news.wait(), wait)
                except TimeoutError:
                    continue

    def _due(self) -> list[tuple[int, str]]:
        room = AT_ONCE - len(self._on_the_way)
        shuffled = bool(self.faults.delivery("shuffle"))
        rows = self.account.store.db.execute(
            "SELECT id, endpoint FROM deliveries"
            " WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT ?",
            (time.time(), 200 if shuffled else AT_ONCE * 2),
        )
        found: list[tuple[int, str]] = []
        knocking = self._knocking()
        for identifier, endpoint in rows:
            if identifier in self._on_the_way or endpoint in knocking:
                continue
            if endpoint in self._waiting_for:
                knocking.add(endpoint)
            found.append((identifier, endpoint))
        if shuffled:
            random.shuffle(found)
        return found[: max(room, 0)]

    def _knocking(self) -> set[str]:
        """Endpoints not up yet that one delivery is trying right now."""
        return set(self._on_the_way.values()) & self._waiting_for.keys()

    def _next_due(self) -> float | None:
        if len(self._on_the_way) >= AT_ONCE:
            return None
        knocking = list(self._knocking())
        marks = ",".join(str(int(identifier)) for identifier in self._on_the_way)
        places = ",".join("?" for _ in knocking)
        row = self.account.store.db.execute(
            "SELECT min(due_at) FROM deliveries WHERE state = 'pending'"  # noqa: S608
            f" AND id NOT IN ({marks}) AND endpoint NOT IN ({places})",
            knocking,
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - time.time())

    async def _deliver(
        self, client: httpx.AsyncClient, identifier: int, endpoint: str
    ) -> None:
        try:
            delay = self.faults.delivery("delay")
            if delay:
                await asyncio.sleep(delay)
            if self.faults.delivery("drop"):
                self._settle(identifier, ok=True, answer="dropped by a fault")
                return
            times = 2 if self.faults.delivery("duplicate") else 1
            for _ in range(times):
                ok, answer = await self._send(client, identifier)
            self._welcome(endpoint)
            self._settle(identifier, ok=ok, answer=answer)
        except NotUp as error:
            if not self._hold(endpoint):
                self._settle(identifier, ok=False, answer=str(error))
        finally:
            self._on_the_way.pop(identifier, None)
            self._news.set()

    def _hold(self, endpoint: str) -> bool:
        """Keep everything for an endpoint that has yet to come up; False: it was up.

        Nothing counts as tried, so that all goes out the moment somebody answers.
        """
        now = time.time()
        since = self._waiting_for.setdefault(endpoint, now)
        if endpoint in self._reached or now - since > HOLD_SECONDS:
            self._waiting_for.pop(endpoint)
            self._reached.add(endpoint)
            return False
        pause = HOLD_PAUSE_SECONDS if now - since < HOLD_WARNING_SECONDS else 2.0
        held = self._put_off(endpoint, until=now + pause)
        if now - since > HOLD_WARNING_SECONDS and endpoint not in self._warned:
            self._warned.add(endpoint)
            found = self.account.find("webhook_endpoint", endpoint)
            logger.warning(
                "nobody answers at %s yet: %s webhooks wait",
                found["url"] if found else endpoint,
                held,
            )
        return True

    def _welcome(self, endpoint: str) -> None:
        """The endpoint answers: everything that was held goes out now."""
        self._reached.add(endpoint)
        if self._waiting_for.pop(endpoint, None) is not None:
            self.account.store.db.execute(
                "UPDATE deliveries SET due_at = ?"
                " WHERE endpoint = ? AND state = 'pending' AND attempts = 0",
                (time.time(), endpoint),
            )

    def _put_off(self, endpoint: str, *, until: float) -> int:
        return self.account.store.db.execute(
            "UPDATE deliveries SET due_at = max(due_at, ?)"
            " WHERE endpoint = ? AND state = 'pending'",
            (until, endpoint),
        ).rowcount

    async def _send(
        self, client: httpx.AsyncClient, identifier: int
    ) -> tuple[bool, str]:
        row = self.account.store.db.execute(
            "SELECT event, endpoint FROM deliveries WHERE id = ?", (identifier,)
        ).fetchone()
        event = self.account.find("event", row[0]) if row else None
        endpoint = self.account.find("webhook_endpoint", row[1]) if row else None
        if event is None or endpoint is None:
            return True, "nothing to send"
        payload = json.dumps(
            public(self.account.store, event), indent=2, ensure_ascii=False
        )
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks) emulated",
            "Stripe-Signature": sign(payload, endpoint["_secrets"], int(time.time())),
        }
        try:
            response = await client.post(
                endpoint["url"], content=payload.encode(), headers=headers
            )
        except httpx.ConnectError as error:
            raise NotUp(f"{type(error).__name__}: {error}"[:300]) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return False, f"{type(error).__name__}: {error}"[:300]
        return response.is_success, f"{response.status_code} {response.text[:200]}"

    def _settle(self, identifier: int, *, ok: bool, answer: str) -> None:
        """Note the outcome: done, or due again after a longer pause."""
        store = self.account.store
        row = store.db.execute(
            "SELECT event, attempts FROM deliveries WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None:
            return
        event, attempts = row
        pause = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)]
        state, due = (
            "delivered" if ok else "pending",
            None if ok else time.time() + pause,
        )
        with store.transaction():
            sent = self.account.find("event", event)
            if not ok and sent and time.time() - sent["created"] > GIVE_UP_SECONDS:
                state, due = "failed", None
            store.db.execute(
                "UPDATE deliveries SET attempts = attempts + 1, state = ?, due_at = ?,"
                " answer = ? WHERE id = ?",
                (state, due, answer, identifier),
            )
            if ok and sent:
                sent["pending_webhooks"] = self._waiting(event)
                store.put(sent)
        if not ok:
            logger.warning("webhook %s: %s, again in %s s", event, answer, pause)

    def _waiting(self, event: str) -> int:
        row = self.account.store.db.execute(
            "SELECT count(DISTINCT endpoint) FROM deliveries"
            " WHERE event = ? AND state != 'delivered'",
            (event,),
        ).fetchone()
        return int(row[0])

    def log(self, event: Document) -> list[dict[str, Any]]:
        """The deliveries of one event, for people to look at."""
        rows = self.account.store.db.execute(
            "SELECT endpoint, attempts, state, answer, due_at FROM deliveries"
            " WHERE event = ? ORDER BY id",
            (event["id"],),
        )
        names = ("endpoint", "attempts", "state", "answer", "due_at")
        return [dict(zip(names, row, strict=True)) for row in rows]

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

from embedded.stripe.account import Account
from embedded.stripe.faults import Faults
from embedded.stripe.render import public
from embedded.stripe.store import Document

logger = logging.getLogger(__name__)

RETRY_SECONDS = (1, 3, 10, 30, 60, 300, 900, 3600)
GIVE_UP_SECONDS = 3 * 24 * 3600
TIMEOUT_SECONDS = 10
AT_ONCE = 8


def sign(payload: str, secrets: list[str], timestamp: int) -> str:
    """The ``Stripe-Signature`` header; a rotated secret adds a second ``v1``."""
    signed = f"{timestamp}.{payload}".encode()
    parts = [
        "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={timestamp}", *parts])


class Courier:
    """Sends what is queued; sleeps without waking while nothing is."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self.account = account
        self.faults = faults
        self._news = asyncio.Event()
        self._on_the_way: set[int] = set()

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
                for identifier in self._due():
                    self._on_the_way.add(identifier)
                    group.create_task(self._deliver(client, identifier))
                wait = self._next_due()
                try:
                    await asyncio.wait_for(self._news.wait(), wait)
                except TimeoutError:
                    continue

    def _due(self) -> list[int]:
        room = AT_ONCE - len(self._on_the_way)
        shuffled = bool(self.faults.delivery("shuffle"))
        rows = self.account.store.db.execute(
            "SELECT id FROM deliveries WHERE state = 'pending' AND due_at <= ?"
            " ORDER BY due_at, id LIMIT ?",
            (time.time(), 200 if shuffled else AT_ONCE * 2),
        )
        found = [row[0] for row in rows if row[0] not in self._on_the_way]
        if shuffled:
            random.shuffle(found)
        return found[: max(room, 0)]

    def _next_due(self) -> float | None:
        if len(self._on_the_way) >= AT_ONCE:
            return None
        marks = ",".join(str(int(identifier)) for identifier in self._on_the_way)
        row = self.account.store.db.execute(
            "SELECT min(due_at) FROM deliveries"  # noqa: S608
            f" WHERE state = 'pending' AND id NOT IN ({marks})"
        ).fetchone()
        return None if row[0] is None else max(0.0, row[0] - time.time())

    async def _deliver(self, client: httpx.AsyncClient, identifier: int) -> None:
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
            self._settle(identifier, ok=ok, answer=answer)
        finally:
            self._on_the_way.discard(identifier)
            self._news.set()

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
        payload = json.dumps(public(self.account, event), indent=2, ensure_ascii=False)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks) emulated",
            "Stripe-Signature": sign(payload, endpoint["_secrets"], int(time.time())),
        }
        try:
            response = await client.post(
                endpoint["url"], content=payload.encode(), headers=headers
            )
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

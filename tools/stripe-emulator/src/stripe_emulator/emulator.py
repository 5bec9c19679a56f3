"""The account with all that works on it: faults, courier and the passing of time."""

import asyncio
import logging
import time

from stripe_emulator.account import Account
from stripe_emulator.delivery import Courier
from stripe_emulator.engine import sweeping
from stripe_emulator.faults import Faults
from stripe_emulator.resources.events import ensure_endpoint
from stripe_emulator.settings import Settings
from stripe_emulator.store import Store

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30
KEEP_EVENTS_SECONDS = 30 * 86400


class Emulator:
    """The account and everything that works on it."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.account = Account(settings, store or Store(settings.data))
        self.account.due = sweeping.due_at
        self.faults = Faults(self.account.store)
        self.courier = Courier(self.account, self.faults)
        self.account.has_news = self.courier.wake
        self.prepare()

    def prepare(self) -> None:
        """Register the endpoint that the environment names."""
        if self.settings.webhook_url:
            with self.account.store.transaction():
                ensure_endpoint(
                    self.account,
                    self.settings.webhook_url,
                    self.settings.webhook_secret or "whsec_emulator",
                )

    def reset(self) -> None:
        """Forget everything and begin as on the first day."""
        self.account.store.clear()
        self.prepare()

    def pass_time(self) -> int:
        """Do what is due by now; returns the number of steps."""
        done = sweeping.run_until(self.account, "", self.account.now())
        if done:
            self.courier.wake()
        return done

    async def sweep(self) -> None:
        """Let real time pass: at most one cheap look every thirty seconds."""
        while True:
            try:
                self.pass_time()
                self._forget()
            except Exception:
                logger.exception("sweep failed")
            await asyncio.sleep(SWEEP_SECONDS)

    def _forget(self) -> None:
        """Drop events after thirty days, like the service does, and old replays."""
        now = time.time()
        database = self.account.store.db
        database.execute("DELETE FROM replays WHERE created < ?", (now - 86400,))
        database.execute(
            "DELETE FROM documents WHERE kind = 'event' AND seq <= ("
            " SELECT max(seq) FROM documents WHERE kind = 'event'"
            " AND json_extract(body, '$.created') < ?)",
            (now - KEEP_EVENTS_SECONDS,),
        )

    async def run(self) -> None:
        """Courier and sweep, for as long as the process lives."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.courier.run())
            group.create_task(self.sweep())

"""One process: API, hosted pages, operator console, courier and sweep."""

import asyncio
import logging
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from embedded.stripe.account import Account
from embedded.stripe.api import Api
from embedded.stripe.delivery import Courier
from embedded.stripe.engine import sweeping
from embedded.stripe.faults import Faults
from embedded.stripe.pages import build_pages
from embedded.stripe.resources.events import ensure_endpoint
from embedded.stripe.settings import Settings
from embedded.stripe.store import Store

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30
KEEP_EVENTS_SECONDS = 30 * 86400


class Emulator:
    """The account and everything that works on it."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.account = Account(settings, store or Store(settings.database))
        self.account.due = sweeping.due_at
        self.faults = Faults(self.account.store)
        self.courier = Courier(self.account, self.faults)
        self.account.has_news = self.courier.wake
        self.app = Starlette(routes=[Route("/healthz", self._health), *self._routes()])
        self.prepare()

    def _routes(self) -> list[Route]:
        return [*Api(self.account, self.faults).routes(), *build_pages(self)]

    async def _health(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

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

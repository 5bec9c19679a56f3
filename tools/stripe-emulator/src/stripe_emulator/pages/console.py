"""The operator's console: events, deliveries, the clock, faults."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_emulator.emulator import Emulator
from stripe_emulator.errors import ApiError
from stripe_emulator.pages.rendering import (
    Renderer,
    comes_from_elsewhere,
    form_of,
    go,
)
from stripe_emulator.render import public
from stripe_emulator.resources.events import ensure_endpoint

EVENTS_SHOWN = 50
MAX_DAYS = 366
AFTER_RETRIES = ("canceled", "unpaid", "past_due")


class ConsolePages:
    """Everything below ``/_emulator/``; forms from people, JSON from tests."""

    def __init__(self, emulator: Emulator, renderer: Renderer) -> None:
        self.emulator = emulator
        self.account = emulator.account
        self.renderer = renderer

    def routes(self) -> list[Route]:
        """The page and what can be done from it."""
        actions = {
            "clock": self._advance,
            "endpoints": self._register,
            "redeliver": self._redeliver,
            "reset": self._reset,
            "rotate": self._rotate,
            "settings": self._settings,
        }
        return [
            Route("/_emulator/", self.show, methods=["GET"]),
            Route("/_emulator/faults", self.faults, methods=["GET"]),
            Route("/_emulator/faults", self._action(self._faults), methods=["POST"]),
            *(
                Route(f"/_emulator/{name}", self._action(action), methods=["POST"])
                for name, action in actions.items()
            ),
        ]

    def _action(self, action: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            if comes_from_elsewhere(request):
                return JSONResponse({"error": "sent from another site"}, 403)
            from_form = "json" not in request.headers.get("content-type", "")
            try:
                values = (
                    await form_of(request)
                    if from_form
                    else json.loads(await request.body() or b"{}")
                )
                result = action(values)
            except ApiError as refusal:
                return JSONResponse(refusal.body(""), refusal.status)
            except (ValueError, TypeError, AttributeError) as error:
                return JSONResponse({"error": f"Bad input: {error}"}, 400)
            self.emulator.courier.wake()
            return go("/_emulator/") if from_form else JSONResponse(result)

        return endpoint

    async def show(self, request: Request) -> Response:
        """The console."""
        now = self.account.now()
        events = []
        for event in self.account.scan("event"):
            events.append((event, self.emulator.courier.log(event)))
            if len(events) == EVENTS_SHOWN:
                break
        values = {
            "now": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "offset": round((now - time.time()) / 86400),
            "events": events,
            "endpoints": list(self.account.scan("webhook_endpoint")),
            "faults": json.dumps(self.emulator.faults.current(), indent=2),
            "rule": self.account.store.note("after_retries") or "canceled",
            "rules": AFTER_RETRIES,
            "time": lambda moment: datetime.fromtimestamp(moment, UTC).strftime(
                "%H:%M:%S"
            ),
        }
        return self.renderer.page(request, "console.html", values)

    async def faults(self, _request: Request) -> Response:
        """The faults that are on."""
        return JSONResponse(self.emulator.faults.current())

    def _faults(self, values: dict[str, Any]) -> dict[str, Any]:
        if "json" in values:
            values = json.loads(values["json"] or "{}")
        return self.emulator.faults.set(values)

    def _advance(self, values: dict[str, Any]) -> dict[str, Any]:
        """Move the account's own time forward, letting it all happen."""
        days = float(values.get("days", 0))
        if not 0 < days <= MAX_DAYS:
            raise ApiError(f"Days must be between 0 and {MAX_DAYS}.", param="days")
        offset = int(self.account.store.note("offset") or 0) + int(days * 86400)
        # First what is due up to now, then the new time.
        self.emulator.pass_time()
        self.account.store.set_note("offset", offset)
        return {"steps": self.emulator.pass_time(), "now": self.account.now()}

    def _register(self, values: dict[str, Any]) -> dict[str, Any]:
        with self.account.store.transaction():
            secret = values.get("secret") or "whsec_" + secrets.token_urlsafe(24)
            found = ensure_endpoint(self.account, str(values["url"]), secret)
            return {**public(self.account.store, found), "secret": secret}

    def _redeliver(self, values: dict[str, Any]) -> dict[str, Any]:
        """Send an event once more to every endpoint that wants it."""
        event = self.account.get("event", str(values.get("event", "")))
        sent = 0
        with self.account.store.transaction():
            for endpoint in self.account.scan("webhook_endpoint"):
                if {"*", event["type"]} & set(endpoint["enabled_events"]):
                    self.account.queue(event["id"], endpoint["id"])
                    sent += 1
        return {"queued": sent}

    def _reset(self, _values: dict[str, Any]) -> dict[str, Any]:
        self.emulator.reset()
        return {"reset": True}

    def _rotate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Sign with a new secret besides the old one, or drop the old one."""
        endpoint = self.account.get("webhook_endpoint", str(values.get("endpoint", "")))
        fresh = values.get("secret") or "whsec_" + secrets.token_urlsafe(24)
        kept = [] if values.get("expire_old") else endpoint["_secrets"][:1]
        endpoint["_secrets"] = [fresh, *kept]
        self.account.put(endpoint)
        return {"endpoint": endpoint["id"], "secret": fresh}

    def _settings(self, values: dict[str, Any]) -> dict[str, Any]:
        rule = values.get("after_retries")
        if rule not in AFTER_RETRIES:
            raise ApiError(
                f"after_retries is one of {', '.join(AFTER_RETRIES)}.",
                param="after_retries",
            )
        self.account.store.set_note("after_retries", rule)
        return {"after_retries": rule}

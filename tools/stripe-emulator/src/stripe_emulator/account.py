"""The emulated account: its objects, its time and what it announces."""

import copy
import secrets
import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stripe_emulator.errors import ApiError, missing
from stripe_emulator.render import public
from stripe_emulator.settings import Settings
from stripe_emulator.store import Document, Store

API_VERSION = "2026-10-28.endive"
ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """A random id in Stripe's style: ``cus_`` and letters and digits."""
    return f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Call:
    """The API request that causes whatever happens now; none for the engine."""

    id: str | None = None
    idempotency_key: str | None = None
    stripe_version: str = API_VERSION


class Account:
    """What handlers, engine and pages work on."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.call = Call()
        self.has_news: Callable[[], None] = lambda: None
        # While the engine works through the past, the moment it stands at.
        self._moment: int | None = None
        self.due: Callable[[Document], int | None] = lambda _document: None

    # Time.

    def now(self, clock: str | None = None) -> int:
        """The time on a test clock, or the account's own."""
        if clock:
            return int(self.get("test_helpers.test_clock", clock)["frozen_time"])
        if self._moment is not None:
            return self._moment
        return int(time.time()) + int(self.store.note("offset") or 0)

    def stand_at(self, moment: int | None) -> None:
        """Let the account's own time be ``moment`` until told otherwise."""
        self._moment = moment

    def clock_of(self, document: Document) -> str:
        """The id of the test clock that rules ``document``, or an empty string."""
        if document["object"] == "customer":
            return document.get("test_clock") or ""
        customer = document.get("customer")
        owner = self.store.find("customer", customer) if customer else None
        return (owner or {}).get("test_clock") or ""

    def time_of(self, document: Document) -> int:
        """The time as ``document`` sees it."""
        return self.now(self.clock_of(document))

    # Objects.

    def find(self, kind: str, identifier: str | None) -> Document | None:
        """The object, or None when there is none or it was deleted."""
        found = self.store.find(kind, identifier) if identifier else None
        return None if found is None or found.get("deleted") else found

    def get(self, kind: str, identifier: str, param: str = "id") -> Document:
        """The object, or Stripe's 404."""
        found = self.find(kind, identifier)
        if found is None:
            raise missing(kind, identifier, param)
        return found

    def refer(self, kind: str, identifier: str, param: str) -> Document:
        """The object a parameter names; a wrong name is a bad request."""
        found = self.find(kind, identifier)
        if found is None:
            refusal = missing(kind, identifier, param)
            refusal.status = 400
            raise refusal
        return found

    def put(self, document: Document) -> Document:
        """Write ``document`` together with the time something next happens to it."""
        return self.store.put(
            document, clock=self.clock_of(document), due_at=self.due(document)
        )

    def scan(
        self, kind: str, *, customer: str | None = None, **filters: Any
    ) -> Iterator[Document]:
        """Objects of a kind, newest first."""
        return self.store.scan(kind, customer=customer, **filters)

    # News.

    def emit(
        self, kind: str, document: Document, previous: dict[str, Any] | None = None
    ) -> Document:
        """Record an event and queue it for every endpoint that asked for it."""
        data: dict[str, Any] = {"object": public(self.store, document)}
        if previous is not None:
            data["previous_attributes"] = previous
        endpoints = [
            endpoint
            for endpoint in self.scan("webhook_endpoint")
            if endpoint["status"] == "enabled"
            and {"*", kind} & set(endpoint["enabled_events"])
        ]
        event: Document = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {
                "id": self.call.id,
                "idempotency_key": self.call.idempotency_key,
            },
            "type": kind,
        }
        self.store.put(event)
        for endpoint in endpoints:
            self.queue(event["id"], endpoint["id"])
        return event

    def queue(self, event: str, endpoint: str) -> None:
        """Put one event on its way to one endpoint."""
        self.store.db.execute(
            "INSERT INTO deliveries (event, endpoint, due_at) VALUES (?, ?, ?)",
            (event, endpoint, time.time()),
        )

    def snapshot(self, document: Document) -> Document:
        """What ``document`` looks like before a change."""
        return copy.deepcopy(public(self.store, document))

    def emit_update(self, kind: str, document: Document, before: Document) -> None:
        """Announce what changed since ``before``; nothing changed, nothing said."""
        after = self.snapshot(document)
        previous = {
            name: before.get(name)
            for name in {**before, **after}
            if before.get(name) != after.get(name)
        }
        if previous:
            self.emit(kind, document, previous)


def merge_metadata(document: Document, change: dict[str, str] | str | None) -> None:
    """Apply Stripe's metadata rules: an empty value unsets, '' clears all."""
    if change is None:
        return
    if isinstance(change, str):
        document["metadata"] = {}
        return
    merged = {**document.get("metadata", {}), **change}
    if len(merged) > 50:
        raise ApiError("Metadata can have at most 50 keys.", param="metadata")
    document["metadata"] = {key: value for key, value in merged.items() if value != ""}

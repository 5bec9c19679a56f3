"""Who hears what."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from importlib import import_module
from typing import Any, TypeVar

F = TypeVar("F")
Handler = Callable[[Any], None]
DatedHandler = Callable[..., None]
FactHandler = Callable[["ReceivedFact"], None]

# The name of the queue's jobs that have a fact heard.
FACT = "fact"
CONTRACTS = ("accounts", "billing", "community", "entitlements", "inference")

_handlers: dict[str, dict[str, Handler]] = defaultdict(dict)
_dated: dict[str, dict[str, DatedHandler]] = defaultdict(dict)
_listeners: dict[str, FactHandler] = {}
# Names under which deliveries may still wait, and who answers to them, by fact.
_former: dict[str, dict[str, str]] = defaultdict(dict)


class ReceivedFact:
    """A fact with the circumstances of its publication."""

    __slots__ = ("event_id", "fact", "name", "published_at")

    def __init__(
        self, event_id: int, name: str, fact: Any, published_at: datetime
    ) -> None:
        self.event_id = event_id
        self.name = name
        self.fact = fact
        self.published_at = published_at

    @property
    def occurred_at(self) -> datetime:
        """When it happened: what the fact says, else when it was published."""
        said = getattr(self.fact, "occurred_at", "")
        return datetime.fromisoformat(said) if said else self.published_at


def subscribe(
    fact_class: type[F],
) -> Callable[[Callable[[F], None]], Callable[[F], None]]:
    """Call the decorated function for every published ``fact_class``.

    It runs inside a transaction of its own: what it writes commits together
    with the note that it has run.
    """

    def register(handler: Callable[[F], None]) -> Callable[[F], None]:
        _handlers[fact_class.__name__][_name(handler)] = handler
        return handler

    return register


def subscribe_dated(
    fact_class: type[F], *, formerly: str = ""
) -> Callable[[DatedHandler], DatedHandler]:
    """Call the decorated function as ``handler(fact, at=moment)``.

    The moment is when it happened, aware, which may be long before it was published.
    ``formerly`` is the name of a subscriber whose work this one has taken over: what
    waits for that one goes to its successors, and is done where there is none.
    """

    def register(handler: DatedHandler) -> DatedHandler:
        _dated[fact_class.__name__][_name(handler)] = handler
        if formerly:
            _former[formerly][fact_class.__name__] = _name(handler)
        return handler

    return register


def subscribe_all(handler: FactHandler) -> FactHandler:
    """Call the decorated function for every fact, wrapped in ``ReceivedFact``."""
    _listeners[_name(handler)] = handler
    return handler


def subscribers_of(fact_name: str) -> list[str]:
    """Return the stable names of those who hear ``fact_name``."""
    return [*_handlers[fact_name], *_dated[fact_name], *_listeners]


def call(subscriber: str, received: ReceivedFact) -> None:
    """Call one subscriber. Raises ``LookupError`` when it no longer exists."""
    if subscriber in _former:
        successor = _former[subscriber].get(received.name)
        if successor is None:
            return
        subscriber = successor
    if subscriber in _listeners:
        _listeners[subscriber](received)
    elif subscriber in _dated[received.name]:
        _dated[received.name][subscriber](received.fact, at=received.occurred_at)
    else:
        _handlers[received.name][subscriber](received.fact)


def load_fact(name: str, payload: dict[str, Any]) -> Any:
    """Rebuild a fact; fields it no longer has are dropped."""
    for module in CONTRACTS:
        fact_class = getattr(import_module(f"contracts.{module}"), name, None)
        if fact_class is not None:
            known = {field.name for field in fields(fact_class)}
            return fact_class(**{k: v for k, v in payload.items() if k in known})
    raise LookupError(f"No contract declares the fact {name}.")


def _name(handler: Callable[..., None]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"

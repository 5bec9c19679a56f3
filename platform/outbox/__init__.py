"""The only road between areas.

``publish(fact)`` writes the fact in the caller's transaction; every subscriber
hears it at least once and its database work happens once.
"""

from outbox.publishing import publish
from outbox.registry import subscribe, subscribe_all, subscribe_dated

__all__ = ["publish", "subscribe", "subscribe_all", "subscribe_dated"]

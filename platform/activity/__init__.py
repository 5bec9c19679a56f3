"""First-party event log: what people did.

``track(request, name, …)`` notes a page view, a search or the like. Facts of
the outbox are recorded by themselves.
"""

from typing import Any


def track(*args: Any, **kwargs: Any) -> None:
    """Note an event; see ``activity.services.track``."""
    from activity.services import track as write

    write(*args, **kwargs)


__all__ = ["track"]

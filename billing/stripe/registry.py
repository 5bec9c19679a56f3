"""Who brings our copy of what up to date.

Apps above this one register a function per kind of object; an event only says
which object to look at again.
"""

from collections.abc import Callable

Refresher = Callable[[str], None]

_refreshers: dict[str, Refresher] = {}


def refreshes(kind: str) -> Callable[[Refresher], Refresher]:
    """Call the decorated function with the id of every changed ``kind``."""

    def register(refresher: Refresher) -> Refresher:
        _refreshers[kind] = refresher
        return refresher

    return register


def refresher_for(kind: str) -> Refresher | None:
    """Return who looks after ``kind``, if anybody."""
    return _refreshers.get(kind)

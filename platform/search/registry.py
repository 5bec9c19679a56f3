"""Who can rebuild which kind of entry."""

from collections.abc import Callable, Iterable

from search.services import Findable

Rebuilder = Callable[[], Iterable[Findable]]
_rebuilders: dict[str, Rebuilder] = {}


def register(kind: str, rebuilder: Rebuilder) -> None:
    """Have ``rebuilder`` yield every entry of ``kind`` when the index is rebuilt."""
    _rebuilders[kind] = rebuilder


def rebuilders() -> dict[str, Rebuilder]:
    return dict(_rebuilders)

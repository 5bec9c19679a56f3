from collections.abc import Callable, Iterator

import pytest

from outbox import registry

Register = Callable[..., str]


@pytest.fixture
def hear() -> Iterator[Register]:
    """Return a function that subscribes a function to a fact until the test ends."""
    before = {name: dict(handlers) for name, handlers in registry._handlers.items()}

    def register(fact_class: type, handler: Callable[..., None], name: str) -> str:
        handler.__module__, handler.__qualname__ = "tests", name
        registry.subscribe(fact_class)(handler)
        return f"tests.{name}"

    yield register
    registry._handlers.clear()
    registry._handlers.update(before)

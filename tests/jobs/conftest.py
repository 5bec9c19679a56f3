from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q

from jobs import registry
from jobs.models import Job
from jobs.registry import JobKind
from jobs.services import enqueue
from outbox.models import Event

Have = Callable[..., JobKind]


@pytest.fixture
def have() -> Iterator[Have]:
    """Return a function that registers a kind of job until the test ends."""
    before = dict(registry._kinds)

    def register(handle: Callable[[Any, Job], None], **fields: Any) -> JobKind:
        values: dict[str, Any] = {
            "name": "gadget",
            "queue": "default",
            "rows": lambda: Event.objects.all(),
            "lease": timedelta(seconds=6),
            "late_after": timedelta(seconds=30),
            "kept": timedelta(days=30),
            "dated_by": "published_at",
            "label": "Gadgets",
            "meaning": "What gadgets do.",
            "title": lambda event: event.name,
            "hint": lambda event: str(event.pk),
            "details": lambda event: (("Name", event.name),),
            "find": lambda text: Q(name=text),
        }
        kind = JobKind(handle=handle, **{**values, **fields})
        registry.register(kind)
        return kind

    yield register
    registry._kinds.clear()
    registry._kinds.update(before)


@transaction.atomic
def wait_for(*parts: str, name: str = "thing") -> Event:
    """Have a gadget's work wait, one job for each part; return its row."""
    event = Event.objects.create(name=name, payload={})
    enqueue("gadget", event.pk, parts=parts or ("",))
    return event

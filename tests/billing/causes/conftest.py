"""One comparison at a time: a person who became active just before a Monday."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activity.services import NewEvent, write_events
from billing.conversion.models import Developer

WEEK = datetime(2026, 10, 12, tzinfo=UTC)
# When the week's exposure and the window after it are over, and not those of the next.
AT = WEEK + timedelta(days=35)


@pytest.fixture
def developer(person: Callable[..., Any]) -> Callable[..., Developer]:
    """Return a function that makes a person active since the day before the week."""
    made = iter(range(10_000))

    def make(**fields: Any) -> Developer:
        user = person(f"dev{next(made)}")
        return Developer.objects.create(
            user=user,
            signed_up_at=WEEK - timedelta(days=1),
            activated_at=fields.pop("activated_at", WEEK - timedelta(days=1)),
            **fields,
        )

    return make


def happen(name: str, at: datetime, user_id: int | None = None, **fields: Any) -> None:
    """Write one line of the log."""
    write_events([NewEvent(name=name, occurred_at=at, user_id=user_id, **fields)])


def read_docs(at: datetime, user_id: int | None = None, **fields: Any) -> None:
    happen("page_viewed", at, user_id, subject="doc:1.0/keys", **fields)


def ask(at: datetime, user_id: int, *, topic: int = 1) -> None:
    happen(
        "topic_created",
        at,
        user_id,
        properties={"topic_id": topic, "author_id": user_id, "kind": "question"},
    )


def answer(at: datetime, user_id: int, *, topic: int = 1) -> None:
    happen("reply_posted", at, user_id, properties={"topic_id": topic, "post_id": 1})


def accept(at: datetime, user_id: int, *, topic: int = 1) -> None:
    happen(
        "answer_accepted", at, user_id, properties={"topic_id": topic, "answer_id": 1}
    )

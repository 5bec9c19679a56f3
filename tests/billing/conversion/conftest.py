"""Developers at known places on their way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.conversion.models import Developer

DAY = timedelta(days=1)
START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def developer(person: Callable[..., Any]) -> Callable[..., Developer]:
    """Return a function that makes a developer with the given milestones, in days."""
    made = iter(range(1000))

    def make(
        *, source: str = "docs", revenue: int = 0, cost_nano: int = 0, **days: float
    ) -> Developer:
        user = person(f"dev{next(made)}")
        milestones = {name: START + offset * DAY for name, offset in days.items()}
        developer, _ = Developer.objects.update_or_create(
            user=user,
            defaults={
                "source": source,
                "signed_up_at": START,
                "revenue": revenue,
                "cost_nano": cost_nano,
                **milestones,
            },
        )
        return developer

    return make

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from jobs.working import sweep
from privacy import services


@pytest.fixture
def let_days_pass() -> Callable[[Any], None]:
    """Return a function that lets the days of a closed account be over."""

    def end(user: Any) -> None:
        ended = timezone.now() - timedelta(minutes=1)
        User.objects.filter(pk=user.pk).update(closes_at=ended)

    return end


@pytest.fixture
def erase(
    let_days_pass: Callable[[Any], None], deliver_outbox: Callable[[], int]
) -> Callable[[Any], None]:
    """Return a function that does what the hour and the workers do, to the end."""

    def run(user: Any) -> None:
        deliver_outbox()
        let_days_pass(user)
        services.enqueue_erasures()
        sweep("erasure")
        deliver_outbox()
        user.refresh_from_db()

    return run

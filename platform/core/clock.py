"""The time, asked for when it is needed."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the current time, for columns too: Django's own cannot be frozen."""
    return timezone.now()

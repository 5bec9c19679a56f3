"""What messages are about, and who may still see it.

A message is a copy: what it was made of may be moved or hidden after it. So it names
what it is about, and the app that owns that says who may see it now.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

Scope = Callable[[User], QuerySet[Any]]
_scopes: dict[str, Scope] = {}


def register(kind: str, scope: Scope) -> None:
    """Show messages about a ``kind`` only to those for whom ``scope`` holds its row.

    ``scope`` returns a queryset of what a person may see; it is asked for one row at
    a time, by its primary key.
    """
    _scopes[kind] = scope


def scopes() -> dict[str, Scope]:
    """Return the scope of every kind of thing messages are about."""
    return dict(_scopes)

"""Writing down what people did."""

import json
import logging
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from activity.browser import agent_of, asks_not_to_be_known, is_bot
from activity.models import FirstTouch, Visitor, VisitorLink
from activity.origin import Origin
from contracts.accounts import FirstTouchFound
from core.addresses import path_to_keep
from outbox import publish
from outbox.buffers import Buffer

logger = logging.getLogger(__name__)

# "acti": a number no other advisory lock has.
_PARTITION_LOCK = 0x61637469
# More than this waiting means nobody writes them down: drop rather than fill Redis.
BUFFER = Buffer("activity:buffer", limit=100_000)


@dataclass(slots=True, kw_only=True)
class NewEvent:
    """An event about to be written."""

    name: str
    occurred_at: datetime
    visitor_id: str = ""
    user_id: int | None = None
    organisation_id: int | None = None
    subject: str = ""
    path: str = ""
    source: str = "web"
    properties: dict[str, Any] = field(default_factory=dict)


def track(
    request: HttpRequest,
    name: str,
    *,
    organisation_id: int | None = None,
    subject: str = "",
    **properties: Any,
) -> None:
    """Note a page view, a search or the like; written in bulk within seconds.

    Such events may be lost when Redis is. What must not be lost is a fact. Bots
    are left out; who asks not to be known is counted without being named.
    """
    if is_bot(request):
        return
    is_named = not asks_not_to_be_known(request)
    user_id = request.user.pk if request.user.is_authenticated else None
    buffer_event(
        NewEvent(
            name=name,
            occurred_at=timezone.now(),
            visitor_id=getattr(request, "visitor_id", "") if is_named else "",
            user_id=user_id if is_named else None,
            organisation_id=organisation_id,
            subject=subject[:200],
            path=path_to_keep(request)[:300],
            properties=properties,
        )
    )


def record_fetch(request: HttpRequest) -> None:
    """Note a page that a program fetched, under a name that no figure counts."""
    buffer_event(
        NewEvent(
            name="page_fetched",
            occurred_at=timezone.now(),
            path=path_to_keep(request)[:300],
            properties={"agent": agent_of(request)},
        )
    )


def buffer_event(event: NewEvent) -> None:
    """Put an event into the buffer; without Redis it is dropped."""
    values = asdict(event) | {"occurred_at": event.occurred_at.isoformat()}
    BUFFER.add(json.dumps(values, default=str))


def flush_buffer(*, batch: int = 2000) -> int:
    """Write the buffered events to the log and return how many were written.

    When the database takes nothing they stay claimed for the next time; one that
    cannot be written is dropped and takes no other with it.
    """
    return BUFFER.flush(_write_buffered, batch=batch)


def _write_buffered(items: list[bytes]) -> int:
    events = [event for item in items if (event := _read(item)) is not None]
    try:
        write_events(events)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        return sum(_write_alone(event) for event in events)
    return len(events)


def _read(item: bytes) -> NewEvent | None:
    try:
        values = json.loads(item)
        values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
        return NewEvent(**values)
    except (ValueError, TypeError, KeyError) as error:
        # Of another release, for one; the others are not to wait for it.
        logger.warning("activity.not_read", extra={"error": str(error)})
        return None


def _write_alone(event: NewEvent) -> bool:
    try:
        write_events([event])
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        logger.warning(
            "activity.not_written", extra={"event": event.name, "error": str(error)}
        )
        return False
    return True


def write_events(events: Iterable[NewEvent]) -> None:
    """Append events to the log, all of them or none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO activity_event (occurred_at, name, visitor_id, user_id,"
            " organisation_id, subject, path, source, properties)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    event.occurred_at,
                    event.name,
                    event.visitor_id,
                    event.user_id,
                    event.organisation_id,
                    _clean(event.subject),
                    _clean(event.path),
                    event.source,
                    json.dumps(_clean(event.properties)),
                )
                for event in events
            ],
        )


def _clean(value: Any) -> Any:
    """Return what PostgreSQL can hold of a text: no NUL and no half of a pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def record_visitor(visitor_id: str, origin: Origin) -> None:
    """Remember a browser and how it first came; a known one stays as it is."""
    Visitor.objects.bulk_create(
        [Visitor(id=visitor_id, first_seen_at=timezone.now(), **asdict(origin))],
        ignore_conflicts=True,
    )


@transaction.atomic
def link_visitor(visitor_id: str, user: User) -> bool:
    """Say that a browser is ``user``'s, and read again how they first came.

    A browser that another user has already stays theirs, and the answer is
    ``False``: a shared computer gets a new id then, and when its user signs out.
    """
    visitor = Visitor.objects.filter(pk=visitor_id).first()
    if visitor is None:
        return False
    link, _ = VisitorLink.objects.get_or_create(
        visitor=visitor, defaults={"user": user, "linked_at": timezone.now()}
    )
    if link.user_id != user.pk:
        return False
    _find_first_touch(user)
    return True


def _find_first_touch(user: User) -> None:
    """Let a person's first touch be that of whichever browser of theirs came first.

    The row is locked before the browsers are looked at: of two links at once the
    second sees both.
    """
    defaults = {"at": timezone.now(), "source": ""}
    FirstTouch.objects.get_or_create(user=user, defaults=defaults)
    touch = FirstTouch.objects.select_for_update().get(user=user)
    browsers = Visitor.objects.filter(link__user=user)
    first = browsers.order_by("first_seen_at", "pk").first()
    if first is None or (touch.at, touch.source) == (first.first_seen_at, first.source):
        return
    touch.at = first.first_seen_at
    for name in ("source", "medium", "campaign", "referrer", "landing_path"):
        setattr(touch, name, getattr(first, name))
    touch.save()
    publish(FirstTouchFound(user_id=user.pk, visitor_id=first.pk))


@transaction.atomic
def forget_person(user: User) -> int:
    """Erase a person's browsers, their touches and what they looked at.

    Returns how many events went. Facts stay, without the browser they came from: they
    are what was agreed, posted and paid.
    """
    browsers = list(
        VisitorLink.objects.filter(user=user).values_list("visitor_id", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM activity_event WHERE source <> 'fact'"
            " AND (user_id = %s OR visitor_id = ANY(%s))",
            [user.pk, browsers],
        )
        gone: int = cursor.rowcount
        cursor.execute(
            "UPDATE activity_event SET visitor_id = '',"
            " properties = properties - 'visitor_id'"
            " WHERE source = 'fact' AND user_id = %s",
            [user.pk],
        )
    FirstTouch.objects.filter(user=user).delete()
    Visitor.objects.filter(pk__in=browsers).delete()
    return gone


def new_visitor_id() -> str:
    """Return an id that says nothing about its browser."""
    return f"v_{secrets.token_hex(16)}"


@transaction.atomic
def ensure_partitions(*, since: datetime | None = None, months_ahead: int = 3) -> None:
    """Create the monthly partitions from ``since`` (now) to some months ahead.

    A lock lets one do it at a time; the other finds them there.
    """
    now = timezone.now()
    month = (
        (since or now)
        .astimezone(UTC)
        .replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    )
    last = now + timedelta(days=31 * months_ahead)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PARTITION_LOCK])
        while month <= last:
            following = (month + timedelta(days=32)).replace(day=1)
            cursor.execute(
                "SELECT activity_ensure_partition(%s, %s)", (month, following)
            )
            month = following

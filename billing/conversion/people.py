"""Everything known of one person's way: to read, to hand out, to forget."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min

from accounts.models import User
from activity import services as activity
from activity.models import Event, FirstTouch, Visitor
from audit import services as audit
from billing.conversion.locks import beside_rebuilds
from billing.conversion.models import Account, Developer, GroupMember
from contracts.billing import PersonForgotten
from outbox import publish

ROLES = GroupMember.Role
# What people read before they decide.
READING = "/docs/"
# Rows fetched at once from a log that may hold a hundred thousand of one person.
CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class GroupPerson:
    """One person of a buying group: since when in each role, and first reading."""

    developer: Developer
    since: tuple[datetime | None, ...]
    read_at: datetime | None


def buying_group(account: Account) -> list[GroupPerson]:
    """Return an organisation's people, the first engaged first. Two queries."""
    since: dict[int, dict[str, datetime]] = {}
    known: dict[int, Developer] = {}
    parts = GroupMember.objects.filter(account=account).order_by("since", "pk")
    for part in parts.select_related("developer__user"):
        known[part.developer_id] = part.developer
        since.setdefault(part.developer_id, {})[part.role] = part.since
    read = _first_readings(list(known))
    return [
        GroupPerson(
            developer,
            tuple(since[pk].get(role) for role in ROLES.values),
            read.get(pk),
        )
        for pk, developer in known.items()
    ]


def _first_readings(people: list[int]) -> dict[int, datetime]:
    views = Event.objects.filter(
        user_id__in=people, name="page_viewed", path__startswith=READING
    )
    rows = views.order_by().values_list("user_id").annotate(Min("occurred_at"))
    return {pk: at for pk, at in rows if pk is not None}


def export_person(user: User) -> Iterator[dict[str, Any]]:
    """Yield all that is kept of a person's way, one plain document for each row."""
    developer = Developer.objects.filter(pk=user.pk).values().first()
    yield {"kind": "way", **(developer or {"user_id": user.pk})}
    for touch in FirstTouch.objects.filter(user=user).values():
        yield {"kind": "first_touch", **touch}
    for visitor in Visitor.objects.filter(link__user=user).order_by("pk").values():
        yield {"kind": "browser", **visitor}
    parts = GroupMember.objects.filter(developer=user.pk).order_by("pk")
    for part in parts.values("account__organisation__slug", "role", "since"):
        yield {"kind": "part", **part}
    events = Event.objects.filter(user_id=user.pk).order_by("occurred_at", "id")
    for event in events.values().iterator(chunk_size=CHUNK):
        yield {"kind": "event", **event}


@beside_rebuilds
def forget_person(user: User, *, by: User | None) -> int:
    """Erase how a person came here and what they looked at; return how many views.

    What was agreed and paid stays: facts are kept for the books, without a browser.
    ``by`` is nobody where the person's own account was erased.
    """
    views = activity.forget_person(user)
    Developer.objects.filter(pk=user.pk).update(source="", first_visit_at=None)
    publish(PersonForgotten(user_id=user.pk))
    audit.record(
        "person.forgotten", actor=by, target=user.username, after={"views": views}
    )
    return views

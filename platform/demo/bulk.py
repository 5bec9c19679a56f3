"""The rows that are written in bulk: what was looked at, who looked, who came at once.

Everything else in the demo comes into being through a service. Of these there are too
many for one call each, and no rule is told again: a visit is a row of a log, and who
came for the launch are rows that have only just begun.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import connection

from accounts.models import Membership, Organisation, User
from activity.models import FirstTouch, VisitorLink
from activity.origin import Origin
from activity.services import NewEvent
from demo.people import Person


@dataclass(frozen=True, slots=True)
class Stranger:
    """A browser nobody has signed in with."""

    visitor_id: str
    first_seen_at: datetime
    origin: Origin


def write_strangers(strangers: Iterable[Stranger]) -> None:
    """Write browsers as ``activity.services.record_visitor`` does one by one."""
    _copy(
        "activity_visitor",
        (
            *("id", "first_seen_at", "source", "medium", "campaign"),
            *("referrer", "landing_path"),
        ),
        (
            (
                *(each.visitor_id, each.first_seen_at, each.origin.source),
                *(each.origin.medium, each.origin.campaign),
                *(each.origin.referrer, each.origin.landing_path),
            )
            for each in strangers
        ),
    )


def write_log(events: Iterable[NewEvent]) -> None:
    """Append events to the log as ``activity.services.write_events`` does."""
    _copy(
        "activity_event",
        (
            *("occurred_at", "name", "visitor_id", "user_id", "organisation_id"),
            *("subject", "path", "source", "properties"),
        ),
        (
            (
                *(event.occurred_at, event.name, event.visitor_id, event.user_id),
                *(event.organisation_id, event.subject, event.path, event.source),
                json.dumps(event.properties),
            )
            for event in events
        ),
    )


def write_people(
    people: Sequence[Person], devices: Sequence[Person]
) -> tuple[dict[str, User], dict[str, Organisation]]:
    """Write people as a sign-up with a confirmed address does.

    Return them, and their own organisations, by username. ``devices`` are their
    other browsers, each as the person who came with it. Nothing is told: who derives
    something from sign-ups has to derive it anew.
    """
    password = make_password(None)
    users = User.objects.bulk_create(
        User(
            username=each.username,
            email=each.email,
            password=password,
            display_name=each.display_name,
            locale=each.locale,
            date_joined=each.joined_at,
        )
        for each in people
    )
    own = Organisation.objects.bulk_create(
        Organisation(
            slug=user.username,
            name=user.username,
            kind=Organisation.Kind.PERSONAL,
            owner=user,
            billing_email=user.email,
            created_at=user.date_joined,
        )
        for user in users
    )
    Membership.objects.bulk_create(
        Membership(
            organisation=home,
            user=user,
            role=Membership.Role.OWNER,
            created_at=user.date_joined,
        )
        for home, user in zip(own, users, strict=True)
    )
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True)
        for user in users
    )
    known = {user.username: user for user in users}
    browsers = sorted([*people, *devices], key=lambda each: each.seen_at)
    write_strangers(
        Stranger(each.visitor_id, each.seen_at, each.origin) for each in browsers
    )
    VisitorLink.objects.bulk_create(
        VisitorLink(
            visitor_id=each.visitor_id,
            user=known[each.username],
            linked_at=each.joined_at,
        )
        for each in browsers
    )
    firsts = {each.username: each for each in reversed(browsers)}
    FirstTouch.objects.bulk_create(
        FirstTouch(user=known[name], at=each.seen_at, **asdict(each.origin))
        for name, each in firsts.items()
    )
    return known, {home.name: home for home in own}


def look_at_tables(*tables: str) -> None:
    """Have PostgreSQL count what is in tables of ours, or in all of them.

    Its own upkeep sees nothing of a transaction that is not over, and what it takes
    for empty it joins row by row. A table that it works on just now is left to it.
    """
    names = ", ".join(map(connection.ops.quote_name, tables))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE (SKIP_LOCKED) {names}")


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of plain values; table and columns are names of ours."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)

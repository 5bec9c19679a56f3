"""Who comes for the launch, by which devices, and what the log says of them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Organisation, User
from activity.services import NewEvent
from demo import storybook
from demo.people import Company, Person, a_visitor_id, any_source
from demo.planted import reading_of
from demo.rhythm import Rhythm
from demo.storybook import LaunchContract

# So many have a second browser, which came first: a telephone, mostly.
SECOND_DEVICE = 0.3


def plan_newcomers(count: int, rhythm: Rhythm, rng: random.Random) -> list[Person]:
    """Return the newcomers in the order they sign up."""
    taken = set(User.objects.values_list("username", flat=True))
    names = (
        name
        for name in storybook.western(rng)
        # An underscore would be a hyphen in an address, and may be taken there.
        if name.username not in taken and "_" not in name.username
    )
    return [
        _person(name.username, name.display_name, joined_at, rng)
        for joined_at, name in zip(rhythm.moments(count, rng), names, strict=False)
    ]


def plan_buying_groups(
    contracts: list[LaunchContract], *, end: datetime, rng: random.Random
) -> Iterator[Person]:
    """Yield who belongs to the companies; who buys comes last, days before it."""
    for contract in contracts:
        signed_at = end - timedelta(days=contract.days_ago)
        for number, name in enumerate(reversed(contract.people)):
            joined_at = signed_at - timedelta(days=2 + 5 * number)
            shown = " ".join(part.capitalize() for part in name.split("-"))
            yield _person(name, shown, joined_at, rng)


def _person(
    username: str, display_name: str, joined_at: datetime, rng: random.Random
) -> Person:
    return Person(
        username=username,
        # Each at a place of their own: no two of them are colleagues.
        email=f"{username}@{username}.test",
        display_name=display_name,
        joined_at=joined_at,
        seen_at=joined_at - timedelta(minutes=rng.randrange(5, 2_800)),
        visitor_id=a_visitor_id(rng),
        origin=any_source(rng).landing_at("/models/"),
    )


def second_devices(people: list[Person], rng: random.Random) -> list[Person]:
    """Return whom a second browser is of, as it came: days before the first."""
    return [
        replace(
            person,
            visitor_id=a_visitor_id(rng),
            seen_at=person.seen_at - timedelta(days=1 + 6 * rng.random()),
            origin=any_source(rng).landing_at("/"),
        )
        for person in people
        if rng.random() < SECOND_DEVICE
    ]


def arrivals_in_log(
    people: list[Person], company: Company, homes: dict[str, Organisation]
) -> Iterator[NewEvent]:
    """Yield what the log says of who came, as their facts would have been written.

    Who buys for a company never calls.
    """
    buyers = {contract.people[-1] for contract in storybook.launch_contracts()}
    for person in people:
        pk, joined = company[person.username].pk, person.joined_at
        own = homes[person.username].pk
        steps: list[tuple[str, int | None, timedelta]] = [
            ("user_signed_up", None, timedelta()),
            ("organisation_created", own, timedelta()),
            ("email_verified", None, timedelta(minutes=4)),
        ]
        if person.username not in buyers:
            steps.append(("first_call_succeeded", own, timedelta(minutes=25)))
        for name, organisation_id, later in steps:
            yield NewEvent(
                name=name,
                occurred_at=joined + later,
                user_id=pk,
                organisation_id=organisation_id,
                source="fact",
            )
        for path, earlier in (("/models/", 3), ("/pricing/", 1)):
            yield NewEvent(
                name="page_viewed",
                occurred_at=joined - timedelta(minutes=earlier),
                visitor_id=person.visitor_id,
                path=path,
            )


def steps_to_payment(
    user: User, organisation_id: int, rng: random.Random
) -> list[NewEvent]:
    """Return what a buyer did before the money came: read, then began a checkout."""
    now = timezone.now()
    begun = NewEvent(
        name="checkout_started",
        occurred_at=now - timedelta(hours=2),
        user_id=user.pk,
        organisation_id=organisation_id,
        source="fact",
    )
    return [*reading_of(user.pk, begun.occurred_at, rng), begun]

"""Who buys what and when: a plan, before anything is sold."""

import random
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from demo.people import Person
from demo.rhythm import Rhythm

MONTH = timedelta(days=30)
# Of those who use what they signed up for, so many buy in the end.
SHARE = 0.085
# Cards by how likely they are; the names are the test cards' own.
CARDS = (("visa", "4242"), ("mastercard", "4444"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Somebody's subscription: from when, how many seats, and how it goes on."""

    username: str
    email: str
    organisation_id: str
    organisation_name: str
    plan: str
    interval: str
    starts_at: datetime
    intent: uuid.UUID
    seats: int = 1
    # When it ended; a plan that goes on has none.
    ended_at: datetime | None = None
    # It is cancelled, and goes on until the period is over.
    is_ending: bool = False
    # The card was declined at the last renewal.
    is_overdue: bool = False
    # The first payment went back.
    is_refunded: bool = False
    card: tuple[str, str] = CARDS[0]

    @property
    def is_live(self) -> bool:
        return self.ended_at is None


def plan_purchases(
    crowd: list[Person], erin: Person, team_id: str, rhythm: Rhythm, rng: random.Random
) -> list[Purchase]:
    """Return what is bought, in the order it is."""
    start, now = rhythm.start, rhythm.end
    northwind = Purchase(
        username=erin.username,
        email=erin.email,
        organisation_id=team_id,
        organisation_name="Northwind",
        plan="team",
        interval="month",
        starts_at=start + timedelta(days=90 - 73, hours=2),
        intent=_uuid(rng),
        seats=5,
    )
    buyers = [person for person in crowd if person.is_verified and rng.random() < SHARE]
    planned = [
        purchase
        for person in buyers
        if (purchase := _plan(person, now, rng)) is not None
    ]
    planned.sort(key=lambda purchase: purchase.starts_at)
    return sorted(
        [northwind, *_with_special_cases(planned, now, rng)],
        key=lambda purchase: purchase.starts_at,
    )


def _plan(person: Person, now: datetime, rng: random.Random) -> Purchase | None:
    """Return what ``person`` buys; nobody buys before they have tried it."""
    delay = timedelta(hours=9 + rng.expovariate(1 / (5.5 * 24)))
    starts_at = person.joined_at + delay
    if starts_at > now - timedelta(hours=3):
        return None
    ended_at = None
    months = max(1, int(rng.expovariate(1 / 5))) if rng.random() < 0.5 else 99
    is_yearly = rng.random() < 0.22
    if not is_yearly and starts_at + months * MONTH < now:
        ended_at = starts_at + months * MONTH
    plan, seats = (
        ("team", rng.choice((2, 3, 3, 4))) if rng.random() < 0.12 else ("pro", 1)
    )
    return Purchase(
        username=person.username,
        email=person.email,
        organisation_id=person.organisation_id,
        organisation_name=person.username,
        plan=plan,
        interval="year" if is_yearly else "month",
        starts_at=starts_at,
        intent=_uuid(rng),
        seats=seats,
        ended_at=ended_at,
        is_ending=ended_at is None and rng.random() < 0.08,
        card=rng.choice(CARDS),
    )


def _with_special_cases(
    planned: list[Purchase], now: datetime, rng: random.Random
) -> list[Purchase]:
    """Turn one into a refund and one into a payment that failed three days ago."""
    monthly = [
        number
        for number, purchase in enumerate(planned)
        if purchase.interval == "month" and purchase.plan == "pro"
    ]
    old = [n for n in monthly if planned[n].starts_at < now - timedelta(days=36)]
    if not old:
        return planned
    planned[old[0]] = replace(
        planned[old[0]],
        ended_at=planned[old[0]].starts_at + timedelta(days=3),
        is_ending=False,
        is_refunded=True,
    )
    if len(old) > 1:
        last = old[-1]
        # Renewed a month after the start, which is three days ago.
        starts_at = _a_month_before(now - timedelta(days=3, hours=2))
        planned[last] = replace(
            planned[last],
            starts_at=max(starts_at, planned[last].starts_at),
            ended_at=None,
            is_ending=False,
            is_overdue=True,
        )
    return planned


def _a_month_before(moment: datetime) -> datetime:
    """Return the moment whose monthly renewal falls on ``moment``, or just before."""
    first = moment.replace(day=1)
    before = first - timedelta(days=1)
    return before.replace(day=min(moment.day, before.day))


def _uuid(rng: random.Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)

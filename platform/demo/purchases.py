"""Who buys what and when: a plan, before anything is sold."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from demo.people import DAYS, Person
from demo.rhythm import Rhythm

# Of those who use what they signed up for, so many buy in the end.
SHARE = 0.1
# Test cards that succeed.
CARDS = ("4242424242424242", "5555555555554444")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A person's subscription: from when, how many seats, and how it goes on."""

    buyer: Person
    # Whose it is: a team by its name, else the buyer's own.
    team: str = ""
    plan: str
    interval: str
    starts_at: datetime
    seats: int = 1
    # When it is told not to renew; it goes on until the period is over.
    cancelled_at: datetime | None = None
    # From this payment on the card is declined.
    declined_from: datetime | None = None
    # The first payment went back, and the plan with it.
    refunded_at: datetime | None = None
    card: str = CARDS[0]

    @property
    def ends_at(self) -> datetime | None:
        """When premium models stop answering; nobody calls them in between."""
        return self.refunded_at or self.cancelled_at


def plan_purchases(
    crowd: list[Person], erin: Person, rhythm: Rhythm, rng: random.Random
) -> list[Purchase]:
    """Return what is bought, in the order it is."""
    northwind = Purchase(
        buyer=erin,
        team="Northwind",
        plan="team",
        interval="month",
        starts_at=rhythm.start + timedelta(days=DAYS - 73, hours=2),
        seats=5,
    )
    planned = [
        purchase
        for person in crowd
        if person.is_verified and rng.random() < SHARE
        if (purchase := _plan(person, rhythm.end, rng)) is not None
    ]
    planned.sort(key=lambda purchase: purchase.starts_at)
    planned = _with_special_cases(planned, rhythm.end)
    return sorted([northwind, *planned], key=lambda purchase: purchase.starts_at)


def _plan(person: Person, end: datetime, rng: random.Random) -> Purchase | None:
    """Return what ``person`` buys; nobody buys before they have tried it."""
    # Most within a week, some after a month.
    starts_at = person.joined_at + timedelta(hours=9 + rng.expovariate(1 / (5.5 * 24)))
    if starts_at > end - timedelta(hours=3):
        return None
    is_yearly = rng.random() < 0.22
    plan, seats = (
        ("team", rng.choice((2, 3, 3, 4))) if rng.random() < 0.12 else ("pro", 1)
    )
    cancelled_at = starts_at + timedelta(days=8 + rng.expovariate(1 / 30))
    leaves = not is_yearly and rng.random() < 0.3
    return Purchase(
        buyer=person,
        plan=plan,
        interval="year" if is_yearly else "month",
        starts_at=starts_at,
        seats=seats,
        cancelled_at=cancelled_at if leaves and cancelled_at < end else None,
        card=rng.choice(CARDS),
    )


def _with_special_cases(planned: list[Purchase], end: datetime) -> list[Purchase]:
    """Let there be one of each: given back, declined three days ago, over, ending."""
    monthly = [
        number
        for number, purchase in enumerate(planned)
        if purchase.interval == "month" and purchase.plan == "pro"
    ]
    # Renewed a month after the start, which is three days ago.
    started_at = a_month_before(end - timedelta(days=3, hours=2))
    early = [n for n in monthly if planned[n].starts_at < started_at]
    changes = dict(zip(early, (_given_back, _declined, _over), strict=False))
    last = monthly[-1:]
    for number, change in {**dict.fromkeys(last, _ending), **changes}.items():
        planned[number] = change(planned[number], started_at, end)
    return planned


def _given_back(purchase: Purchase, _started_at: datetime, _end: datetime) -> Purchase:
    return replace(
        purchase,
        cancelled_at=None,
        refunded_at=purchase.starts_at + timedelta(days=3),
    )


def _over(purchase: Purchase, started_at: datetime, _end: datetime) -> Purchase:
    """Cancelled in its first month, which is over."""
    starts_at = min(purchase.starts_at, started_at)
    return replace(
        purchase, starts_at=starts_at, cancelled_at=starts_at + timedelta(days=9)
    )


def _declined(purchase: Purchase, started_at: datetime, _end: datetime) -> Purchase:
    return replace(
        purchase,
        starts_at=started_at,
        cancelled_at=None,
        declined_from=started_at + timedelta(days=1),
    )


def _ending(purchase: Purchase, _started_at: datetime, end: datetime) -> Purchase:
    """Cancelled, and goes on until the period is over."""
    sooner = purchase.starts_at + timedelta(hours=1)
    return replace(purchase, cancelled_at=max(sooner, end - timedelta(days=2)))


def a_month_before(moment: datetime) -> datetime:
    """Return the moment whose monthly renewal falls on ``moment``, or just before."""
    before = moment.replace(day=1) - timedelta(days=1)
    return before.replace(day=min(moment.day, before.day))

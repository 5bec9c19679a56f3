"""A town of people and teams, what may be offered to them, and what happens to them."""

import random
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.utils import timezone

from accounts.models import Membership, Organisation, User
from billing.growth.campaigns.enrolling import enrol
from billing.growth.models import Campaign, Offer
from billing.growth.moments import CHOOSING
from notifications.models import Kind, Preference
from tests.billing.growth.conftest import make_offer, put_in_force
from tests.factories.campaigns import campaign_of, offer_step, wait

# Where it is night at other hours.
ZONES = ("", "Asia/Shanghai", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
Role = Membership.Role


@dataclass(slots=True)
class Clock:
    """What a process takes for the time."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


def at(clock: Clock) -> AbstractContextManager[Any]:
    """Have Django and every column that fills itself read this clock."""
    return mock.patch.object(timezone, "now", clock.now)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something happened to a person at a moment; the same occasion is the same."""

    at: datetime
    moment: str
    organisation_id: int
    user_id: int
    occasion: str

    @property
    def key(self) -> tuple[str, int, str]:
        return self.moment, self.organisation_id, self.occasion


@dataclass(frozen=True, slots=True)
class Town:
    """Who lives there: each person's organisations, and when who says no to offers."""

    places: dict[int, list[int]]
    refusals: dict[int, datetime]


def build_town(people: int, days: int, rng: random.Random) -> Town:
    """Make people in bulk, a fifth of them in teams, some in two of them."""
    users = User.objects.bulk_create(
        User(
            username=f"p{number}",
            email=f"p{number}@town.test",
            time_zone=rng.choice(ZONES),
        )
        for number in range(people)
    )
    own = Organisation.objects.bulk_create(
        Organisation(slug=u.username, name=u.username, kind="personal", owner=u)
        for u in users
    )
    teams = Organisation.objects.bulk_create(
        Organisation(slug=f"team{number}", name=f"Team {number}", kind="team")
        for number in range(max(people // 25, 2))
    )
    members = [
        Membership(user=user, organisation=home, role=Role.OWNER, created_at=BEGIN)
        for user, home in zip(users, own, strict=True)
    ]
    for user in rng.sample(users, people // 5):
        for team in rng.sample(teams, rng.choice((1, 1, 1, 2))):
            role = rng.choice((Role.OWNER, Role.MEMBER, Role.BILLING))
            members.append(
                Membership(user=user, organisation=team, role=role, created_at=BEGIN)
            )
    Membership.objects.bulk_create(members)
    places: dict[int, list[int]] = {user.pk: [] for user in users}
    for member in members:
        places[member.user_id].append(member.organisation_id)
    _ask_for_mail(users, rng)
    return Town(places, _plan_refusals(users, days, rng))


def _ask_for_mail(users: list[User], rng: random.Random) -> None:
    Preference.objects.bulk_create(
        Preference(user=user, kind=Kind.OFFERS, by_email=True)
        for user in rng.sample(users, len(users) // 2)
    )


def _plan_refusals(
    users: list[User], days: int, rng: random.Random
) -> dict[int, datetime]:
    """Return when a sixth of them want no offers any more: mornings, the first too."""
    return {
        user.pk: BEGIN + timedelta(days=rng.randrange(days))
        for user in rng.sample(users, len(users) // 6)
    }


def offer_everywhere() -> None:
    """Put offers into force at every moment, one of them dear, and start a campaign."""
    surfaces = ["console", "pricing", "gateway", "mail"]
    dear = make_offer(
        "dear",
        surfaces=surfaces,
        cost_nano=100,
        budget_nano=40_000,
        kind=Offer.Kind.DOCS,
        target="/docs/",
    )
    plain = make_offer("plain", surfaces=surfaces, holdout_percent=10, valid_days=3)
    quiet = make_offer("quiet", surfaces=["console"])
    for number, moment in enumerate(CHOOSING):
        chosen = [dear, plain, quiet][number % 3 :]
        mode = "bandit" if number % 2 else "rules"
        put_in_force(moment, *chosen, mode=mode)
    campaign_of(
        offer_step(plain, "mail"), wait(30), offer_step(quiet), holdout_percent=20
    )


def enter_campaign(town: Town, rng: random.Random) -> None:
    """Have a third of all people's organisations go through the campaign."""
    users = rng.sample(sorted(town.places), len(town.places) // 3)
    units: dict[int, int | None] = {town.places[user][-1]: user for user in users}
    enrol(Campaign.objects.get(), units, at=timezone.now())


def plan_deeds(town: Town, count: int, days: int, rng: random.Random) -> list[Deed]:
    """Return what happens, in the order of time; a third of it happens again."""
    people = sorted(town.places)
    deeds = []
    for number in range(count):
        user_id = rng.choice(people)
        at = BEGIN + timedelta(minutes=rng.randrange(days * 24 * 60))
        deeds.append(
            Deed(
                at=at,
                moment=rng.choice(CHOOSING),
                organisation_id=rng.choice(town.places[user_id]),
                user_id=user_id,
                occasion=f"{number if rng.random() < 0.67 else number % 7}",
            )
        )
    return sorted(deeds, key=lambda deed: (deed.at, deed.key))

"""Who is in the demo, and how they come."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from unittest import mock

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from allauth.account.utils import setup_user_email
from django.contrib.auth import base_user
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.models import Membership, Organisation, User
from accounts.services import (
    add_member,
    create_organisation,
    create_user,
)
from activity.origin import Origin
from activity.services import link_visitor, record_visitor
from core import ids
from demo import storybook
from demo.calendar import Calendar
from demo.rhythm import Rhythm

PASSWORD = "doorstone-demo"  # noqa: S105 - printed at every start, for demos only
# A quarter: long enough for cohorts to age and for plans to renew twice.
DAYS = 90
# Of those who sign up so many confirm their address.
VERIFIED = 0.87


@dataclass(frozen=True, slots=True)
class TrafficSource:
    """Where people come from, as their first request tells, and how many do."""

    name: str
    medium: str = ""
    campaign: str = ""
    referrer: str = ""
    weight: int = 0
    is_chinese: bool = False

    def landing_at(self, path: str) -> Origin:
        return Origin(self.name, self.medium, self.campaign, self.referrer, path)


# Weights, of about a hundred: a young project is found by search and by its code.
SOURCES = (
    TrafficSource("search", "organic", "", "https://duckduckgo.com/", 30),
    TrafficSource("github.com", "referral", "", "https://github.com/", 20),
    TrafficSource("direct", weight=15),
    TrafficSource(
        "zhihu.com", "referral", "", "https://www.zhihu.com/", 9, is_chinese=True
    ),
    TrafficSource(
        "news.ycombinator.com", "referral", "", "https://news.ycombinator.com/", 8
    ),
    TrafficSource("newsletter", "email", "october-release", "", 6),
    TrafficSource("newsletter", "email", "weekly", "", 4),
    TrafficSource("linkedin", "cpc", "self-hosted-ai", "", 4),
    TrafficSource(
        "juejin.cn", "referral", "", "https://juejin.cn/", 4, is_chinese=True
    ),
    TrafficSource("pycon", "event", "booth", "", 2),
)
LANDING = ("/", "/", "/docs/", "/docs/", "/forum/", "/pricing/", "/models/")
# Who of a team does what, in the order they join.
ROLES = (
    Membership.Role.ADMIN,
    Membership.Role.MEMBER,
    Membership.Role.MEMBER,
    Membership.Role.BILLING,
)


def any_source(rng: random.Random) -> TrafficSource:
    return rng.choices(SOURCES, weights=[source.weight for source in SOURCES])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who signs up, before there is a row of them."""

    username: str
    joined_at: datetime
    # When their browser first came.
    seen_at: datetime
    visitor_id: str
    origin: Origin
    email: str
    display_name: str = ""
    locale: str = "en"
    bio: str = ""
    password: str | None = None
    is_verified: bool = True
    is_staff: bool = False
    is_moderator: bool = False

    @property
    def is_chinese(self) -> bool:
        return self.locale == "zh-hans"


def plan_characters(start: datetime, rng: random.Random) -> dict[str, Person]:
    """Return the people everybody can sign in as."""
    planned = {}
    for number, character in enumerate(storybook.characters()):
        joined_at = start + timedelta(
            days=DAYS - character.days_ago, minutes=7 * number
        )
        planned[character.username] = Person(
            username=character.username,
            email=f"{character.username}@demo.test",
            display_name=character.name,
            bio=character.bio,
            locale=character.locale,
            password=PASSWORD,
            is_staff=character.is_staff,
            is_moderator=character.is_moderator,
            joined_at=joined_at,
            seen_at=_seen_before(joined_at, rng),
            visitor_id=a_visitor_id(rng),
            origin=SOURCES[1].landing_at("/docs/"),
        )
    return planned


def plan_crowd(count: int, rhythm: Rhythm, rng: random.Random) -> list[Person]:
    """Return everybody else, in the order they sign up; they come through GitHub."""
    western, chinese = storybook.western(rng), storybook.chinese(rng)
    taken = {character.username for character in storybook.characters()}
    crowd = []
    for joined_at in rhythm.moments(count, rng):
        source = any_source(rng)
        is_chinese = source.is_chinese or rng.random() < 0.06
        names = chinese if is_chinese else western
        name = next(name for name in names if name.username not in taken)
        bios = storybook.bios(is_chinese=is_chinese)
        crowd.append(
            Person(
                username=name.username,
                email=f"{name.username}@people.test",
                display_name=name.display_name,
                bio=rng.choice(bios) if rng.random() < 0.25 else "",
                locale="zh-hans" if is_chinese else "en",
                is_verified=rng.random() < VERIFIED,
                joined_at=joined_at,
                seen_at=_seen_before(joined_at, rng),
                visitor_id=a_visitor_id(rng),
                origin=source.landing_at(rng.choice(LANDING)),
            )
        )
    return crowd


def a_visitor_id(rng: random.Random) -> str:
    """Return a browser's id, the same for the same seed."""
    return f"v_{rng.getrandbits(128):032x}"


def _seen_before(joined_at: datetime, rng: random.Random) -> datetime:
    return joined_at - timedelta(minutes=rng.randrange(5, 2_800))


class Company:
    """Everybody who has signed up so far, by username."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}

    def __getitem__(self, username: str) -> User:
        return self.users[username]

    def plan_arrivals(
        self,
        people: list[Person],
        calendar: Calendar,
        on_person: Callable[[], None],
    ) -> None:
        """Have everybody visit, sign up and confirm their address, each in its time."""
        for person in people:
            # A visit from before the demo begins is recorded as it begins.
            calendar.plan(person.seen_at, _visit, person)
            calendar.plan(person.joined_at, self._join, person, on_person)
            if person.is_verified:
                moment = person.joined_at + timedelta(minutes=4)
                calendar.plan(moment, self._confirm, person)

    def _join(self, person: Person, on_person: Callable[[], None]) -> None:
        user = create_user(
            person.email,
            person.username,
            person.password,
            visitor_id=person.visitor_id,
            display_name=person.display_name,
            bio=person.bio,
            locale=person.locale,
            is_staff=person.is_staff,
            is_moderator=person.is_moderator,
        )
        link_visitor(person.visitor_id, user)
        setup_user_email(_request(), user, [])
        self.users[person.username] = user
        on_person()

    def plan_team(
        self,
        name: str,
        owner: Person,
        members: list[Person],
        *,
        founded_at: datetime,
        calendar: Calendar,
    ) -> None:
        """Create a team, its members joining over the next days."""
        calendar.plan(founded_at, self._found, name, owner)
        for number, (person, role) in enumerate(zip(members, ROLES, strict=False), 1):
            moment = max(founded_at, person.joined_at) + timedelta(hours=5 * number)
            calendar.plan(moment, self._take_in, name, person, role)

    def _found(self, name: str, owner: Person) -> None:
        create_organisation(name, owner=self[owner.username])

    def _take_in(self, name: str, person: Person, role: str) -> None:
        add_member(team(name), user=self[person.username], role=role)

    def _confirm(self, person: Person) -> None:
        """Prove an address, as the link of the confirmation mail does."""
        address = EmailAddress.objects.get(user=self[person.username])
        address.set_verified()
        email_confirmed.send(
            sender=EmailAddress, request=_request(), email_address=address
        )


def team(name: str) -> Organisation:
    """Return the team that is called ``name``."""
    return Organisation.objects.get(name=name, kind=Organisation.Kind.TEAM)


def home(user: User) -> Organisation:
    """Return a user's personal organisation."""
    return Organisation.objects.personal().get(owner=user)


@contextmanager
def drawn(rng: random.Random) -> Iterator[None]:
    """Draw public ids from ``rng`` and hash a password once however many have it.

    The same seed gives the same addresses; what is secret stays drawn by chance. The
    hash is meant to be slow, and all have the one that is printed at every start.
    """
    with (
        mock.patch.object(ids, "secrets", rng),
        mock.patch.object(base_user, "make_password", cache(make_password)),
    ):
        yield


def _visit(person: Person) -> None:
    record_visitor(person.visitor_id, person.origin)


def _request() -> Any:
    """Return a request of a browser that nobody is signed in with."""
    request: Any = HttpRequest()
    request.session = {}
    return request

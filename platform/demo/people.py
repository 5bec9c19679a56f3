"""Who is in the demo, and how they came."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import Membership, Organisation, User
from accounts.services import (
    add_member,
    create_organisation,
    link_identity,
    register_user,
)
from activity.models import Visitor
from activity.services import link_visitor
from contracts.accounts import EmailVerified
from demo import names
from demo.clock import at
from demo.rhythm import Rhythm
from outbox import publish

PASSWORD = "doorstone-demo"  # noqa: S105 - printed at every start, for demos only
DAYS = 90


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody comes from, as their first request tells."""

    source: str
    medium: str = ""
    campaign: str = ""
    referrer: str = ""
    weight: int = 0
    is_chinese: bool = False


ORIGINS = (
    Origin("search", "organic", "", "https://duckduckgo.com/", 30),
    Origin("github.com", "referral", "", "https://github.com/", 20),
    Origin("direct", weight=15),
    Origin("zhihu.com", "referral", "", "https://www.zhihu.com/", 9, is_chinese=True),
    Origin("news.ycombinator.com", "referral", "", "https://news.ycombinator.com/", 8),
    Origin("newsletter", "email", "october-release", "", 6),
    Origin("newsletter", "email", "weekly", "", 4),
    Origin("linkedin", "cpc", "self-hosted-ai", "", 4),
    Origin("juejin.cn", "referral", "", "https://juejin.cn/", 4, is_chinese=True),
    Origin("pycon", "event", "booth", "", 2),
)
LANDING = ("/", "/", "/docs/", "/docs/", "/forum/", "/pricing/", "/models/")


def any_origin(rng: random.Random) -> Origin:
    return rng.choices(ORIGINS, weights=[origin.weight for origin in ORIGINS])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs up, before there is a row of them."""

    username: str
    joined_at: datetime
    origin: Origin
    display_name: str = ""
    locale: str = "en"
    bio: str = ""
    email: str = ""
    is_verified: bool = True
    is_staff: bool = False
    is_moderator: bool = False
    # Public ids, the same every time.
    user_id: str = ""
    organisation_id: str = ""
    visitor_id: str = ""
    landing_path: str = "/docs/"


@dataclass(frozen=True, slots=True)
class Character:
    """A person with a name the documentation mentions."""

    username: str
    display_name: str
    days_ago: int
    bio: str
    locale: str = "en"
    is_staff: bool = False
    is_moderator: bool = False


CHARACTERS = (
    Character(
        "staff", "Sam Okoye", 89, "I look after this installation.", is_staff=True
    ),
    Character(
        "mod",
        "Morgan Lind",
        88,
        "Moderator. Write to me when something is unfriendly here.",
        is_moderator=True,
    ),
    Character(
        "ada",
        "Ada Byron",
        86,
        "Writes documentation, reads source code. Most of my answers began as my own mistakes.",
    ),
    Character("erin", "Erin North", 82, "Engineering lead at Northwind."),
    Character("chen", "陈晨", 79, "后端工程师，喜欢把问题写清楚。", locale="zh-hans"),
    Character("ben", "Ben Carter", 3, ""),
)
BIOS = (
    "Back-end developer.",
    "I run servers so that others can sleep.",
    "Data engineer, occasional teacher.",
    "Interested in search, languages and good error messages.",
    "Freelancer. Python by day, gardening by night.",
    "Building tools for hospitals.",
)
BIOS_ZH = ("后端开发。", "关注检索和大模型应用。", "运维工程师。", "在做企业知识库。")


def plan_characters(start: datetime, rng: random.Random) -> list[Person]:
    """Return the people everybody can sign in as."""
    return [
        Person(
            username=character.username,
            email=f"{character.username}@demo.test",
            display_name=character.display_name,
            bio=character.bio,
            joined_at=start
            + timedelta(days=DAYS - character.days_ago, minutes=7 * number),
            origin=ORIGINS[1],
            locale=character.locale,
            is_staff=character.is_staff,
            is_moderator=character.is_moderator,
            user_id=an_id("usr", rng),
            organisation_id=an_id("org", rng),
            visitor_id=an_id("v", rng),
        )
        for number, character in enumerate(CHARACTERS)
    ]


def plan_crowd(count: int, rhythm: Rhythm, rng: random.Random) -> list[Person]:
    """Return everybody else, in the order they sign up."""
    western, chinese = names.western(rng), names.chinese(rng)
    taken = {character.username for character in CHARACTERS}
    crowd = []
    for moment in rhythm.moments(count, rng):
        origin = any_origin(rng)
        source = chinese if origin.is_chinese or rng.random() < 0.06 else western
        name = next(name for name in source if name.username not in taken)
        is_chinese = source is chinese
        bios = BIOS_ZH if is_chinese else BIOS
        crowd.append(
            Person(
                username=name.username,
                email=f"{name.username}@people.test",
                display_name=name.display_name,
                bio=rng.choice(bios) if rng.random() < 0.25 else "",
                joined_at=moment,
                origin=origin,
                locale="zh-hans" if is_chinese else "en",
                is_verified=rng.random() < 0.87,
                user_id=an_id("usr", rng),
                organisation_id=an_id("org", rng),
                visitor_id=an_id("v", rng),
                landing_path=rng.choice(LANDING),
            )
        )
    return crowd


def join(person: Person, *, password: str | None = None) -> User:
    """Visit, sign up and verify, each in its time."""
    moment = person.joined_at
    seen = moment - timedelta(minutes=5 + int(person.visitor_id[2:6], 16) % 2_800)
    visitor = Visitor.objects.create(
        id=person.visitor_id,
        first_seen_at=seen,
        source=person.origin.source,
        medium=person.origin.medium,
        campaign=person.origin.campaign,
        referrer=person.origin.referrer,
        landing_path=person.landing_path,
    )
    with at(moment), transaction.atomic():
        user = User(
            public_id=person.user_id,
            email=person.email,
            username=person.username,
            display_name=person.display_name,
            bio=person.bio,
            locale=person.locale,
            is_staff=person.is_staff,
            is_moderator=person.is_moderator,
            date_joined=moment,
            # Hashed once for all of them: the hash is meant to be slow.
            password=password or "!",
        )
        user.save()
        link_visitor(visitor.pk, user)
        register_user(user, visitor_id=visitor.pk)
        Organisation.objects.filter(owner=user).update(public_id=person.organisation_id)
    EmailAddress.objects.create(
        user=user, email=person.email, primary=True, verified=person.is_verified
    )
    if person.is_verified:
        with at(moment + timedelta(minutes=4)), transaction.atomic():
            publish(EmailVerified(user_id=user.pk))
    return user


def join_all(
    people: list[Person], password: str, on_person: Callable[[], None]
) -> dict[str, User]:
    """Have everybody sign up, in their order; return them by username."""
    users = {}
    known = {character.username for character in CHARACTERS}
    for person in sorted(people, key=lambda person: person.joined_at):
        users[person.username] = join(
            person, password=password if person.username in known else None
        )
        on_person()
    return users


def found_team(
    name: str,
    owner: User,
    members: list[tuple[User, str]],
    *,
    public_id: str,
    moment: datetime,
) -> Organisation:
    """Create a team, its members joining over the next days."""
    with at(moment):
        team = create_organisation(name, owner=owner)
        Organisation.objects.filter(pk=team.pk).update(public_id=public_id)
    for number, (user, role) in enumerate(members, start=1):
        with at(max(moment, user.date_joined) + timedelta(hours=5 * number)):
            add_member(team, user=user, role=role)
    team.refresh_from_db()
    return team


def link_github(user: User, number: str, login: str, *, moment: datetime) -> None:
    """Connect somebody's GitHub account."""
    with at(moment):
        link_identity(user, provider="github", external_id=number, login=login)


def an_id(prefix: str, rng: random.Random) -> str:
    """Return an id that says nothing, the same for the same seed."""
    return f"{prefix}_{uuid.UUID(int=rng.getrandbits(128), version=4).hex}"


ROLES = (
    Membership.Role.ADMIN,
    Membership.Role.MEMBER,
    Membership.Role.MEMBER,
    Membership.Role.BILLING,
)

"""Who is in the demo, and how they came."""

import random
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
from demo.clock import at
from demo.texts import NAMES, SOURCES
from outbox import publish

PASSWORD = "doorstone-demo"  # noqa: S105 - printed at every start, for demos only


@dataclass(frozen=True, slots=True)
class Character:
    """A person with a name the documentation mentions."""

    username: str
    display_name: str
    days_ago: int
    locale: str = "en"
    is_staff: bool = False
    is_moderator: bool = False


CHARACTERS = (
    Character("staff", "Sam Staff", 89, is_staff=True),
    Character("mod", "Morgan Mod", 88, is_moderator=True),
    Character("ada", "Ada Byron", 84),
    Character("erin", "Erin North", 70),
    Character("chen", "陈晨", 61, locale="zh-hans"),
    Character("ben", "Ben New", 3),
)


def create_characters(start: datetime, password: str) -> dict[str, User]:
    """Create the people everybody can sign in as."""
    people = {}
    for character in CHARACTERS:
        joined = start + timedelta(days=90 - character.days_ago, hours=9)
        user = join(
            f"{character.username}@demo.test",
            character.username,
            at_moment=joined,
            password=password,
            source=("github.com", "referral"),
            display_name=character.display_name,
            locale=character.locale,
            is_staff=character.is_staff,
            is_superuser=character.is_staff,
            is_moderator=character.is_moderator,
        )
        people[character.username] = user
    with at(start + timedelta(days=90 - 80)):
        link_identity(
            people["ada"], provider="github", external_id="21031067", login="Codertocat"
        )
    return people


def create_crowd(
    count: int, start: datetime, rng: random.Random, on_person: Callable[[], None]
) -> list[User]:
    """Create the others, more of them as the weeks go by."""
    people = []
    for number in range(count):
        name = f"{NAMES[number % len(NAMES)]}{number // len(NAMES) or ''}"
        # The square root draws sign-ups towards today: the company grows.
        day = 88 * (rng.random() ** 0.6)
        moment = start + timedelta(days=day, seconds=rng.randrange(80_000))
        source, medium, _ = rng.choices(SOURCES, weights=[s[2] for s in SOURCES])[0]
        people.append(
            join(
                f"{name}@people.test",
                name,
                at_moment=moment,
                password=None,
                source=(source, medium),
                locale="zh-hans" if source == "zhihu.com" else "en",
                is_verified=rng.random() < 0.86,
            )
        )
        on_person()
    return people


def join(
    email: str,
    username: str,
    *,
    at_moment: datetime,
    password: str | None,
    source: tuple[str, str],
    is_verified: bool = True,
    **fields: object,
) -> User:
    """Visit, sign up and verify, each in its time."""
    visitor = Visitor.objects.create(
        id=f"v_demo_{username}"[:40],
        first_seen_at=at_moment - timedelta(minutes=35),
        source=source[0],
        medium=source[1],
        landing_path="/docs/",
    )
    with at(at_moment), transaction.atomic():
        user = User.objects.create_user(
            email, username, None, date_joined=at_moment, **fields
        )
        if password:
            # Hashed once for all of them: the hash is meant to be slow.
            user.password = password
            user.save(update_fields=["password"])
        link_visitor(visitor.pk, user)
        register_user(user, visitor_id=visitor.pk)
    EmailAddress.objects.create(
        user=user, email=email, primary=True, verified=is_verified
    )
    if is_verified:
        with at(at_moment + timedelta(minutes=4)), transaction.atomic():
            publish(EmailVerified(user_id=user.pk))
    return user


def create_northwind(erin: User, members: list[User], start: datetime) -> Organisation:
    """Create the team that pays."""
    with at(start + timedelta(days=90 - 69)):
        northwind = create_organisation("Northwind", owner=erin)
        for user in members:
            add_member(northwind, user=user, role=Membership.Role.MEMBER)
    return northwind

"""Merged work, as GitHub reports it."""

from datetime import timedelta
from itertools import cycle
from zlib import crc32

from django.utils import timezone

from accounts.services import link_identity
from community.contributions.github import Author, Merge
from community.contributions.services import record_merge
from demo import storybook
from demo.calendar import Calendar
from demo.people import Company, Person
from demo.rhythm import Rhythm
from demo.storybook import Pull

REPOSITORY = "doorstone/doorstone"
# As GitHub's own example events have them; Ada's account is the one they name.
REPOSITORY_ID = 186853002
ADA = ("21031067", "Codertocat")


def plan_contributions(
    characters: dict[str, Person],
    crowd: list[Person],
    company: Company,
    rhythm: Rhythm,
    calendar: Calendar,
) -> None:
    """Have some connect their accounts, and pull requests merged."""
    linked = [characters[name] for name in ("ada", "chen", "mod")]
    linked += crowd[3:22:9]
    for person in linked:
        calendar.plan(person.joined_at + timedelta(hours=3), _link, company, person)
    # Some who did something have no account here that is connected.
    others = cycle(crowd[3:40:9])
    for pull in storybook.pulls():
        person = characters[pull.by] if pull.by else next(others)
        moment = rhythm.end - timedelta(days=pull.days_ago, minutes=13 * pull.number)
        earliest = person.joined_at + timedelta(hours=4)
        calendar.plan(max(moment, earliest), _merge, pull, person)


def _link(company: Company, person: Person) -> None:
    number, login = _account_of(person)
    link_identity(
        company[person.username], provider="github", external_id=number, login=login
    )


def _merge(pull: Pull, person: Person) -> None:
    now = timezone.now()
    merge = Merge(
        repository_id=REPOSITORY_ID,
        repository=REPOSITORY,
        number=pull.number,
        title=pull.title,
        url=f"https://github.com/{REPOSITORY}/pull/{pull.number}",
        author=Author(*_account_of(person)),
        happened_at=now,
    )
    record_merge(merge, at=now)


def _account_of(person: Person) -> tuple[str, str]:
    """Return the number and the name of a person's GitHub account."""
    if person.username == "ada":
        return ADA
    # A number that is the same whenever and wherever the demo is made.
    return str(40_000_000 + crc32(person.username.encode()) % 10**7), person.username

"""What the demo's people are called and say, read from ``stories/*.toml``.

Python only reads and combines: another name or question is a change of data.
"""

import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "stories"
LOCALES = ("en", "zh-hans")


class BadStory(ValueError):
    """A file of stories does not hold what it has to."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a person is called, and what they sign in as."""

    username: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Character:
    """A person the documentation mentions; everybody can sign in as them."""

    username: str
    name: str
    days_ago: int
    bio: str = ""
    locale: str = "en"
    is_staff: bool = False
    is_moderator: bool = False


@dataclass(frozen=True, slots=True)
class Pull:
    """A merged pull request; without ``by`` a member of the crowd made it."""

    number: int
    title: str
    days_ago: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; by the asker or by another member."""

    text: str
    by: str = ""

    @property
    def is_asker(self) -> bool:
        return self.by == "asker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A topic; on a question the first reply is the answer that helped."""

    category: str
    kind: str
    tags: tuple[str, ...]
    title: str
    text: str
    replies: tuple[Reply, ...]
    locale: str
    # Who opens it and how long ago, where a page or the documentation counts on it.
    asker: str = ""
    days_ago: float | None = None

    @property
    def is_chinese(self) -> bool:
        return self.locale == "zh-hans"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeaStory:
    """An idea, how many may vote for it, and what staff said becomes of it."""

    locale: str
    category: str
    by: str
    days_ago: float
    title: str
    text: str
    tags: tuple[str, ...]
    votes: int
    state: str = ""
    word: str = ""

    @property
    def is_chinese(self) -> bool:
        return self.locale == "zh-hans"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStory:
    """A poll on the thread of that title, and how many may vote in it."""

    title: str
    question: str
    options: tuple[str, ...]
    most_choices: int
    is_anonymous: bool
    votes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A question that comes up again and again, with answers that are right.

    ``short`` names what it turned out to be about, for those who reply later.
    """

    category: str
    tags: tuple[str, ...]
    titles: tuple[str, ...]
    text: str
    answers: tuple[str, ...]
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrasebook:
    """All a language has to compose threads from."""

    locale: str
    problems: tuple[Problem, ...]
    places: tuple[str, ...]
    # Where an installation runs: the places of questions on self-hosting.
    hosts: tuple[str, ...]
    purposes: tuple[str, ...]
    openers: tuple[str, ...]
    remarks: tuple[str, ...]
    closers: tuple[str, ...]
    thanks: tuple[str, ...]
    updates: tuple[str, ...]
    reasons: tuple[str, ...]

    def places_of(self, problem: Problem) -> tuple[str, ...]:
        """Return where a problem makes sense."""
        return self.hosts if problem.category == "self-hosting" else self.places


# The launch.


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPrice:
    """What some of those who pay pay, in cents; ``weight`` is how many do."""

    plan: str
    weight: int
    amount: int
    is_monthly: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOffer:
    """An offer with what it does: shares of those it was made to, or kept from.

    ``of_people`` is the part of the crowd that meets its moment, ``days_after`` they
    came. ``pays`` is zero where it changes nothing.
    """

    key: str
    moment: str
    days_after: int
    of_people: tuple[float, float]
    holdout_percent: int
    accepted: float
    cost_usd: int = 0
    budget_usd: int = 0
    pays: float = 0.0
    pays_anyway: float = 0.0
    # Of an offer that no installation begins with: its words in both languages.
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContract:
    """What a company bought, in minor units; the last of its people pays."""

    team: str
    currency: str
    amount: int
    seats: int
    days_ago: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRate:
    """What a unit of a currency is worth, in billionths of the reporting currency."""

    currency: str
    nano: int


def launch_prices() -> list[LaunchPrice]:
    return [_made(LaunchPrice, each) for each in _read("launch")["prices"]]


def launch_offers() -> list[LaunchOffer]:
    return [_made(LaunchOffer, each) for each in _read("launch")["offers"]]


def launch_contracts() -> list[LaunchContract]:
    return [_made(LaunchContract, each) for each in _read("launch")["contracts"]]


def launch_rates() -> list[LaunchRate]:
    return [_made(LaunchRate, each) for each in _read("launch")["rates"]]


# People.


def characters() -> list[Character]:
    """Return those everybody can sign in as."""
    return [_made(Character, each) for each in _read("people")["characters"]]


def pulls() -> list[Pull]:
    """Return the work that was merged at GitHub."""
    return [_made(Pull, each) for each in _read("people")["pulls"]]


def desk(name: str) -> Any:
    """Return what waits for staff of one kind, as ``stories/desks.toml`` has it."""
    return _read("desks")[name]


def bios(*, is_chinese: bool) -> tuple[str, ...]:
    return tuple(_people(is_chinese=is_chinese)["bios"])


def western(rng: random.Random) -> Iterator[Name]:
    """Yield names from many countries; some people go by a first name only."""
    people = _people(is_chinese=False)
    pairs = [(first, last) for first in people["first"] for last in people["last"]]
    rng.shuffle(pairs)
    seen: set[str] = set()
    for style in range(4):
        for first, last in pairs:
            name = _western(first, last, style, rng)
            if name.username not in seen:
                seen.add(name.username)
                yield name


def chinese(rng: random.Random) -> Iterator[Name]:
    """Yield Chinese names; the username is their pinyin, in one order or the other."""
    people = _people(is_chinese=True)
    pairs = [
        (surname, given) for surname in people["surnames"] for given in people["given"]
    ]
    rng.shuffle(pairs)
    seen: set[str] = set()
    for style in range(6):
        for (family, family_han), (given, given_han) in pairs:
            username = (
                f"{family}-{given}",
                f"{given}{family}",
                f"{given}-{family}",
                f"{family}{given}",
                f"{given}_{family}",
                f"{family}_{given}",
            )[style]
            if username not in seen:
                seen.add(username)
                yield Name(username, f"{family_han}{given_han}")


def _western(first: str, last: str, style: int, rng: random.Random) -> Name:
    given, family = first.lower(), last.lower()
    shape = (rng.random() + style) % 4
    if style == 0 and shape < 0.06:
        return Name(given, first)
    username = (
        (f"{given}-{family}", f"{given[0]}{family}", f"{given}{family}")[int(shape * 3)]
        if style == 0
        else (f"{family}-{given}", f"{given}_{family}", f"{family}{given}")[style - 1]
    )
    display = f"{first} {last}" if rng.random() < 0.8 else ""
    return Name(username, display)


# Threads.


def written() -> list[Thread]:
    """Return the threads written by hand, in both languages."""
    return [
        _made(
            Thread,
            thread | {"replies": [_made(Reply, each) for each in thread["replies"]]},
            locale=locale,
        )
        for locale in LOCALES
        for thread in _read(f"threads.{locale}")["threads"]
    ]


def wishes() -> list[IdeaStory]:
    """Return the ideas, in both languages."""
    return [_made(IdeaStory, each) for each in _read("wishes")["wishes"]]


def polls() -> list[PollStory]:
    """Return the polls on threads written by hand."""
    return [_made(PollStory, each) for each in _read("wishes")["polls"]]


@cache
def phrasebook(*, is_chinese: bool) -> Phrasebook:
    """Return what a language has to compose threads from."""
    locale = LOCALES[is_chinese]
    book = dict(_read(f"phrases.{locale}"))
    problems = [_made(Problem, each) for each in book.pop("problems")]
    found: Phrasebook = _made(Phrasebook, book, problems=problems, locale=locale)
    return found


def composed(
    book: Phrasebook, replies: tuple[int, int], rng: random.Random
) -> Iterator[Thread]:
    """Yield threads of ``book`` without end, each title once as long as they last."""
    for number in count():
        yield _compose(book, number, rng.randint(*replies), rng)


def _compose(book: Phrasebook, number: int, replies: int, rng: random.Random) -> Thread:
    """Return thread ``number``: neighbours differ in problem, place and purpose."""
    which, turn = number % len(book.problems), number // len(book.problems)
    problem = book.problems[which]
    places = book.places_of(problem)
    is_first = turn < len(places)
    where, turn = turn % len(places), turn // len(places)
    why, turn = (turn + where) % len(book.purposes), turn // len(book.purposes)
    # 11 shares no factor with the number of places, so neighbours lie apart.
    place = places[(where + 11 * which) % len(places)]
    purpose = book.purposes[why]

    def say(pattern: str) -> str:
        return pattern.format(place=place, purpose=purpose, short=problem.short)

    title = say(problem.titles[(which + turn) % 2])
    if not is_first:
        # Only what was asked before in the same place needs saying what it is for.
        title += f" ({purpose})" if book.locale == "en" else f"（{purpose}）"
    return Thread(
        category=problem.category,
        kind="question",
        tags=problem.tags,
        title=title[:1].upper() + title[1:],
        text=say(problem.text),
        replies=tuple(
            _replies(book, problem, replies, say(rng.choice(book.thanks)), rng)
        ),
        locale=book.locale,
    )


def _replies(
    book: Phrasebook, problem: Problem, count: int, thanks: str, rng: random.Random
) -> Iterator[Reply]:
    """Yield answers first, then what others add; the asker has the last word."""
    wanted = min(count, rng.choice((1, 2, 2, 3)), len(problem.answers))
    for answer in rng.sample(problem.answers, wanted):
        yield Reply(answer)
    for _ in range(wanted, count - 1):
        yield Reply(_remark(book, problem, rng))
    if wanted < count:
        yield Reply(thanks, by="asker")


def _remark(book: Phrasebook, problem: Problem, rng: random.Random) -> str:
    remark = rng.choice(book.remarks).format(
        short=problem.short,
        place=rng.choice(book.places_of(problem)),
        purpose=rng.choice(book.purposes),
    )
    parts = (
        rng.choice(book.openers),
        remark[:1].upper() + remark[1:],
        rng.choice(book.closers),
    )
    return (" " if book.locale == "en" else "").join(filter(None, parts))


# Reading.


@cache
def _read(name: str) -> dict[str, Any]:
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def _people(*, is_chinese: bool) -> dict[str, Any]:
    found: dict[str, Any] = _read("people")["chinese" if is_chinese else "western"]
    return found


def _made(kind: Any, values: dict[str, Any], **more: Any) -> Any:
    """Return a ``kind`` of what a file says, lists as tuples. Raises ``BadStory``."""
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in (values | more).items()
    }
    try:
        return kind(**given)
    except TypeError as error:
        raise BadStory(f"{kind.__name__} {values}: {error}") from error

"""What the demo's people say: threads written by hand, then composed ones."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from demo.problems import CHINESE, ENGLISH, Phrasebook, Problem

FOLDER = Path(__file__).parent / "stories"
_MARK = re.compile(r"^%% ", re.MULTILINE)
# Beside those every installation begins with.
CATEGORIES = (
    ("members", "Members", "会员区", "members"),
    ("staff", "Staff room", "员工区", "staff"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One reply; by the asker or by somebody else."""

    text: str
    is_asker: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A topic; on a question the first reply is the answer that helped."""

    category: str
    kind: str
    tags: tuple[str, ...]
    title: str
    text: str
    replies: tuple[Line, ...]
    is_chinese: bool


def written() -> list[Thread]:
    """Return the threads written by hand, in both languages."""
    return [*_read("en.md", is_chinese=False), *_read("zh.md", is_chinese=True)]


def composed(
    book: Phrasebook, replies: tuple[int, int], rng: random.Random
) -> Iterator[Thread]:
    """Yield threads of ``book`` without end, each title once as long as they last."""
    for number in count():
        yield _compose(book, number, rng.randint(*replies), rng)


def book_of(*, is_chinese: bool) -> Phrasebook:
    return CHINESE if is_chinese else ENGLISH


def places_of(book: Phrasebook, problem: Problem) -> tuple[str, ...]:
    """Return where a problem makes sense."""
    return book.hosts if problem.category == "self-hosting" else book.places


def _read(name: str, *, is_chinese: bool) -> Iterator[Thread]:
    parts = _MARK.split((FOLDER / name).read_text(encoding="utf-8"))[1:]
    opened: list[list[str]] = []
    for part in parts:
        head, _, body = part.partition("\n")
        if head.split()[0] in {"answer", "reply", "asker"}:
            opened[-1] += [head.strip(), body.strip()]
        else:
            opened.append([head, body])
    for head, body, *rest in opened:
        place, _, tags = head.partition("|")
        category, kind = place.split()
        title, _, text = body.partition("\n")
        yield Thread(
            category=category,
            kind=kind,
            tags=tuple(tag.strip() for tag in tags.split(",")),
            title=title.removeprefix("# ").strip(),
            text=text.strip(),
            replies=tuple(
                Line(text, is_asker=mark == "asker")
                for mark, text in zip(rest[::2], rest[1::2], strict=True)
            ),
            is_chinese=is_chinese,
        )


def _compose(book: Phrasebook, number: int, replies: int, rng: random.Random) -> Thread:
    """Return thread ``number``: neighbours differ in problem, place and purpose."""
    which, turn = number % len(book.problems), number // len(book.problems)
    problem = book.problems[which]
    places = places_of(book, problem)
    is_first = turn < len(places)
    where, turn = turn % len(places), turn // len(places)
    why, turn = (turn + where) % len(book.purposes), turn // len(book.purposes)
    place = places[(where + 11 * which) % len(places)]
    purpose = book.purposes[why]
    is_chinese = book is CHINESE

    def say(pattern: str) -> str:
        return pattern.format(place=place, purpose=purpose, short=problem.short)

    title = say(problem.titles[(which + turn) % 2])
    if not is_first:
        # Only what was asked before in the same place needs saying what it is for.
        title += f"（{purpose}）" if is_chinese else f" ({purpose})"
    lines = [
        Line(answer)
        for answer in rng.sample(
            problem.answers,
            min(replies, rng.choice((1, 2, 2, 3)), len(problem.answers)),
        )
    ]
    while len(lines) < replies - 1:
        lines.append(Line(_remark(book, problem, rng)))
    if len(lines) < replies:
        lines.append(Line(say(rng.choice(book.thanks)), is_asker=True))
    return Thread(
        category=problem.category,
        kind="question",
        tags=problem.tags,
        title=title[:1].upper() + title[1:],
        text=say(problem.text),
        replies=tuple(lines),
        is_chinese=is_chinese,
    )


def _remark(book: Phrasebook, problem: Problem, rng: random.Random) -> str:
    gap = "" if book is CHINESE else " "
    remark = rng.choice(book.remarks).format(
        short=problem.short,
        place=rng.choice(places_of(book, problem)),
        purpose=rng.choice(book.purposes),
    )
    remark = remark[:1].upper() + remark[1:]
    return gap.join(
        part
        for part in (rng.choice(book.openers), remark, rng.choice(book.closers))
        if part
    )

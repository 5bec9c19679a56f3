"""Asking the judged questions, and counting how they are answered."""

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client

from community.docs.models import Version
from community.docs.services import entries_of, import_version, pages_in
from inference.providers.docs_assistant import answer_question
from search import indexing
from search.embedder import Embedder
from search.finding import search_page
from search.models import IndexEntry
from search.text import lexemes
from tests.inference.providers.judged import KESTREL, MARRAM, QINGHE, SITE, Judged

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TREES = {
    SITE: ((ROOT / "docs/site/0.9", "0.9"), (ROOT / "docs/site/1.0", "1.0")),
    **{name: ((HERE / name, "1.0"),) for name in (MARRAM, KESTREL, QINGHE)},
}
AUDIENCES = ("public", "members")
OTHER = {"en": "zh-hans", "zh-hans": "en"}
_CITED = re.compile(r"^\d\. \[.*\]\((\S+)\)$", re.MULTILINE)
_NAMED = re.compile(r"^- \[.*\]\((\S+)\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Said:
    """The addresses an answer cites, or only names as it says that it has none."""

    cited: Sequence[str]
    named: Sequence[str] = ()


Ask = Callable[[Judged], Said]


@dataclass(frozen=True, slots=True)
class Row:
    """How one way of answering did on some questions, in shares from 0 to 1.

    ``first`` and ``in_three`` are of right pages. ``placed`` is how often the first
    citation was of a right section, of the questions that name sections. ``pointed`` is
    how often a right page was cited among three or, as nothing was quoted, named among
    three.
    """

    name: str
    answerable: int
    first: float
    in_three: float
    placed: float
    pointed: float
    unanswerable: int
    refused: float

    def __str__(self) -> str:
        shares = [self.first, self.in_three, self.placed, self.pointed]
        told = " ".join(
            f"{each:7.1%}" if self.answerable else "      –" for each in shares
        )
        refused = f"{self.refused:7.1%}" if self.unanswerable else "      –"
        return (
            f"{self.name:46} {self.answerable:4} {told} {self.unanswerable:5} {refused}"
        )


HEAD = (
    f"{'':46} {'n':>4} {'first':>7} {'three':>7} {'placed':>7} {'pointed':>7}"
    f" {'none':>5} {'refused':>7}"
)


@contextmanager
def tree(name: str) -> Iterator[None]:
    """Have a tree of documentation, embedded, and no other."""
    with transaction.atomic():
        IndexEntry.objects.all().delete()
        Version.objects.all().delete()
        *older, (current, version) = TREES[name]
        for root, slug in older:
            import_version(root, version=slug)
        import_version(current, version=version, is_default=True)
        indexing.embed_waiting(seconds=math.inf)
        assert indexing.progress().waiting == 0
        yield
        transaction.set_rollback(True)


@contextmanager
def without(language: str) -> Iterator[None]:
    """Have no page of a language."""
    with transaction.atomic():
        IndexEntry.objects.filter(locale=language).delete()
        yield
        transaction.set_rollback(True)


def vectors_of(questions: Iterable[Judged]) -> dict[str, list[float]]:
    """Return what the questions mean, by their text."""

    async def ask() -> dict[str, list[float]]:
        embedder = Embedder()
        found = {each.text: await embedder.question(each.text) for each in questions}
        await embedder.close()
        return found

    return asyncio.run(ask())


def assistant(scope: str, vectors: Mapping[str, Sequence[float]]) -> Ask:
    """Return what asks the assistant and tells the addresses it cites or names."""

    def ask(asked: Judged) -> Said:
        said = answer_question(asked.text, scope, AUDIENCES, vectors.get(asked.text))
        return Said(cited(said), _NAMED.findall(said))

    return ask


def seconds_to_answer(questions: Iterable[Judged]) -> list[float]:
    """Return how long each answer takes, its question embedded by the real model."""
    took = []
    embedder = Embedder()
    with asyncio.Runner() as runner:
        for each in questions:
            began = time.monotonic()
            vector = runner.run(embedder.question(each.text))
            answer_question(each.text, "everything", AUDIENCES, vector)
            took.append(time.monotonic() - began)
        runner.run(embedder.close())
    return took


def cited(answer: str) -> list[str]:
    return _CITED.findall(answer)


def plain_search(asked: Judged) -> Said:
    """Ask the site's own search, as somebody who types the question into it."""
    found = search_page(
        AnonymousUser(), asked.text, kinds=["doc"], preferred=asked.language
    )
    return Said([hit.url for hit in found.items if hit.locale == asked.language])


def plain_bm25(asked: Judged) -> Said:
    """Rank by BM25 over our own lexemes: what thirty lines do."""
    entries = list(
        IndexEntry.objects.filter(kind="doc", labels=["current"], locale=asked.language)
        if not asked.is_about_older
        else IndexEntry.objects.filter(kind="doc", locale=asked.language)
    )
    texts = [
        Counter(lexemes(f"{each.title} {each.heading} {each.text}")) for each in entries
    ]
    usual = sum(text.total() for text in texts) / (len(texts) or 1)
    wanted = set(lexemes(asked.text))
    holding = {word: sum(word in text for text in texts) for word in wanted}

    def score(text: Counter[str]) -> float:
        return sum(
            math.log(1 + (len(texts) - holding[word] + 0.5) / (holding[word] + 0.5))
            * text[word]
            * 2.2
            / (text[word] + 1.2 * (0.25 + 0.75 * text.total() / usual))
            for word in wanted
        )

    ranked = sorted(
        zip(map(score, texts), entries, strict=True), key=lambda each: -each[0]
    )
    return Said([entry.url for points, entry in ranked if points > 0])


def count(name: str, questions: Sequence[Judged], found: Mapping[str, Said]) -> Row:
    answerable = [each for each in questions if each.is_answerable]
    none = [each for each in questions if not each.is_answerable]
    return Row(
        name,
        len(answerable),
        _share(is_right(each, found[each.text].cited, 1) for each in answerable),
        _share(is_right(each, found[each.text].cited, 3) for each in answerable),
        _share(
            is_at_place(each, found[each.text].cited)
            for each in answerable
            if each.names_sections
        ),
        _share(is_pointed_at(each, found[each.text]) for each in answerable),
        len(none),
        _share(not found[each.text].cited for each in none),
    )


def is_pointed_at(asked: Judged, said: Said) -> bool:
    """Tell whether a right page is among the three that are cited or named."""
    return is_right(asked, said.cited or said.named, 3)


def is_right(asked: Judged, addresses: Sequence[str], within: int) -> bool:
    """Tell whether a right page is among the first ``within`` that differ."""
    pages = list(dict.fromkeys(map(page_of, addresses)))
    return bool(asked.pages & set(pages[:within]))


def is_at_place(asked: Judged, addresses: Sequence[str]) -> bool:
    """Tell whether the first address is of a right section."""
    named = names_of_sections(asked.tree)
    return any(named.get(section_of(each)) in asked.places for each in addresses[:1])


@cache
def names_of_sections(tree: str) -> dict[str, str]:
    """Return how the questions name each section, by ``section_of`` its address.

    By the English anchor, or the only one: the pages of two languages have the same
    sections in the same order.
    """
    names: dict[tuple[str, int], str] = {}
    found: dict[str, str] = {}
    # English comes before Chinese.
    for root, slug in TREES[tree]:
        for page in pages_in(root, Version(slug=slug)):
            for entry in entries_of(page):
                section = section_of(entry.url)
                name = names.setdefault((page_of(entry.url), entry.part), section)
                found[section] = name
    return found


def section_of(address: str) -> str:
    """Return the page of an address with its anchor, if it has one."""
    anchor = unquote(urlsplit(address).fragment)
    return page_of(address) + (f"#{anchor}" if anchor else "")


def page_of(address: str) -> str:
    """Return the page of an address, as the questions name it."""
    _docs, version, *path = urlsplit(address).path.strip("/").split("/")
    page = "/".join(path)
    return page if version == "1.0" else f"{version}/{page}"


def opens(client: Client, address: str, *, language: str) -> bool:
    """Tell whether an address leads a ``language`` browser to the place it names."""
    parts = urlsplit(address)
    page = client.get(
        f"{parts.path}?{parts.query}", headers={"Accept-Language": language}
    )
    html = page.content.decode()
    place = unquote(parts.fragment)
    return page.status_code == 200 and (not place or f'id="{place}"' in html)


def _share(outcomes: Iterable[bool]) -> float:
    told = list(outcomes)
    return sum(told) / len(told) if told else 1.0

"""How the assistant answers the judged questions, on the real embedding model.

``make answers`` prints the table. What is asserted is about the half that nothing was
chosen on, a little below what it reaches now: the other processors' last digits differ.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client

from embedded.modelservers.fleet import EMBEDDINGS
from tests.inference.providers import judging
from tests.inference.providers.judged import MARRAM, SITE, Half, Judged, judged
from tests.inference.providers.judging import OTHER, Ask, Row, count
from tests.model_servers import Servers

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("models")]
QUESTIONS = list(judged())
OPEN, PREMIUM = "doorstone-docs", "doorstone-docs-pro"
WORDS, BM25, SEARCH = "doorstone-docs, words alone", "plain BM25", "plain site search"
ACROSS = "doorstone-docs, pages in the other language"
Found = dict[str, Sequence[str]]


@pytest.fixture
def embeds(model_servers: Servers, settings: Any) -> None:
    """Have the real model embed, as ``make run`` has it."""
    server = model_servers[EMBEDDINGS]
    settings.EMBEDDINGS_URL = server.url
    settings.EMBEDDINGS_KEY = server.settings.key


def test_the_set_is_what_it_says() -> None:
    none = [each for each in QUESTIONS if not each.is_answerable]
    chinese = [each for each in QUESTIONS if each.language == "zh-hans"]

    assert len(QUESTIONS) >= 120
    assert len(none) / len(QUESTIONS) >= 0.2
    assert len(chinese) / len(QUESTIONS) == 0.5
    assert len({each.text for each in QUESTIONS}) == len(QUESTIONS)


def test_the_judged_questions_are_answered(
    embeds: None, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Found] = {}
    closed: list[str] = []
    ways = ways_to_ask()
    for tree in (SITE, MARRAM):
        questions = [each for each in QUESTIONS if each.tree == tree]
        with judging.tree(tree):
            for name, ask in ways.items():
                answers = {each.text: ask(each) for each in questions}
                found[name] = found.get(name, {}) | answers
            across = across_languages(questions, ways[OPEN])
            found[ACROSS] = found.get(ACROSS, {}) | across
            closed += closed_citations(client, found, questions)
    table = {
        (name, half): row(name, half, found[name]) for half in Half for name in found
    }
    with capsys.disabled():
        print("", judging.HEAD, *table.values(), sep="\n")

    assert closed == []
    assert worse_when_paid(found) == []
    reported = table[OPEN, Half.REPORTED]
    assert reported.first >= 0.68
    assert reported.in_three >= 0.74
    assert reported.refused >= 0.8
    assert reported.first > table[BM25, Half.REPORTED].first
    assert table[ACROSS, Half.REPORTED].first >= 0.45


def ways_to_ask() -> dict[str, Ask]:
    vectors = judging.vectors_of(QUESTIONS)
    return {
        OPEN: judging.assistant("current", vectors),
        PREMIUM: judging.assistant("everything", vectors),
        WORDS: judging.assistant("current", {}),
        BM25: judging.plain_bm25,
        SEARCH: judging.plain_search,
    }


def across_languages(questions: Sequence[Judged], ask: Ask) -> Found:
    """Ask each question of pages that are only in the other language."""
    found: Found = {}
    for language in OTHER:
        asked = [each for each in questions if each.language == language]
        with judging.without(language):
            found |= {each.text: ask(each) for each in asked if each.is_answerable}
    return found


def closed_citations(
    client: Client, found: dict[str, Found], questions: Sequence[Judged]
) -> list[str]:
    """Return citations that lead a browser in another language elsewhere."""
    addresses = {
        address
        for name in (OPEN, PREMIUM)
        for each in questions
        for address in found[name][each.text]
    }
    return [
        address
        for address in sorted(addresses)
        if not judging.opens(
            client, address, language="en" if "lang=zh" in address else "zh-Hans"
        )
    ]


def row(name: str, half: Half, found: Found) -> Row:
    """Count one way on one half; only the premium model reads older versions."""
    questions = [
        each
        for each in QUESTIONS
        if each.half == half
        and each.text in found
        and (name == PREMIUM or not each.is_about_older)
    ]
    return count(f"{name} ({half})", questions, found)


def worse_when_paid(found: dict[str, Found]) -> list[str]:
    return [
        each.text
        for each in QUESTIONS
        for within in (1, 3)
        if not each.is_about_older
        and judging.is_right(each, found[OPEN][each.text], within)
        and not judging.is_right(each, found[PREMIUM][each.text], within)
    ]

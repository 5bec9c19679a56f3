"""The judged searches, asked of the demo's threads; ``-s`` prints how each did."""

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from demo import storybook
from demo.storybook import Thread
from search.finding import search_page
from tests.factories import forum
from tests.search.judged import JUDGED, Judged

pytestmark = pytest.mark.django_db
# Of each language so many threads are composed: each problem comes up three times.
COMPOSED = {False: 54, True: 36}


def threads() -> list[Thread]:
    composed = [
        thread
        for is_chinese, count in COMPOSED.items()
        for thread in islice(
            storybook.composed(
                storybook.phrasebook(is_chinese=is_chinese),
                (1, 3),
                random.Random(1),  # noqa: S311 - the same threads each time
            ),
            count,
        )
    ]
    return [*storybook.written(), *composed]


def first_three(asked: Judged) -> list[str]:
    preferred = "zh-hans" if asked.is_chinese else "en"
    found = search_page(
        AnonymousUser(), asked.wanted, kinds=["topic"], preferred=preferred
    )
    return [hit.title for hit in found.items[:3]]


def is_right(asked: Judged, titles: Sequence[str]) -> bool:
    return any(piece in title for piece in asked.titles for title in titles)


def test_judged_searches_find_what_answers_them(person: Any) -> None:
    author = person("ada")
    place = forum.category()
    for thread in threads():
        topic = forum.topic(
            author,
            category=place,
            title=thread.title,
            text=thread.text,
            kind=thread.kind,
            tags=thread.tags,
        )
        for line in thread.replies:
            forum.reply(topic, author, line.text)
    right = {True: 0, False: 0}
    asked = {True: 0, False: 0}
    empty = 0
    for each in JUDGED:
        titles = first_three(each)
        asked[each.is_for_tuning] += 1
        right[each.is_for_tuning] += is_right(each, titles)
        empty += not titles
        if each.is_for_tuning and not is_right(each, titles):
            print(f"{each.wanted}: {titles}")  # noqa: T201 - asked for by ``-s``
    shares = {half: right[half] / asked[half] for half in asked}
    print(f"tuned on {shares[True]:.2f}, held out {shares[False]:.2f},")  # noqa: T201
    print(f"of {asked}; nothing: {empty}")  # noqa: T201

    assert len(JUDGED) >= 100
    assert sum(each.is_chinese for each in JUDGED) * 2 >= len(JUDGED) - 10
    assert shares[False] >= 0.85
    assert shares[True] >= 0.85
    assert empty / len(JUDGED) <= 0.03

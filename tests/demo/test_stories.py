"""The files of stories: complete, of one form, and enough of them."""

import random
import string
from dataclasses import fields

import pytest

from accounts.models import User
from billing.growth.defaults import DEFAULT_OFFERS
from billing.growth.moments import CHOOSING
from billing.plans.defaults import DEFAULT_PLANS
from community.forum.defaults import CATEGORIES
from community.forum.models import MAX_WORD, Topic
from community.forum.services import PollValues, cleaned_poll, faults_in
from demo import storybook
from demo.services import NEWCOMERS
from demo.storybook import BadStory, Phrasebook, Thread

LANGUAGES = pytest.mark.parametrize("is_chinese", [False, True], ids=["en", "zh-hans"])
PLACES = {slug for slug, *_ in CATEGORIES} | {"members", "staff"}


def test_threads_are_what_the_forum_takes() -> None:
    threads = storybook.written()

    assert len({thread.title for thread in threads}) == len(threads)
    for thread in threads:
        assert thread.category in PLACES
        assert thread.kind in Topic.Kind.values
        assert thread.title.strip() == thread.title
        assert len(thread.title) <= (Topic._meta.get_field("title").max_length or 0)
        assert thread.text.strip()
        assert 1 <= len(thread.tags) <= 5
        assert all(line.text.strip() for line in thread.replies)
        assert {line.by for line in thread.replies} <= {"", "asker"}
        assert (thread.asker == "") is (thread.days_ago is None)
    known = {character.username for character in storybook.characters()}
    assert {thread.asker for thread in threads} <= known | {""}


def test_there_are_threads_in_both_languages() -> None:
    languages = [thread.is_chinese for thread in storybook.written()]

    assert languages.count(False) >= 60
    assert languages.count(True) >= 30


def test_ideas_and_polls_are_ones_the_forum_takes() -> None:
    known = {character.username for character in storybook.characters()}
    titles = {thread.title for thread in storybook.written()}

    for wish in storybook.wishes():
        assert wish.category in PLACES
        assert wish.by in known
        assert wish.state in {"", *Topic.IdeaState.values}
        assert wish.word or wish.state != "declined"
        assert len(wish.word) <= MAX_WORD
    for poll in storybook.polls():
        assert poll.title in titles
        asked = PollValues(
            question=poll.question,
            options=poll.options,
            most_choices=poll.most_choices,
        )
        assert faults_in(cleaned_poll(asked)) == {}


@LANGUAGES
def test_phrases_fit_together(is_chinese: bool) -> None:
    book = storybook.phrasebook(is_chinese=is_chinese)

    for field in fields(Phrasebook):
        assert getattr(book, field.name), field.name
    for problem in book.problems:
        assert problem.category in PLACES
        assert len(problem.titles) == 2
        assert all("{place}" in title for title in problem.titles)
        assert len(problem.answers) >= 2
        named = {
            name
            for text in (*problem.titles, problem.text)
            for _, name, *_ in string.Formatter().parse(text)
        }
        assert named <= {"place", "purpose", "short", None}
    # Else the places of neighbouring threads come round to the same one.
    assert len(book.places) % 11
    assert len(book.hosts) % 11


def test_titles_are_enough_for_a_large_demo_and_none_comes_twice() -> None:
    rng = random.Random(1)  # noqa: S311 - the same threads every time
    titles = [thread.title for thread in storybook.written()]
    for is_chinese, count in ((False, 17_000), (True, 4_000)):
        book = storybook.phrasebook(is_chinese=is_chinese)
        stream = storybook.composed(book, (1, 2), rng)
        titles += [next(stream).title for _ in range(count)]

    assert len(set(titles)) == len(titles) == 21_093
    assert max(map(len, titles)) <= 200
    assert not any("{" in title for title in titles)


@LANGUAGES
def test_a_composed_thread_answers_first_and_thanks_last(is_chinese: bool) -> None:
    rng = random.Random(2)  # noqa: S311 - the same threads every time
    book = storybook.phrasebook(is_chinese=is_chinese)
    answers = {answer for problem in book.problems for answer in problem.answers}

    stream = storybook.composed(book, (6, 6), rng)
    threads: list[Thread] = [next(stream) for _ in range(40)]

    for thread in threads:
        assert len(thread.replies) == 6
        assert thread.replies[0].text in answers
        assert [line.is_asker for line in thread.replies] == [False] * 5 + [True]


@LANGUAGES
def test_names_are_accepted_at_the_sign_up(is_chinese: bool) -> None:
    rng = random.Random(3)  # noqa: S311 - the same names every time
    stream = (storybook.chinese if is_chinese else storybook.western)(rng)
    names = [next(stream) for _ in range(2_000)]

    assert len({name.username for name in names}) == 2_000
    limit = User._meta.get_field("username").max_length or 0
    assert max(len(name.username) for name in names) <= limit
    assert all(name.username.isascii() for name in names)


def test_a_word_too_many_in_a_file_says_where_it_is() -> None:
    with pytest.raises(BadStory, match=r"Reply .*'whom'"):
        storybook._made(storybook.Reply, {"text": "Hello", "whom": "ada"})


def test_the_launch_is_of_offers_plans_and_moments_there_are() -> None:
    offers = storybook.launch_offers()
    shipped = {offer.key for offer in DEFAULT_OFFERS}
    words = {
        f"{part}_{language}"
        for part in ("title", "body", "action")
        for language in ("en", "zh")
    }

    assert len({offer.key for offer in offers}) == len(offers)
    for offer in offers:
        assert offer.moment in CHOOSING
        assert set(offer.words) == (set() if offer.key in shipped else words)
        first, last = offer.of_people
        assert 0 <= first < last <= 1
        assert 0 <= offer.pays_anyway <= offer.pays <= 1
        assert 0 < offer.accepted <= 1
        assert 0 < offer.holdout_percent <= 50
        # Whatever all of them take is within the budget.
        taken = offer.cost_usd * NEWCOMERS * (last - first)
        assert offer.cost_usd == 0 or 0 < taken <= offer.budget_usd
    plans = {plan.key for plan in DEFAULT_PLANS}
    assert {price.plan for price in storybook.launch_prices()} <= plans


def test_companies_of_the_launch_have_readers_and_another_one_who_buys() -> None:
    contracts = storybook.launch_contracts()
    names = [name for contract in contracts for name in contract.people]
    rated = {rate.currency for rate in storybook.launch_rates()} | {"usd"}

    assert len(set(names)) == len(names)
    for contract in contracts:
        assert len(contract.people) >= 2
        assert contract.currency in rated
        assert contract.amount > 0
        assert 0 < contract.days_ago < 60
    # Each is another order of magnitude than most of the rest: a heavy tail.
    amounts = sorted(contract.amount for contract in contracts)
    assert amounts[-1] > 20 * amounts[0]

"""A replay: honest people, three rings, two brigades; rings are found and undone."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from community.forum import services as forum_services
from community.forum.counting import differences
from community.forum.models import Post, Vote
from community.moderation import services as moderation
from community.moderation.models import Case
from community.reputation.models import Balance, Entry
from community.trust import rings
from community.trust.models import VoidedVote
from tests.factories import forum

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def balances() -> dict[int, int]:
    return {pk: n for pk, n in Balance.objects.values_list("pk", "points") if n}


def test_rings_are_found_brigades_hide_nothing_and_all_of_it_is_traceable(
    person: Person,
) -> None:
    dice = random.Random(20)  # noqa: S311 - a replay, the same every time
    mod = person("mod", is_moderator=True)
    honest = [person(f"h{n}") for n in range(24)]
    topic = forum.topic(honest[0])
    # Some write much and are voted for by everybody: experts are no ring.
    posts = [forum.reply(topic, honest[n % 16]) for n in range(48)]
    for voter in honest:
        others = [post for post in posts if post.author_id != voter.pk]
        for post in dice.sample(others, 5):
            forum_services.vote(post, by=voter, value=1, limited=False)
    before_rings = balances()
    members = []
    for size in (2, 3, 4):
        ring = [person(f"r{size}x{n}") for n in range(size)]
        members.append({each.pk for each in ring})
        theirs = {
            each.pk: [forum.reply(topic, each) for _ in range(5)] for each in ring
        }
        for place, voter in enumerate(ring):
            # Round and round: each votes for the next one, and once for a stranger.
            for post in theirs[ring[(place + 1) % size].pk]:
                forum_services.vote(post, by=voter, value=1, limited=False)
            stranger = dice.choice(posts)
            forum_services.vote(stranger, by=voter, value=1, limited=False)
    for number, target in enumerate(posts[:2]):
        for each in range(8):
            moderation.raise_post_flag(
                target, by=person(f"b{number}x{each}"), reason="rude", limited=False
            )
    with_rings = balances()

    assert rings.open_cases() == 3
    assert rings.open_cases() == 0

    cases = list(Case.objects.filter(kind="ring").order_by("pk"))
    found = [set(case.members.values_list("user_id", flat=True)) for case in cases]
    assert sorted(map(sorted, found)) == sorted(map(sorted, members))
    assert not Post.objects.filter(hidden_at__isnull=False).exists()
    for case in cases:
        moderation.judge_case(case, outcome="agreed", by=mod, note="A ring.")
    assert VoidedVote.objects.count() == 5 * (2 + 3 + 4)
    strangers = Counter(
        Vote.objects.filter(user__in=set().union(*members)).values_list(
            "post__author", flat=True
        )
    )
    # Their votes for strangers stand, and give those what votes give.
    assert sum(strangers.values()) == 9
    for author, count in strangers.items():
        before_rings[author] = before_rings.get(author, 0) + 10 * count
    assert balances() == before_rings
    reversed_entries = Entry.objects.filter(reverses__isnull=False)
    assert reversed_entries.count() == 45
    assert all(
        entry.reverses and entry.delta == -entry.reverses.delta
        for entry in reversed_entries
    )
    assert differences() == []

    for case in cases:
        moderation.reopen_case(case, by=mod)
    assert balances() == with_rings
    assert not VoidedVote.objects.exists()
    assert differences() == []


def test_an_admired_author_and_a_thankful_asker_are_no_ring(person: Person) -> None:
    expert = person("expert")
    topic = forum.topic(person("ada"))
    posts = [forum.reply(topic, expert) for _ in range(6)]
    for number in range(5):
        fan = person(f"fan{number}")
        for post in posts:
            forum_services.vote(post, by=fan, value=1, limited=False)

    assert rings.found_rings() == []
    assert rings.open_cases() == 0


def test_a_case_that_was_not_agreed_takes_nothing_and_is_not_opened_again(
    person: Person,
) -> None:
    mod, ada, ben = person("mod", is_moderator=True), person("ada"), person("ben")
    topic = forum.topic(person("cem"))
    for voter, author in ((ada, ben), (ben, ada)):
        for _ in range(4):
            post = forum.reply(topic, author)
            forum_services.vote(post, by=voter, value=1, limited=False)
    before = balances()
    assert rings.open_cases() == 1
    case = Case.objects.get()
    assert "@ada → @ben: 4" in case.text

    moderation.judge_case(case, outcome="disagreed", by=mod)

    assert balances() == before
    assert rings.open_cases() == 0
    assert Vote.objects.count() == 8


def test_who_votes_anew_in_between_keeps_the_new_vote(person: Person) -> None:
    mod, ada, ben = person("mod", is_moderator=True), person("ada"), person("ben")
    topic = forum.topic(person("cem"))
    for voter, author in ((ada, ben), (ben, ada)):
        for _ in range(4):
            post = forum.reply(topic, author)
            forum_services.vote(post, by=voter, value=1, limited=False)
    rings.open_cases()
    case = Case.objects.get()
    moderation.judge_case(case, outcome="agreed", by=mod)
    bens = Post.objects.filter(author=ben).first()
    assert bens is not None
    forum_services.vote(bens, by=ada, value=-1, limited=False)

    moderation.reopen_case(case, by=mod)

    assert Vote.objects.get(user=ada, post=bens).value == -1
    assert Vote.objects.count() == 8
    assert differences() == []

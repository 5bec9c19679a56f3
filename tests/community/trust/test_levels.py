"""Levels rise, are kept with less, fall slowly, and are explained."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from community.forum import services as forum_services
from community.forum.models import ReadingDay, Vote
from community.moderation import services as moderation
from community.standing.models import Level, Trust
from community.standing.services import sanction_person, set_level
from community.trust import services
from community.trust.figures import Figures, figures_of
from community.trust.models import LevelChange
from community.trust.requirements import (
    LABELS,
    REQUIREMENTS,
    Requirement,
    measured_level,
)
from notifications.models import Notification
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def exactly(level: Level) -> Figures:
    """Return figures that meet what a level and those below it ask for, just so."""
    wanted: dict[str, int] = {}
    for each in (r for at in REQUIREMENTS if at <= level for r in REQUIREMENTS[at]):
        bound = wanted.get(each.figure, each.bound)
        wanted[each.figure] = (min if each.is_most else max)(bound, each.bound)
    return Figures(**wanted)


def read(person: Any, *, topics: int, posts: int, days: int = 1) -> None:
    today = timezone.now().date()
    for number in range(days):
        ReadingDay.objects.create(
            user=person,
            day=today - timedelta(days=number),
            topics=-(-topics // days),
            posts=-(-posts // days),
        )


def joined(person: Any, days: int) -> None:
    type(person).objects.filter(pk=person.pk).update(
        date_joined=timezone.now() - timedelta(days=days, minutes=1)
    )


@pytest.mark.parametrize("level", list(REQUIREMENTS))
def test_a_level_is_reached_by_all_it_asks_for_and_missed_by_one(level: Level) -> None:
    figures = exactly(level)
    assert measured_level(figures, present=Level.NEWCOMER, may_fall=True) == level
    for each in REQUIREMENTS[level]:
        less = getattr(figures, each.figure) + (1 if each.is_most else -1)
        missed = replace(
            figures, **{each.figure: each.bound + 1 if each.is_most else less}
        )
        assert measured_level(missed, present=Level.NEWCOMER, may_fall=True) < level


@pytest.mark.parametrize("level", list(REQUIREMENTS))
def test_a_level_is_kept_at_nine_tenths_and_falls_one_at_a_time(level: Level) -> None:
    figures = exactly(level)
    for each in REQUIREMENTS[level]:
        kept = replace(figures, **{each.figure: each.kept})
        lost = replace(
            figures, **{each.figure: each.kept + (1 if each.is_most else -1)}
        )
        assert measured_level(kept, present=level, may_fall=True) == level
        assert measured_level(lost, present=level, may_fall=True) == level - 1
        assert measured_level(lost, present=level, may_fall=False) == level
    assert measured_level(Figures(), present=level, may_fall=True) == level - 1


def test_the_bound_that_keeps_is_never_above_the_one_that_gives() -> None:
    for each in (r for rows in REQUIREMENTS.values() for r in rows):
        if each.is_most:
            assert each.kept >= each.bound
        else:
            assert each.kept <= each.bound
    assert Requirement("sanctions_recent", 0, is_most=True).kept == 0
    assert {each.figure for rows in REQUIREMENTS.values() for each in rows} <= set(
        LABELS
    )


def test_leaders_are_made_and_unmade_by_staff_alone() -> None:
    top = exactly(Level.REGULAR)
    assert measured_level(top, present=Level.REGULAR, may_fall=True) == Level.REGULAR
    assert (
        measured_level(Figures(), present=Level.LEADER, may_fall=True) == Level.LEADER
    )


def test_reading_is_counted_by_the_day_and_a_jump_is_not_reading(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    topic = forum.topic(ben)
    for _ in range(3):
        forum.reply(topic, ben)

    forum_services.mark_read(topic, user=ada, number=2)
    forum_services.mark_read(topic, user=ada, number=2)
    forum_services.mark_read(topic, user=ada, number=4)
    day = ReadingDay.objects.get(user=ada)
    assert (day.topics, day.posts) == (1, 4)
    forum_services.mark_read(topic, user=ada, number=9_999)
    day.refresh_from_db()
    assert (day.topics, day.posts) == (1, 34)


def test_every_figure_is_what_it_says(person: Person) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    mod = person("mod", is_moderator=True)
    joined(ada, 40)
    read(ada, topics=6, posts=40, days=2)
    topic, own = forum.topic(ben), forum.topic(ada)
    answer = forum.reply(topic, ada)
    forum.reply(own, ada)
    theirs = forum.reply(own, cem)
    bad = forum.reply(topic, ada)
    forum_services.accept_answer(answer, by=ben)
    forum_services.accept_answer(theirs, by=ada)
    for voter in (ben, cem):
        forum_services.vote(answer, by=voter, value=1, limited=False)
    forum_services.vote(theirs, by=ada, value=1, limited=False)
    forum_services.vote(topic.posts.get(number=1), by=ada, value=-1, limited=False)
    case = moderation.raise_post_flag(bad, by=ben, reason="spam", limited=False).case
    moderation.raise_post_flag(bad, by=cem, reason="spam", limited=False)
    moderation.judge_case(case, outcome="agreed", by=mod)
    sanction_person(ada, kind="silence", reason="x", until=None, by=mod)
    old = timezone.now() - timedelta(days=150)
    Vote.objects.filter(user=cem).update(voted_at=old)

    found = figures_of([ada.pk, ben.pk])[ada.pk]

    assert found == Figures(
        days_here=40,
        days_visited=2,
        topics_read=6,
        posts_read=40,
        topics_replied=1,
        votes_given=1,
        helped=2,
        reports_upheld=2,
        sanctions_recent=1,
        days_visited_recent=2,
        topics_read_recent=6,
        topics_replied_recent=1,
        votes_given_recent=1,
        votes_got_recent=1,
        voters_recent=1,
        voting_days_recent=1,
    )


def test_a_reader_rises_is_told_and_keeps_it_for_two_weeks(person: Person) -> None:
    ada = person("ada")
    joined(ada, 2)
    read(ada, topics=5, posts=30)

    assert services.assess_everybody() == 1
    assert services.assess_everybody() == 0
    trust = Trust.objects.get(user=ada)
    assert trust.level == Level.BASIC
    assert trust.kept_until is not None
    assert trust.kept_until > timezone.now() + timedelta(days=13)
    assert Notification.objects.get(user=ada).kind == "level"
    change = LevelChange.objects.get()
    assert (change.before, change.after, change.figures["posts_read"]) == (0, 1, 30)

    ReadingDay.objects.all().delete()
    assert services.assess_everybody() == 0
    Trust.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    assert services.assess_everybody() == 1
    assert Trust.objects.get(user=ada).level == Level.NEWCOMER


def test_a_locked_level_and_the_team_are_not_measured(person: Person) -> None:
    ada, staff = person("ada"), person("staff", is_staff=True)
    set_level(ada, level=Level.REGULAR, is_locked=True, by=staff)
    read(staff, topics=9, posts=90)

    assert services.assess_everybody() == 0
    assert services.assess_person(ada) == Level.REGULAR
    assert not Trust.objects.filter(user=staff).exists()


def test_the_statement_is_one_whatever_the_people(
    person: Person, django_assert_num_queries: Any
) -> None:
    people = [person(f"p{n}").pk for n in range(12)]
    with django_assert_num_queries(1):
        figures_of(people[:1])
    with django_assert_num_queries(1):
        assert set(figures_of(people)) == set(people)


def test_people_are_measured_in_pieces_and_none_is_left_out(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "CHUNK", 2)
    for number in range(5):
        somebody = person(f"p{number}")
        joined(somebody, 2)
        read(somebody, topics=5, posts=30)

    assert services.assess_everybody() == 5


def test_the_page_explains_and_measures_now(client: Client, person: Person) -> None:
    ada = person("ada")
    joined(ada, 2)
    read(ada, topics=5, posts=29)
    client.force_login(ada)

    page = client.get("/settings/trust/")
    rows = {str(row["label"]): row for row in page.context["rows"]}
    assert rows["Posts read"]["value"] == 29
    assert not rows["Posts read"]["is_met"]
    assert rows["Topics read"]["is_met"]
    client.post("/settings/trust/")
    assert client.get("/settings/trust/").context["level"] == Level.NEWCOMER
    ReadingDay.objects.update(posts=30)
    client.post("/settings/trust/")
    page = client.get("/settings/trust/")
    assert page.context["level"] == Level.BASIC
    assert page.context["kept"]
    for _ in range(8):
        client.post("/settings/trust/")
    assert client.post("/settings/trust/").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_measured_twice_at_once_a_person_rises_once(person: Person) -> None:
    ada = person("ada")
    joined(ada, 2)
    read(ada, topics=5, posts=30)

    came = together(*[partial(services.assess_person, ada) for _ in range(6)])

    assert came == [Level.BASIC] * 6
    assert LevelChange.objects.count() == 1

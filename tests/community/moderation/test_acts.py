"""The same to many topics or cases, and undone where nobody changed it since."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from community.forum import services as forum_services
from community.forum.counting import differences
from community.forum.models import Topic
from community.moderation import services
from community.moderation.exceptions import ActUndone
from community.moderation.models import Act, ActItem, Case
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def results(act: Act) -> list[str]:
    return list(act.items.order_by("topic_id").values_list("result", flat=True))


def state(topics: list[Topic]) -> list[tuple[Any, ...]]:
    fresh = Topic.objects.filter(pk__in=[each.pk for each in topics]).order_by("pk")
    return [
        (
            each.is_locked,
            each.category_id,
            bool(each.hidden_at),
            sorted(each.tags.values_list("name", flat=True)),
        )
        for each in fresh
    ]


@pytest.fixture
def topics(person: Person) -> list[Topic]:
    ada = person("ada")
    within = forum.category(slug="help")
    forum.category(slug="show")
    return [forum.topic(ada, category=within, tags=["old"]) for _ in range(3)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("lock", ""), ("move", "show"), ("tag", "new"), ("hide", "")],
)
def test_what_is_done_to_all_is_undone_for_all(
    person: Person, topics: list[Topic], kind: str, value: str
) -> None:
    mod = person("mod", is_moderator=True)
    before = state(topics)
    keys = [each.pk for each in topics]

    act = services.treat_topics(keys, kind=kind, by=mod, reason="Tidy.", value=value)

    assert results(act) == ["changed"] * 3
    assert all(a != b for a, b in zip(before, state(topics), strict=True))
    again = services.treat_topics(keys, kind=kind, by=mod, value=value)
    assert results(again) == ["unchanged"] * 3
    services.undo_act(act, by=mod)
    assert state(topics) == before
    assert results(act) == ["undone"] * 3
    assert differences() == []
    with pytest.raises(ActUndone):
        services.undo_act(act, by=mod)


@pytest.mark.parametrize(("kind", "first"), [("unlock", "lock"), ("restore", "hide")])
def test_the_opposites_are_acts_too(
    person: Person, topics: list[Topic], kind: str, first: str
) -> None:
    mod = person("mod", is_moderator=True)
    before = state(topics)
    keys = [each.pk for each in topics]
    services.treat_topics(keys, kind=first, by=mod, reason="Tidy.")
    done = state(topics)

    act = services.treat_topics(keys, kind=kind, by=mod)
    assert state(topics) == before
    services.undo_act(act, by=mod)
    assert state(topics) == done
    assert differences() == []


def test_what_was_changed_since_is_left_as_it_is(
    person: Person, topics: list[Topic]
) -> None:
    mod = person("mod", is_moderator=True)
    act = services.treat_topics([t.pk for t in topics], kind="lock", by=mod)
    forum_services.set_locked(topics[1], by=mod, is_locked=False)

    services.undo_act(act, by=mod)

    assert results(act) == ["undone", "kept", "undone"]
    assert [each[0] for each in state(topics)] == [False, False, False]


def test_a_topic_with_five_tags_is_left_and_named(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    full = forum.topic(person("ada"), tags=["a", "b", "c", "d", "e"])

    act = services.treat_topics([full.pk], kind="tag", by=mod, value="f")

    assert results(act) == ["unchanged"]
    assert full.tags.count() == 5


def test_many_cases_are_decided_and_reopened(person: Person) -> None:
    mod, mia = person("mod", is_moderator=True), person("mia", is_moderator=True)
    ben = person("ben")
    topic = forum.topic(person("ada"))
    posts = [forum.reply(topic, topic.author) for _ in range(3)]
    cases = [
        services.raise_post_flag(post, by=ben, reason="spam", limited=False).case
        for post in posts
    ]
    services.hold_case(cases[0], by=mia)

    act = services.judge_cases(
        [case.pk for case in cases], outcome="agreed", by=mod, note="Spam."
    )

    found = dict(act.items.values_list("case_id", "result"))
    assert found[cases[0].pk] == "unchanged"
    assert act.items.get(case=cases[0]).why
    assert Case.objects.filter(outcome="agreed").count() == 2
    assert topic.posts.filter(hidden_at__isnull=False).count() == 2
    services.undo_act(act, by=mod)
    assert topic.posts.filter(hidden_at__isnull=False).count() == 0
    assert Case.objects.undecided().count() == 3
    assert differences() == []


def test_only_so_many_are_treated_at_once(
    person: Person, topics: list[Topic], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("community.moderation.services.acting.MOST_AT_ONCE", 2)
    mod = person("mod", is_moderator=True)
    act = services.treat_topics([t.pk for t in topics], kind="lock", by=mod)
    assert act.items.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_undo_at_once_one_does(person: Person) -> None:
    mod = person("mod", is_moderator=True)
    topic = forum.topic(person("ada"))
    act = services.treat_topics([topic.pk], kind="hide", by=mod, reason="x")

    came = together(*[partial(services.undo_act, act, by=mod) for _ in range(4)])

    assert sorted(type(each).__name__ for each in came) == ["Act", *(["ActUndone"] * 3)]
    assert ActItem.objects.get().result == "undone"
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_acts_on_the_same_topics_at_once_leave_right_counters(person: Person) -> None:
    mod, ada = person("mod", is_moderator=True), person("ada")
    within = forum.category(slug="help")
    forum.category(slug="show")
    keys = [forum.topic(ada, category=within, tags=["x"]).pk for _ in range(4)]

    came = together(
        partial(services.treat_topics, keys, kind="hide", by=mod, reason="x"),
        partial(services.treat_topics, keys, kind="move", by=mod, value="show"),
        partial(services.treat_topics, keys[::-1], kind="tag", by=mod, value="new"),
        partial(services.treat_topics, keys[::-1], kind="lock", by=mod),
    )

    assert all(isinstance(each, Act) for each in came), came
    assert differences() == []


@pytest.mark.parametrize("typed", ["python", "PY", " Python "])
def test_a_tag_that_is_called_otherwise_is_taken_off_again(
    person: Person, topics: list[Topic], typed: str
) -> None:
    mod = person("mod", is_moderator=True)
    named = forum.topic(topics[0].author, tags=["Python"])
    forum_services.add_synonym(named.tags.get(), name="py", by=mod)
    before = state(topics)
    keys = [each.pk for each in topics]

    act = services.treat_topics(keys, kind="tag", by=mod, value=typed)
    assert [names for *_, names in state(topics)] == [["Python", "old"]] * 3
    again = services.treat_topics(keys, kind="tag", by=mod, value=typed)
    assert results(again) == ["unchanged"] * 3
    services.undo_act(act, by=mod)

    assert results(act) == ["undone"] * 3
    assert state(topics) == before
    assert differences() == []

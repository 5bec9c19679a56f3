"""Reports: weighed, counted once, and what they hide by themselves."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from community.forum import services as forum_services
from community.forum.counting import differences
from community.forum.models import Comment, Post
from community.moderation import services, weighing
from community.moderation.exceptions import (
    CannotFlag,
    CaseClaimed,
    CaseDecided,
    CaseUndecided,
)
from community.moderation.models import Case, Flag
from community.standing.models import Level, Trust
from core.errors import RateLimited
from notifications.models import Notification
from tests.factories import forum
from tests.races import together

Person = Callable[..., Any]
pytestmark = pytest.mark.django_db


def flag(post: Post, by: Any, reason: str = "spam", **fields: Any) -> Flag:
    return services.raise_post_flag(post, by=by, reason=reason, limited=False, **fields)


def proven(person: Person, name: str, level: Level = Level.MEMBER) -> Any:
    """Return somebody whose report a moderator found right before."""
    somebody = person(name)
    Trust.objects.create(user=somebody, level=level)
    other = forum.topic(person(f"{name}-spammer")).posts.get()
    case = flag(other, somebody).case
    mod = person(f"{name}-mod", is_moderator=True)
    services.judge_case(case, outcome="agreed", by=mod)
    return somebody


def test_reports_of_one_post_are_one_case_weighed_together(person: Person) -> None:
    post = forum.topic(person("ada")).posts.get()
    ben, mod = person("ben"), person("mod", is_moderator=True)
    Trust.objects.create(user=ben, level=Level.MEMBER)

    first, again = flag(post, ben), flag(post, ben, reason="rude")
    flag(post, mod)
    flag(post, person("cem"))

    assert first == again
    case = Case.objects.get()
    assert sorted(case.flags.values_list("weight", flat=True)) == [1, 3, 6]
    assert (case.score, case.subject.username) == (10, "ada")


@pytest.mark.parametrize(
    ("right", "wrong", "bonus"),
    [(0, 0, 0), (5, 0, 0), (16, 0, 10), (7, 3, 0), (0, 16, -10), (64, 0, 15)],
)
def test_a_record_weighs_by_its_size_and_what_of_it_was_right(
    right: int, wrong: int, bonus: float
) -> None:
    assert weighing.accuracy_bonus(right, wrong) == pytest.approx(bonus, abs=1e-9)


def test_who_is_always_wrong_weighs_nothing(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = person("ada")
    monkeypatch.setattr(weighing, "record_of", lambda _person: (0, 50))
    assert weighing.weight_of(ada) == 0
    monkeypatch.setattr(weighing, "record_of", lambda _person: (5000, 0))
    assert weighing.weight_of(ada) == weighing.MOST


def test_what_one_wrote_or_what_is_hidden_is_not_reported(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    post = forum.reply(forum.topic(ben), ada)

    with pytest.raises(CannotFlag):
        flag(post, ada)
    forum_services.hide_post(post, by=ada, reason="")
    with pytest.raises(CannotFlag):
        flag(post, ben)
    assert not Case.objects.exists()


def test_a_newcomer_reports_five_texts_a_day(person: Person) -> None:
    ben = person("ben")
    topic = forum.topic(person("ada"))
    posts = [forum.reply(topic, topic.author) for _ in range(6)]
    for post in posts[:5]:
        services.raise_post_flag(post, by=ben, reason="spam")
    with pytest.raises(RateLimited):
        services.raise_post_flag(posts[5], by=ben, reason="spam")
    assert Flag.objects.count() == 5


def test_three_who_were_right_before_hide_a_text_and_its_author_is_told(
    person: Person,
) -> None:
    ada = person("ada")
    post = forum.reply(forum.topic(person("ben")), ada)
    voices = [proven(person, f"p{n}") for n in range(3)]

    for voice in voices[:2]:
        flag(post, voice)
    post.refresh_from_db()
    assert post.hidden_at is None
    flag(post, voices[2])

    post.refresh_from_db()
    assert post.hidden_at
    assert post.hidden_by is None
    assert Notification.objects.filter(user=ada, kind="moderation").exists()
    assert differences() == []


def test_a_brigade_of_any_size_hides_nothing(person: Person) -> None:
    post = forum.topic(person("ada")).posts.get()
    for number in range(30):
        somebody = person(f"b{number}")
        # Reading can be pretended; being found right cannot.
        Trust.objects.create(user=somebody, level=Level.MEMBER)
        flag(post, somebody)

    post.refresh_from_db()
    assert post.hidden_at is None
    assert Case.objects.get().score == 90


def test_who_always_report_together_are_one_voice(person: Person) -> None:
    crowd = [proven(person, f"p{n}", Level.REGULAR) for n in range(3)]
    ada = person("ada")
    topic = forum.topic(ada)
    posts = [forum.reply(topic, person(f"victim{n}")) for n in range(4)]
    mod = person("mod", is_moderator=True)
    for post in posts[:3]:
        for voice in crowd:
            case = flag(post, voice).case
        services.judge_case(case, outcome="ignored", by=mod)

    for voice in crowd:
        flag(posts[3], voice)

    posts[3].refresh_from_db()
    assert posts[3].hidden_at is None
    flag(posts[3], proven(person, "q1", Level.REGULAR))
    flag(posts[3], proven(person, "q2", Level.REGULAR))
    posts[3].refresh_from_db()
    assert posts[3].hidden_at


def test_what_is_accepted_or_a_regulars_is_hidden_by_moderators_only(
    person: Person,
) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    Trust.objects.create(user=ada, level=Level.REGULAR)
    topic = forum.topic(ben)
    answer, other = forum.reply(topic, cem), forum.reply(topic, ada)
    forum_services.accept_answer(answer, by=ben)
    voices = [proven(person, f"p{n}", Level.REGULAR) for n in range(4)]

    for voice in voices:
        flag(answer, voice)
        flag(other, voice)

    assert not Post.objects.filter(pk__in=[answer.pk, other.pk]).exclude(hidden_at=None)
    topic.refresh_from_db()
    assert topic.solution == answer


def test_a_decision_is_done_told_and_undone(person: Person) -> None:
    ada, ben = person("ada"), person("ben")
    mod = person("mod", is_moderator=True)
    post = forum.reply(forum.topic(ben), ada)
    case = flag(post, ben).case

    services.judge_case(case, outcome="agreed", by=mod, note="Advertising.")
    post.refresh_from_db()
    assert (post.hidden_by, post.hidden_reason) == (mod, "Advertising.")
    assert Notification.objects.filter(user=ben, kind="report").count() == 1
    assert Notification.objects.filter(user=ada, kind="moderation").count() == 1
    with pytest.raises(CaseDecided):
        services.judge_case(case, outcome="ignored", by=mod)

    services.reopen_case(case, by=mod)
    post.refresh_from_db()
    case.refresh_from_db()
    assert post.hidden_at is None
    assert (case.outcome, case.did_change) == ("", False)
    with pytest.raises(CaseUndecided):
        services.reopen_case(case, by=mod)
    assert differences() == []


def test_what_reports_hid_comes_back_and_what_a_moderator_hid_stays(
    person: Person,
) -> None:
    mod = person("mod", is_moderator=True)
    topic = forum.topic(person("ada"))
    post, other = forum.reply(topic, topic.author), forum.reply(topic, topic.author)
    voices = [proven(person, f"p{n}") for n in range(3)]
    for voice in voices:
        flag(post, voice)
    held = flag(other, voices[0]).case
    forum_services.hide_post(other, by=mod, reason="Twice.")

    services.judge_case(Case.objects.get(post=post), outcome="disagreed", by=mod)
    services.judge_case(held, outcome="disagreed", by=mod)

    post.refresh_from_db()
    other.refresh_from_db()
    assert post.hidden_at is None
    assert other.hidden_at
    services.reopen_case(Case.objects.get(post=post), by=mod)
    post.refresh_from_db()
    assert post.hidden_at


def test_a_comment_is_reported_hidden_and_shown_again(person: Person) -> None:
    ada, mod = person("ada"), person("mod", is_moderator=True)
    post = forum.topic(ada).posts.get()
    comment = forum_services.post_comment(post, author=ada, text="x", limited=False)

    case = services.raise_comment_flag(comment, by=person("ben"), reason="rude").case
    services.judge_case(case, outcome="agreed", by=mod)
    assert Comment.objects.get().hidden_at
    services.reopen_case(case, by=mod)
    assert Comment.objects.get().hidden_at is None
    assert differences() == []


def test_another_moderators_claim_is_respected_for_half_an_hour(
    person: Person,
) -> None:
    mia, noa = person("mia", is_moderator=True), person("noa", is_moderator=True)
    case = flag(forum.topic(person("ada")).posts.get(), person("ben")).case

    services.hold_case(case, by=mia)
    services.hold_case(case, by=mia)
    with pytest.raises(CaseClaimed):
        services.hold_case(case, by=noa)
    with pytest.raises(CaseClaimed):
        services.judge_case(case, outcome="agreed", by=noa)
    long_ago = Case.objects.get().claimed_at - 2 * _claimed_for()
    Case.objects.update(claimed_at=long_ago)
    services.judge_case(case, outcome="ignored", by=noa)


def _claimed_for() -> Any:
    from community.moderation.services.cases import CLAIMED_FOR

    return CLAIMED_FOR


@pytest.mark.django_db(transaction=True)
def test_ten_reports_at_once_are_one_case_with_ten(person: Person) -> None:
    post = forum.topic(person("ada")).posts.get()
    people = [person(f"p{n}") for n in range(10)]

    came = together(*[partial(flag, post, somebody) for somebody in people])

    assert all(isinstance(each, Flag) for each in came), came
    assert Case.objects.get().score == Flag.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_of_those_who_claim_and_decide_at_once_one_does(person: Person) -> None:
    case = flag(forum.topic(person("ada")).posts.get(), person("ben")).case
    mods = [person(f"m{n}", is_moderator=True) for n in range(4)]

    claimed = together(*[partial(services.hold_case, case, by=m) for m in mods])
    assert sorted(type(each).__name__ for each in claimed) == [
        *(["CaseClaimed"] * 3),
        "NoneType",
    ]
    Case.objects.update(claimed_by=None, claimed_at=None)
    decided = together(
        *[
            partial(services.judge_case, case, outcome="agreed", by=moderator)
            for moderator in mods
        ]
    )
    assert sorted(type(each).__name__ for each in decided) == [
        "Case",
        *(["CaseDecided"] * 3),
    ]
    assert differences() == []

"""What is written in bulk is what the services would have written, row by row."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.queries import personal_organisation
from community.forum.models import Category
from demo import community, people
from demo.calls import Caller, Habit, reported_at, write_calls
from demo.clock import at
from demo.facts import Facts, deliver
from demo.rhythm import Rhythm
from demo.script import Accept, Action, Cast, Edit, Open, Reply, in_order
from demo.writing import Writer
from inference.catalog.services import ensure_default_models
from inference.usage.recording import record
from inference.usage.services import publish_first_calls, report_hours
from jobs.models import Job
from jobs.services import prune
from jobs.working import sweep
from notifications.models import EmailMessage
from tests.demo.playing import play
from tests.demo.rows import free_numbers, outcome

pytestmark = pytest.mark.django_db

NUMBERED = ("forum_topic", "forum_post", "forum_tag", "outbox_event")
FORUM = {
    "forum_category": (),
    "forum_tag": (),
    "forum_topic": (),
    "forum_post": (),
    "forum_postrevision": ("id",),
    "forum_vote": ("id",),
    "forum_topicuser": ("id",),
    "forum_topictag": ("id",),
    "reputation_entry": ("id",),
    "reputation_balance": (),
    "notifications_notification": ("id",),
    "notifications_emailmessage": (),
    "search_indexentry": ("id", "indexed_at"),
    "outbox_event": (),
    "jobs_job": ("id", "created_at", "finished_at"),
    "activity_event": ("id",),
    "conversion_developer": (),
    "conversion_account": (),
}
USAGE = {
    "usage_usageevent": ("id",),
    "usage_usagehour": ("id",),
    "usage_usagereport": ("id",),
    "usage_organisationmonth": ("id",),
    "usage_firstcall": (),
    "keys_apikey": (),
    # When they were heard is told by the clock on the wall.
    "ledger_usagecost": ("id", "recorded_at"),
    "outbox_event": ("id",),
    "activity_event": ("id", "properties"),
    "conversion_developer": (),
    "conversion_account": (),
}


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def users(deliver_outbox: Callable[[], int], now: datetime) -> dict[str, User]:
    """People who came over ninety days, and all that is known of them."""
    rng = random.Random(7)  # noqa: S311 - the same people every time
    start = now - timedelta(days=people.DAYS)
    crowd = people.plan_crowd(
        14, Rhythm(start + timedelta(days=3), now - timedelta(days=30), growth=2), rng
    )
    users = people.join_all(
        [*people.plan_characters(start, rng), *crowd], "!", lambda: None
    )
    deliver_outbox()
    _forget_mail()
    return users


def test_a_script_written_in_bulk_leaves_what_the_services_leave(
    users: dict[str, User], now: datetime
) -> None:
    script = _script(users, now)
    assert {type(action) for action in script} == {Open, Reply, Cast, Accept, Edit}
    assert any(isinstance(action, Cast) and action.value < 0 for action in script)
    assert any("@ada" in action.text for action in script if isinstance(action, Reply))

    numbers = free_numbers(NUMBERED)

    played = outcome(lambda: _play(script), tables=FORUM, numbers=numbers)
    written = outcome(lambda: _write(script, users), tables=FORUM, numbers=numbers)

    for table in FORUM:
        assert written[table] == played[table], table
    assert len(played["forum_topic"]) == 93 + 12
    assert played["notifications_notification"]


def test_the_daily_cap_is_the_same_in_bulk(
    users: dict[str, User], now: datetime
) -> None:
    script = _popular_post(users, now - timedelta(days=2))

    numbers = free_numbers(NUMBERED)

    played = outcome(lambda: _play(script), tables=FORUM, numbers=numbers)
    written = outcome(lambda: _write(script, users), tables=FORUM, numbers=numbers)

    assert written == played
    assert len(played["forum_vote"]) == 3 * 17
    points = [row for row in played["reputation_balance"] if "200" in row]
    assert len(points) == 1


def test_calls_written_in_bulk_leave_what_the_minute_by_minute_task_leaves(
    users: dict[str, User], now: datetime
) -> None:
    ensure_default_models()
    rhythm = Rhythm(now - timedelta(days=40), now, growth=2)
    caller = Caller(rhythm, random.Random(3))  # noqa: S311 - the same calls
    with at(now - timedelta(days=41)):
        for name in ("ada", "erin"):
            caller.add(
                Habit(
                    organisation=personal_organisation(users[name]),
                    user=users[name],
                    first_at=now - timedelta(days=39, hours=len(name)),
                    sittings=5,
                    calls=(2, 9),
                    keys=("Laptop", "CI"),
                )
            )
    calls = caller.calls

    def reported() -> None:
        hours = sorted({_hour(call.occurred_at) for call in calls})
        for hour in hours:
            record([call for call in calls if _hour(call.occurred_at) == hour])
            with at(reported_at(hour)):
                publish_first_calls()
                report_hours()
        _relay()

    def written() -> None:
        told = Facts()
        write_calls(list(calls), told, lambda done: None)
        deliver(told.write(), lambda done: None)

    one_by_one = outcome(reported, tables=USAGE)
    in_bulk = outcome(written, tables=USAGE)

    for table in USAGE:
        assert in_bulk[table] == one_by_one[table], table
    assert len(one_by_one["usage_usageevent"]) == len(calls) > 20


def _script(users: dict[str, User], now: datetime) -> list[Action]:
    characters = {
        name: users[name] for name in ("ada", "ben", "chen", "erin", "mod", "staff")
    }
    rhythm = Rhythm(now - timedelta(days=80), now - timedelta(minutes=5), growth=2)
    rng = random.Random(5)  # noqa: S311 - the same script every time
    return community.write_script(
        93 + 12, (1, 6), list(users.values()), characters, rhythm, rng
    )


def _popular_post(users: dict[str, User], moment: datetime) -> list[Action]:
    """Return a script in which one person is liked more than a day allows."""
    community.create_categories()
    ada = users["ada"]
    midnight = datetime.combine(moment.date(), datetime.min.time(), UTC)
    script: list[Action] = []
    for topic in (1, 2, 3):
        script.append(
            Open(
                moment=midnight + timedelta(minutes=topic),
                topic=topic,
                post=topic,
                category=Category.objects.get(slug="help"),
                author=ada,
                title=f"Question {topic}",
                text="How does one do this?",
            )
        )
        voters = [user for user in users.values() if user.pk != ada.pk][:17]
        script += [
            Cast(
                moment=midnight + timedelta(hours=1, minutes=number),
                post=topic,
                by=voter,
                value=1,
            )
            for number, voter in enumerate(voters)
        ]
    return in_order(script)


def _play(script: list[Action]) -> None:
    # Heard as it happens: who is told of a reply depends on who watches by then.
    play(script, _hear)
    _relay()


def _hear() -> None:
    sweep("fact")


def _relay() -> None:
    while sweep("fact"):
        pass
    prune()
    _forget_mail()


def _write(script: list[Action], users: dict[str, User]) -> None:
    told = Facts()
    everybody = {user.pk: user for user in users.values()}
    Writer(told, everybody).write(script, lambda: None)
    deliver(told.write(), lambda done: None)


def _forget_mail() -> None:
    EmailMessage.objects.all().delete()
    Job.objects.filter(kind="mail").delete()


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)

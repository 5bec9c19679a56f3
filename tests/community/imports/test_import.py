"""What holds for every import: once, silently, all or nothing, and after a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum

from accounts.models import User
from community.forum.counting import differences
from community.forum.models import (
    Category,
    Comment,
    Post,
    PostRevision,
    Tag,
    Topic,
    TopicUser,
    Vote,
)
from community.imports.exceptions import BadExport, ImportRunning
from community.imports.generating import WRITERS
from community.imports.models import ForumSource, ImportedPost, ImportedTopic
from community.imports.services import ImportOutcome
from community.imports.staging import Staging
from community.reputation.models import Entry
from jobs.models import Job
from notifications.models import EmailMessage, Notification
from outbox.models import Event
from search.models import IndexEntry
from tests.community.imports.exports import POSTS, discourse, github, post_row
from tests.factories import forum

Bring = Callable[..., ImportOutcome]
ROOT = Path(__file__).resolve().parents[3]


def everything() -> dict[str, int]:
    models = (User, Category, Tag, Topic, Post, Comment, PostRevision, ImportedPost)
    return {model.__name__: model.objects.count() for model in models}


@pytest.mark.django_db
@pytest.mark.parametrize("format_", list(WRITERS))
def test_some_thousand_posts_come_along_and_a_second_run_changes_nothing(
    format_: str, bring: Bring, tmp_path: Path
) -> None:
    path = WRITERS[format_](tmp_path, posts=2_000, people=40)
    seen: list[tuple[int, int]] = []

    first = bring(format_, path, progress=lambda *done: seen.append(done))
    before = everything()
    second = bring(format_, path)

    assert not first.report.damaged
    assert first.posts == Post.objects.count() >= 2_000
    assert first.topics == Topic.objects.count()
    assert seen[-1] == (first.topics, first.topics)
    assert (second.topics, second.posts, second.known) == (0, 0, first.topics)
    assert everything() == before
    assert differences() == []
    assert Comment.objects.count() == first.report.counts["comments"] > 0
    solved = Topic.objects.filter(solution__isnull=False)
    assert solved.count() == first.report.counts["solutions"] > 0
    assert set(Tag.objects.values_list("name", flat=True)) >= {"c++", "c#", "node.js"}
    indexed = IndexEntry.objects.filter(kind="topic")
    assert indexed.count() == first.posts
    assert not Post.objects.exclude(topic__author__is_placeholder=True).exists()


@pytest.mark.django_db
def test_it_is_history_and_not_an_event(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    person("reader")
    events, jobs = Event.objects.count(), Job.objects.count()

    bring("discourse", WRITERS["discourse"](tmp_path, posts=50))

    assert Event.objects.count() == events
    assert Job.objects.count() == jobs
    assert not Notification.objects.exists()
    assert not EmailMessage.objects.exists()
    assert not Entry.objects.exists()
    assert not Vote.objects.exists()
    assert not TopicUser.objects.exists()
    assert Post.objects.aggregate(all=Sum("vote_score"))["all"] == 0
    assert not User.objects.filter(is_active=True).exclude(username="reader").exists()


@pytest.mark.django_db
def test_a_dry_run_reports_and_writes_nothing(bring: Bring, tmp_path: Path) -> None:
    before = everything()

    outcome = bring("discourse", discourse(tmp_path), is_dry=True)

    assert outcome.report.counts["posts"] == 1
    assert everything() == before
    assert not ForumSource.objects.exists()
    assert not list((tmp_path / "var" / "imports").iterdir())


@pytest.mark.django_db
def test_what_was_brought_and_changed_since_stays_as_it_is_now(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    bring("discourse", discourse(tmp_path))
    topic = Topic.objects.get()
    reply = forum.reply(topic, person("grace"))
    more = discourse(
        tmp_path,
        posts=(POSTS, [post_row(10, 1, 1, raw="Changed"), post_row(11, 1, 2)]),
    )

    outcome = bring("discourse", more)

    assert (outcome.topics, outcome.known) == (0, 1)
    assert list(topic.posts.order_by("number")) == [topic.posts.get(number=1), reply]
    assert topic.posts.get(number=1).source_md != "Changed"


@pytest.mark.django_db
def test_two_forums_have_keys_of_their_own(bring: Bring, tmp_path: Path) -> None:
    bring("discourse", discourse(tmp_path))
    bring("discourse", discourse(tmp_path), slug="other")

    assert ImportedTopic.objects.filter(key="1").count() == 2
    with pytest.raises(BadExport, match="was imported as discourse"):
        bring("github", _discussions(tmp_path))


def _discussions(tmp_path: Path) -> Path:
    from tests.community.imports.exports import discussion

    return github(tmp_path / "x.json", [discussion(1)])


@pytest.mark.django_db
def test_everything_goes_into_one_category_where_that_is_wished(
    bring: Bring, tmp_path: Path
) -> None:
    within = forum.category()

    bring("discourse", discourse(tmp_path), category=within)

    assert Topic.objects.get().category == within
    within.refresh_from_db()
    assert within.topic_count == 1


@pytest.mark.django_db(transaction=True)
def test_two_runs_of_one_forum_are_not_at_work_together(
    bring: Bring, tmp_path: Path
) -> None:
    from tests.races import together

    path = WRITERS["discourse"](tmp_path, posts=300)

    outcomes = together(*[lambda: bring("discourse", path)] * 2)

    refused = [each for each in outcomes if isinstance(each, ImportRunning)]
    done = [each for each in outcomes if isinstance(each, ImportOutcome)]
    # One waited for the staging long enough to begin after the other had ended.
    assert len(refused) + len(done) == 2
    assert sum(each.topics for each in done) == Topic.objects.count() > 0
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_a_run_that_was_killed_goes_on_where_it_stopped(
    bring: Bring, tmp_path: Path
) -> None:
    path = WRITERS["discourse"](tmp_path, posts=6_000, people=60)
    database = connection.settings_dict
    secret = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    port = f"&port={database['PORT']}" if database["PORT"] else ""
    address = (
        f"postgresql://{database['USER']}{secret}@/{database['NAME']}"
        f"?host={database['HOST']}{port}"
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "manage.py", "import_forum", "discourse", str(path)),
            *("--as", "meta", "--name", "Meta"),
        ],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address, "VAR_DIR": str(tmp_path / "var")},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for_topics(process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    done = Topic.objects.count()
    assert differences() == []

    outcome = bring("discourse", path)

    assert 0 < done == outcome.known < Topic.objects.count()
    assert outcome.known + outcome.topics == Topic.objects.count()
    assert outcome.report.counts["posts"] == Post.objects.count()
    assert ForumSource.objects.count() == 1
    assert differences() == []


def _wait_for_topics(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the first batch is there, and the process still at work."""
    for _each in range(1_200):
        if Topic.objects.exists():
            return
        assert process.poll() is None, "the import ended before it could be killed"
        time.sleep(0.1)
    raise AssertionError("the import did not begin within two minutes")


@pytest.mark.django_db
def test_the_command_says_what_it_did(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path / "var"
    said = StringIO()

    call_command(
        "import_forum", "discourse", str(discourse(tmp_path)), "--as=meta", stdout=said
    )

    assert "1 of 1 topics (100 %)" in said.getvalue()
    assert "1 topics with 1 posts were brought" in said.getvalue()


@pytest.mark.django_db
def test_the_command_refuses_in_a_sentence(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path / "var"
    path = discourse(tmp_path, posts=(POSTS, [post_row(10, 1, 1, raw="")]))

    with pytest.raises(CommandError, match="nothing was written"):
        call_command("import_forum", "discourse", str(path), "--as=meta")
    with pytest.raises(CommandError, match="--as takes"):
        call_command("import_forum", "discourse", str(path), "--as=a/b")
    with pytest.raises(CommandError, match="no category"):
        call_command(
            "import_forum", "discourse", str(path), "--as=meta", "--category=x"
        )
    with pytest.raises(CommandError, match="begins with https"):
        call_command(
            "import_forum", "discourse", str(path), "--as=meta", "--address=ftp://x"
        )


@pytest.mark.django_db
def test_the_generator_is_a_command(tmp_path: Path) -> None:
    said = StringIO()

    call_command("generate_export", "github", str(tmp_path), "--posts=30", stdout=said)

    assert Path(said.getvalue().strip()).stat().st_size > 1_000


def test_the_staging_file_goes_away(tmp_path: Path) -> None:
    with Staging(tmp_path / "one.sqlite3") as staging:
        staging.add("topics", key="1", title="first")
        staging.add("topics", key="1", title="second")
        staging.finish()

        rows = list(staging.rows("SELECT title FROM topics"))
        assert [row["title"] for row in rows] == ["first"]
        assert staging.number("SELECT count FROM notes") == 1

    assert not list(tmp_path.iterdir())

"""The list at twenty thousand topics: every page by an index, at any depth."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.services import create_user
from community.forum.models import Category, Tag, Topic, TopicTag, TopicUser
from community.forum.queries import list_ideas, list_topics, pinned_topics
from tests.factories import forum

# One worker writes them once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("forum-scale")]
MANY = 20_000
# Of four topics three are questions, and of eight one is an idea.
KINDS = ("idea", *["question"] * 3, "discussion", *["question"] * 3)


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any) -> Iterator[User]:
    """Write twenty thousand topics for every test here; yield their author."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield write_topics()
        transaction.set_rollback(True)


def write_topics() -> User:
    """Write the topics in three categories and return their author."""
    ada = create_user("ada@example.test", "ada", "correct horse")
    places = [forum.category(), forum.category(), forum.category("staff")]
    now = timezone.now()
    topics = Topic.objects.bulk_create(
        Topic(
            category=places[number % 3 if number % 50 == 0 else number % 2],
            kind=KINDS[number % 8],
            idea_state="open" if KINDS[number % 8] == "idea" else "",
            title=f"Topic {number}",
            author=ada,
            last_poster=ada,
            highest_number=1,
            bumped_at=now - timedelta(minutes=number // 2),
            created_at=now - timedelta(minutes=number),
            vote_score=number % 7,
            hidden_at=now if number % 100 == 0 else None,
        )
        for number in range(MANY)
    )
    rare, common = Tag.objects.bulk_create(
        Tag(slug=name, name=name) for name in ("rare", "common")
    )
    TopicTag.objects.bulk_create(
        TopicTag(topic=topic, tag=tag, bumped_at=topic.bumped_at)
        for number, topic in enumerate(topics)
        for tag in ([common] if number % 2 else [])
        + ([rare] if number % 997 == 0 else [])
    )
    with connection.cursor() as cursor:
        # What is being prepared may take as long as it takes.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            "UPDATE forum_topictag AS link SET created_at = topic.created_at,"
            " vote_score = topic.vote_score, hot_score = topic.hot_score,"
            " is_open = topic.kind = 'question' FROM forum_topic AS topic"
            " WHERE topic.id = link.topic_id"
        )
    TopicUser.objects.bulk_create(
        TopicUser(user=ada, topic=topic, last_read_number=0) for topic in topics[::400]
    )
    with connection.cursor() as cursor:
        for table in ("topic", "topictag", "tag", "topicuser", "category"):
            cursor.execute(f"ANALYZE forum_{table}")
    return ada


def scans(query: QuerySet[Any]) -> Iterator[tuple[str, str]]:
    """Yield each step of a plan that reads a table, and the table."""
    plan = json.loads(query.explain(format="json"))
    waiting = [plan[0]["Plan"]]
    while waiting:
        step = waiting.pop()
        if "Relation Name" in step:
            yield step["Node Type"], step["Relation Name"]
        waiting += step.get("Plans", [])


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[QuerySet[Any]]:
    """Collect the queries that pages are made of."""
    seen: list[QuerySet[Any]] = []
    original = QuerySet.__getitem__

    def remember(self: QuerySet[Any], key: Any) -> Any:
        sliced = original(self, key)
        if isinstance(sliced, QuerySet):
            seen.append(sliced)
        return sliced

    monkeypatch.setattr(QuerySet, "__getitem__", remember)
    return seen


def rows_read(query: QuerySet[Any]) -> int:
    """Return how many rows of topics and links a query reads, those filtered too."""
    plan = json.loads(query.explain(format="json", analyze=True))
    waiting, read = [plan[0]["Plan"]], 0
    while waiting:
        step = waiting.pop()
        if step.get("Relation Name") in ("forum_topic", "forum_topictag"):
            rows = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
            read += rows * step["Actual Loops"]
        waiting += step.get("Plans", [])
    return int(read)


@pytest.mark.parametrize(
    "sort", ["latest", "hot", "top", "unanswered", "mine", "unread"]
)
@pytest.mark.parametrize("place", ["all", "category", "common", "rare"])
def test_every_list_reads_as_few_rows_at_any_depth(
    crowd: User, plans: list[QuerySet[Any]], sort: str, place: str
) -> None:
    topics = Topic.objects.visible_to(crowd)
    tag = Tag.objects.filter(slug=place).first()
    if place == "category":
        # The smallest: of fifty topics one stands here.
        Category.objects.filter(visibility="staff").update(visibility="members")
        topics = topics.filter(category=Category.objects.get(visibility="members"))
    cursor = None
    plans.clear()
    for _ in range(4):
        page = list_topics(topics, user=crowd, sort=sort, cursor=cursor, tag=tag)
        cursor = page.next_cursor
        if not cursor:
            break
    assert max(rows_read(query) for query in plans) <= 1_000


@pytest.mark.parametrize("sort", ["top", "newest"])
@pytest.mark.parametrize("place", ["all", "category"])
def test_a_list_of_ideas_reads_as_few_rows_at_any_depth(
    crowd: User, plans: list[QuerySet[Any]], sort: str, place: str
) -> None:
    topics = Topic.objects.visible_to(crowd)
    if place == "category":
        topics = topics.filter(category=Category.objects.order_by("pk")[0])
    cursor = None
    plans.clear()
    for _ in range(4):
        page = list_ideas(topics, state="open", sort=sort, cursor=cursor)
        assert len(page) == 30
        cursor = page.next_cursor
    assert max(rows_read(query) for query in plans[-4:]) <= 200


def test_the_best_of_a_week_are_those_asked_in_it(crowd: User) -> None:
    page = list_topics(
        Topic.objects.visible_to(crowd),
        user=crowd,
        sort="top",
        cursor=None,
        period="week",
    )
    since = timezone.now() - timedelta(days=7)
    assert len(page) == 30
    assert {topic.vote_score for topic in page} == {6}
    assert all(topic.created_at > since for topic in page)


def test_no_list_reads_all_topics_at_any_depth(
    crowd: User, plans: list[QuerySet[Any]]
) -> None:
    member = crowd
    visible = Topic.objects.visible_to(member)
    category = Category.objects.order_by("pk").first()
    lists: dict[str, dict[str, Any]] = {
        "latest": {"topics": visible, "sort": "latest"},
        "top": {"topics": visible, "sort": "top"},
        "unanswered": {"topics": visible, "sort": "unanswered"},
        "category": {"topics": visible.filter(category=category), "sort": "latest"},
        "visitor": {
            "topics": Topic.objects.visible_to(AnonymousUser()),
            "sort": "latest",
        },
    }
    found: dict[str, set[tuple[str, str]]] = {}
    plans.clear()
    for name, asked in lists.items():
        cursor = None
        for _ in range(3):
            page = list_topics(user=member, cursor=cursor, **asked)
            assert len(page) == 30
            cursor = page.next_cursor
        assert len(plans) == 3
        found[name] = {
            step
            for query in plans
            for step in scans(query)
            if step[1] in ("forum_topic", "forum_topictag") and step[0] == "Seq Scan"
        }
        plans.clear()
    pinned_topics(visible)
    found["pinned"] = {
        step
        for query in plans
        for step in scans(query)
        if step == ("Seq Scan", "forum_topic")
    }
    assert found == {name: set() for name in [*lists, "pinned"]}


@pytest.mark.parametrize("slug", ["rare", "common"])
def test_a_tag_reads_its_own_index(
    crowd: User, plans: list[QuerySet[Any]], slug: str
) -> None:
    tag = Tag.objects.get(slug=slug)
    visible = Topic.objects.visible_to(crowd)
    page = list_topics(visible, user=crowd, sort="latest", cursor=None, tag=tag)
    times = [topic.bumped_at for topic in page]
    assert times == sorted(times, reverse=True)
    assert len(plans) == 1
    steps = {step for query in plans for step in scans(query)}
    assert ("Seq Scan", "forum_topic") not in steps
    assert ("Seq Scan", "forum_topictag") not in steps


def test_pages_hold_every_topic_once_while_topics_move(crowd: User) -> None:
    visible = Topic.objects.visible_to(crowd).filter(
        pk__lte=Topic.objects.order_by("pk")[400].pk
    )
    expected = set(visible.listed().values_list("pk", flat=True))
    seen: list[int] = []
    cursor = None
    while True:
        page = list_topics(visible, user=crowd, sort="latest", cursor=cursor)
        seen += [topic.pk for topic in page]
        # Somebody replies to what was seen already: it moves up, out of the way.
        Topic.objects.filter(pk=seen[-1]).update(bumped_at=timezone.now())
        cursor = page.next_cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == expected

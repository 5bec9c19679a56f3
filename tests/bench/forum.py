"""The forum at a hundred thousand topics and a million posts.

    python -m tests.bench.forum                     1 000, 10 000 and 100 000 topics
    python -m tests.bench.forum --topics 1000 10000
    python -m tests.bench.forum --blocks            pages of 8 kB, not milliseconds

Ten posts a topic, filled by COPY and INSERT … SELECT into a database of its own, which
is taken away afterwards. Words are as frequent as in any language: the first stands in
every third post. Pages are asked for through Django's own request stack, by a member;
each figure is the median and the 95th percentile of forty requests, and how much
longer it takes than at the size before. ``--blocks`` asks once and counts the blocks of
the database that every query of the page touches, which is the same on a busy machine.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

POSTS = 10  # of each topic
WATCHERS = 10_000
PEOPLE = 12_000
GROWTH = 1.2  # more than this a decade is shown with the query it comes from
READ = 500  # topics the reader began and left, the oldest of all
TAGS = 200
REQUESTS = 40
# Different texts; beyond that they repeat, which no index notices.
TEXTS = 4_000
WORDS = 30_000  # what a large forum uses, names left out
DEEP = 20_000  # rows; where the middle is, in a smaller one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forum")
    parser.add_argument(
        "--topics", type=int, nargs="+", default=[1_000, 10_000, 100_000]
    )
    parser.add_argument("--blocks", action="store_true")
    asked_for = parser.parse_args()
    sizes = sorted(asked_for.topics)
    folder = Path(tempfile.mkdtemp(prefix="forum-bench-"))
    try:
        with ExitStack() as stack:
            start(stack, folder)
            if asked_for.blocks:
                measure_blocks(sizes)
            else:
                measure(sizes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def start(stack: ExitStack, folder: Path) -> None:
    """Start servers of our own and make the tables."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    settings = {
        "fsync": "off",
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
    }
    postgres = EmbeddedPostgres(folder / "postgres", settings=settings)
    redis = EmbeddedRedis(folder / "redis")
    os.environ.update(
        DATABASE_URL=stack.enter_context(postgres).url(),
        REDIS_URL=stack.enter_context(redis).url,
        DJANGO_SETTINGS_MODULE="config.settings.dev",
        DOORSTONE_DEVELOPMENT="1",
        DATABASE_SESSION="-c statement_timeout=0",
        ALLOWED_HOSTS="testserver",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def measure(sizes: list[int]) -> None:
    from accounts.models import User

    fill_people()
    before: dict[str, float] = {}
    done = 0
    for size in sizes:
        started = time.perf_counter()
        fill(done, size)
        done = size
        took = time.perf_counter() - started
        print(f"\n{size:,} topics, {size * POSTS:,} posts (filled in {took:.0f} s)")
        print(f"{'':34} {'p50':>9} {'p95':>9} {'queries':>8} {'growth':>7}")
        reader = User.objects.get(username="person-1")
        for name, ask in asked(reader, size):
            times, queries = timed(ask)
            middle = statistics.median(times)
            late = statistics.quantiles(times, n=20)[-1]
            growth = f"{middle / before[name]:.2f}" if name in before else ""
            before[name] = middle
            print(
                f"{name:34} {middle:6.1f} ms {late:6.1f} ms {queries:8} {growth:>7}",
                flush=True,
            )
    crowd()


def measure_blocks(sizes: list[int]) -> None:
    """Print how many blocks each page touches, and how many more than before."""
    from accounts.models import User

    fill_people()
    before: dict[str, int] = {}
    done = 0
    for size in sizes:
        fill(done, size)
        done = size
        print(f"\n{size:,} topics, {size * POSTS:,} posts")
        print(f"{'':34} {'blocks':>8} {'most':>8} {'queries':>8} {'growth':>7}")
        reader = User.objects.get(username="person-1")
        for name, ask in asked(reader, size):
            blocks = touched(ask)
            total = sum(count for count, _query in blocks)
            most, query = max(blocks)
            growth = f"{total / before[name]:.2f}" if name in before else ""
            print(f"{name:34} {total:8} {most:8} {len(blocks):8} {growth:>7}")
            if name in before and total > GROWTH * before[name]:
                print(f"    {query[:300]}", flush=True)
            before[name] = total


def touched(ask: Callable[[], Any]) -> list[tuple[int, str]]:
    """Return how many blocks each query of a request touches, and the query."""
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from stores.redis import client

    ask()
    client().flushdb()
    cache.clear()
    with CaptureQueriesContext(connection) as captured:
        ask()
    found = []
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            sql = query["sql"]
            if not sql.startswith(("SELECT", "(SELECT", "WITH")):
                continue
            explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"
            cursor.execute(explained.replace("%", "%%"), ())
            plan = cursor.fetchone()[0][0]["Plan"]
            blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            found.append((blocks, sql))
    return found


def timed(ask: Callable[[], Any]) -> tuple[list[float], int]:
    """Return how long each request took in milliseconds, and the queries of one."""
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from stores.redis import client

    for _ in range(3):
        ask()
    with CaptureQueriesContext(connection) as captured:
        ask()
    # Counted now: the next request begins the log anew.
    queries = len(captured)
    times = []
    for _ in range(REQUESTS):
        # Nobody here is a person who asks too often, and no page is kept.
        client().flushdb()
        cache.clear()
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    return times, queries


def asked(reader: Any, size: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is measured, by name."""
    from django.test import Client

    from community.forum.models import Tag, Topic
    from community.forum.queries import alike, list_topics
    from search.finding import search_page

    client = Client()
    client.force_login(reader)

    def page(path: str) -> Callable[[], Any]:
        def get() -> None:
            answer = client.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} answered {answer.status_code}")

        return get

    topics = Topic.objects.visible_to(reader)
    yield "latest", page("/forum/")
    at = min(DEEP, size // 2)
    place = topics.listed().order_by("-bumped_at", "-pk")[at]
    yield f"latest, {DEEP:,} rows down", page(f"/forum/?cursor={_cursor(place)}")
    for sort in ("hot", "top", "unanswered", "mine", "unread"):
        yield sort, page(f"/forum/?sort={sort}")
    yield "top of the week", page("/forum/?sort=top&period=week")
    yield "large category, latest", page("/forum/c/help/")
    yield "large category, unanswered", page("/forum/c/help/?sort=unanswered")
    yield "small category, latest", page("/forum/c/small/")
    yield "small category, top", page("/forum/c/small/?sort=top")
    yield "ideas, by votes", page("/forum/ideas/")
    yield "ideas, newest", page("/forum/ideas/?sort=newest")
    yield "ideas of a category", page("/forum/ideas/?category=small")
    tag = Tag.objects.get(slug="tag-1")
    yield "tag, latest", page("/forum/tag/tag-1/")
    yield "tag, hot", page("/forum/tag/tag-1/?sort=hot")
    yield (
        "tag, unanswered, list alone",
        lambda: list_topics(
            topics, user=reader, sort="unanswered", cursor=None, tag=tag
        ),
    )
    middle = topics.order_by("pk")[size // 2]
    yield "topic", page(middle.get_absolute_url())
    yield "topic, related", page(f"/forum/t/{middle.pk}/related/")
    yield "Atom feed", page("/forum/feed.atom")
    yield "Atom feed of a category", page("/forum/c/small/feed.atom")
    searches = {
        "search, a common word": "w0",
        "search, a rare word": f"w{WORDS - 5}",
        "search, two common words": "w0 w1",
        "search, a whole question": "how do I w3 the w200 with w4000 and w9000?",
        "search, words nobody used": "w1 unheard w77 of",
        "search, in a tag": "w5 tag:tag-1",
        "search, by an author": "w2 author:person-7",
    }
    for name, wanted in searches.items():
        yield name, partial(search_page, reader, wanted)
    yield "similar titles", lambda: alike("How do I w3 the w200?", user=reader)


def _cursor(topic: Any) -> str:
    from edge import pagination

    return pagination._write(topic, ("-bumped_at", "-pk"), "n")


def crowd() -> None:
    """Reply to a topic that ten thousand watch, and tell them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User
    from community.forum import services
    from community.forum.models import Topic
    from jobs.working import sweep
    from notifications.models import Notification

    topic = Topic.objects.get(title="Watched by a crowd")
    author = User.objects.get(username="person-2")
    times = []
    for number in range(REQUESTS):
        with CaptureQueriesContext(connection) as queries:
            started = time.perf_counter()
            services.post_reply(
                topic, author=author, text=f"Reply {number}.", limited=False
            )
            times.append((time.perf_counter() - started) * 1000)
    print(f"\nA reply to a topic that {WATCHERS:,} watch")
    late = statistics.quantiles(times, n=20)[-1]
    print(f"  p50 {statistics.median(times):.1f} ms, p95 {late:.1f} ms,", end=" ")
    print(f"{len(queries)} queries")
    started = time.perf_counter()
    while sweep("fact"):
        pass
    took = time.perf_counter() - started
    told = Notification.objects.values("user").distinct().count()
    print(f"  {told:,} people told of {REQUESTS} replies in {took:.1f} s")


# Filling


def fill_people() -> None:
    from accounts.models import User
    from community.forum.models import Category, Tag

    User.objects.bulk_create(
        (
            User(
                username=f"person-{number}",
                email=f"person-{number}@bench.test",
                password="!",
            )
            for number in range(PEOPLE)
        ),
        batch_size=2_000,
    )
    Category.objects.bulk_create(
        Category(slug=slug, name=slug.title(), position=place)
        for place, slug in enumerate(("help", "show", "small", "talk"))
    )
    Tag.objects.bulk_create(
        Tag(slug=f"tag-{number}", name=f"tag-{number}") for number in range(TAGS)
    )
    _copy_texts()


def _copy_texts() -> None:
    """Write down texts, with the vectors the product makes of them."""
    from django.db import connection

    from search.text import vector

    rng = random.Random(42)  # noqa: S311 - the same forum each time
    weights = [1 / (rank + 3) for rank in range(WORDS)]
    words = [f"w{rank}" for rank in range(WORDS)]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_text (k int PRIMARY KEY, title text, body text,"
            " whole tsvector, part tsvector)"
        )
        raw: Any = cursor.cursor
        rows = "COPY bench_text (k, title, body, whole, part) FROM STDIN"
        with raw.copy(rows) as copy:
            for k in range(TEXTS):
                title = " ".join(rng.choices(words, weights, k=7))
                body = " ".join(rng.choices(words, weights, k=rng.randint(20, 120)))
                whole = vector((title, "A"), ("", "B"), (body, "C"))
                copy.write_row((k, title, body, whole, vector((body, "C"))))


def fill(begin: int, end: int) -> None:
    """Add topics ``begin`` to ``end`` with their posts, links and entries."""
    from django.db import connection

    from design import markdown

    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS search_entry_vector")
        for statement in FILL.split(";"):
            if statement.strip():
                cursor.execute(
                    statement,
                    {"begin": begin, "end": end, "texts": TEXTS, "people": PEOPLE}
                    | {"tags": TAGS, "posts": POSTS, "watchers": WATCHERS}
                    | {"read": READ}
                    | {"version": markdown.VERSION},
                )
        cursor.execute(
            "CREATE INDEX search_entry_vector ON search_indexentry USING gin (vector)"
        )
        cursor.execute("VACUUM ANALYZE")


# The newest topic has the highest number; of fifty one is in the small category.
FILL = """
CREATE TEMPORARY TABLE IF NOT EXISTS person ON COMMIT PRESERVE ROWS AS
SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM accounts_user;
CREATE TEMPORARY TABLE IF NOT EXISTS place ON COMMIT PRESERVE ROWS AS
SELECT id, slug FROM forum_category;
INSERT INTO forum_topic (id, category_id, kind, idea_state, title, author_id, locale, reply_count,
    vote_score, view_count, highest_number, last_poster_id, bumped_at, created_at)
SELECT n + 1,
    (SELECT id FROM place WHERE slug = CASE WHEN n %% 50 = 0 THEN 'small'
        WHEN n %% 3 = 0 THEN 'show' WHEN n %% 7 = 0 THEN 'talk' ELSE 'help' END),
    CASE WHEN n %% 10 = 5 THEN 'idea' WHEN n %% 4 = 0 THEN 'discussion'
        ELSE 'question' END,
    CASE WHEN n %% 10 = 5 THEN 'open' ELSE '' END,
    CASE WHEN n = 0 THEN 'Watched by a crowd' ELSE text.title END,
    author.id, 'en', %(posts)s - 1, (n * 7919 %% 101)::int, 0, %(posts)s, author.id,
    now() - (%(end)s - n) * interval '1 minute',
    now() - (%(end)s - n) * interval '2 minutes'
FROM generate_series(%(begin)s, %(end)s - 1) AS n
JOIN bench_text AS text ON text.k = n %% %(texts)s
JOIN person AS author ON author.k = n * 31 %% %(people)s;
INSERT INTO forum_post (topic_id, number, author_id, source_md, html, plain,
    render_version, vote_score, client_token, created_at, hidden_reason)
SELECT topic.id, number, author.id, text.body, '<p>' || text.body || '</p>', text.body,
    %(version)s, 0, '',
    topic.created_at + number * interval '1 minute', ''
FROM forum_topic AS topic CROSS JOIN generate_series(1, %(posts)s) AS number
JOIN bench_text AS text ON text.k = (topic.id * 13 + number * 97) %% %(texts)s
JOIN person AS author ON author.k = (topic.id * 17 + number * 29) %% %(people)s
WHERE topic.id > %(begin)s;
INSERT INTO forum_topictag (topic_id, tag_id, bumped_at, created_at, vote_score,
    hot_score, is_open)
SELECT topic.id, tag.id, topic.bumped_at, topic.created_at, topic.vote_score,
    topic.hot_score, topic.kind = 'question'
FROM forum_topic AS topic CROSS JOIN generate_series(0, 1) AS turn
JOIN forum_tag AS tag
    ON tag.slug = 'tag-' || ((topic.id * (turn + 3)) %% (%(tags)s / (turn + 1)) + turn)
WHERE topic.id > %(begin)s ON CONFLICT DO NOTHING;
INSERT INTO search_indexentry (kind, object_id, part, url, title, heading, text, locale,
    version, audience, labels, boost, source, digest, vector, indexed_at)
SELECT 'topic', topic.id, CASE WHEN post.number = 1 THEN 0 ELSE post.number END,
    '/forum/p/' || post.id || '/', topic.title, '', post.plain, '', '', 'public', '{}',
    0.9, '', '', CASE WHEN post.number = 1 THEN own.whole ELSE text.part END, now()
FROM forum_topic AS topic JOIN forum_post AS post ON post.topic_id = topic.id
JOIN bench_text AS text ON text.k = (topic.id * 13 + post.number * 97) %% %(texts)s
JOIN bench_text AS own ON own.k = (topic.id - 1) %% %(texts)s
WHERE topic.id > %(begin)s;
INSERT INTO forum_topicuser (user_id, topic_id, last_read_number, level)
SELECT person.id, 1, 1, 'watching' FROM person
WHERE person.k < %(watchers)s ON CONFLICT DO NOTHING;
INSERT INTO forum_topicuser (user_id, topic_id, last_read_number, level)
SELECT person.id, topic.id, 5, 'tracking' FROM person JOIN forum_topic AS topic
    ON topic.id BETWEEN 2 AND %(read)s + 1
WHERE person.k = 1 ON CONFLICT DO NOTHING;
UPDATE forum_tag SET topic_count = counted.n, members_count = counted.n,
    public_count = counted.n
FROM (SELECT tag_id, count(*) AS n FROM forum_topictag GROUP BY tag_id) AS counted
WHERE counted.tag_id = forum_tag.id;
SELECT setval(pg_get_serial_sequence('forum_topic', 'id'), %(end)s + 1)
"""

if __name__ == "__main__":
    sys.exit(main())

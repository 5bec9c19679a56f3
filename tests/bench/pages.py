"""Server time and query counts of the main pages on a seeded database.

The database is made once, by ``seed_demo``, and kept under ``var/bench``; the pages
are asked for through Django's own request stack, so the figures hold no network and
no browser. That a page costs as many queries with thirty rows as with one is tried
on rows made for it, which are taken back afterwards.
"""

import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.table import Figure, at_most

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench"
LIMIT_MS, LIMIT_QUERIES = 100, 12
FEW, MANY = 1, 30


@dataclass(frozen=True)
class Page:
    """One page, and the e-mail address of who asks for it or nothing."""

    name: str
    path: str
    person: str = ""


def measure(*, scale: str = "m", requests: int = 60) -> list[Figure]:
    """Return the figures of every page."""
    with ExitStack() as stack:
        prepare(stack, scale)
        figures = []
        for page in pages():
            figures += _figures(page, scale, requests)
        return [*figures, *_growth()]


def prepare(stack: ExitStack, scale: str) -> None:
    """Start the servers and fill the database unless it is filled already."""
    from embedded.postgres import EmbeddedPostgres
    from embedded.redis import EmbeddedRedis

    postgres = EmbeddedPostgres(
        VAR / scale / "postgres", settings={"fsync": "off", "shared_buffers": "256MB"}
    )
    redis = EmbeddedRedis(VAR / scale / "redis")
    os.environ.update(
        DATABASE_URL=stack.enter_context(postgres).url(),
        REDIS_URL=stack.enter_context(redis).url,
        DJANGO_SETTINGS_MODULE="config.settings.dev",
        DOORSTONE_DEVELOPMENT="1",
        # Filling a large database takes statements longer than a page's limit.
        DATABASE_SESSION="-c statement_timeout=0",
        ALLOWED_HOSTS="testserver",
    )
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from community.forum.defaults import ensure_categories
    from embedded.management.commands.prepare import DOCS

    # All that a start makes, without the plans in Stripe and the small demonstration.
    call_command("migrate", verbosity=0)
    ensure_categories()
    call_command("catalog", "ensure", verbosity=0)
    for folder, version, is_default in DOCS:
        if (ROOT / folder).is_dir():
            call_command(
                "docs",
                "import",
                folder,
                version=version,
                default=is_default,
                verbosity=0,
            )
    marker = VAR / scale / "seeded"
    if not marker.exists():
        call_command("seed_demo", scale=scale, seed=42)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        marker.touch()


def pages() -> list[Page]:
    """Return the measured pages; the topic is the one with the most replies."""
    from community.docs.models import Page as Document
    from community.forum.models import Topic
    from inference.catalog.models import Model

    topic = Topic.objects.order_by("-reply_count").first()
    document = Document.objects.order_by("pk").first()
    model = Model.objects.order_by("pk").first()
    if topic is None or document is None or model is None:
        raise RuntimeError("seed_demo left no topic, no page or no model")
    return [
        Page("topic list", "/forum/", "ada@demo.test"),
        Page("topic", topic.get_absolute_url(), "ada@demo.test"),
        Page("topic, signed out", topic.get_absolute_url()),
        Page("docs page", document.get_absolute_url(), "ada@demo.test"),
        Page("model page", model.get_absolute_url(), "ada@demo.test"),
        Page("conversion home", "/staff/conversion/", "staff@demo.test"),
    ]


def _figures(page: Page, scale: str, requests: int) -> list[Figure]:
    client = _client(page.person)
    for _ in range(3):
        _get(client, page.path)
    count = _queries(client, page.path)
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        client.get(page.path)
        times.append((time.perf_counter() - started) * 1000)
    how = f"seed_demo --scale {scale}, {requests} requests, one process"
    return [
        at_most(
            "pages",
            f"{page.name}: p95",
            statistics.quantiles(times, n=20)[-1],
            LIMIT_MS,
            unit="ms",
            method=f"{how}; p50 {statistics.median(times):.1f} ms",
        ),
        at_most(
            "pages",
            f"{page.name}: queries",
            count,
            LIMIT_QUERIES,
            method="caches warm, signed in" if page.person else "caches warm",
        ),
    ]


def _growth() -> list[Figure]:
    """Count queries with one row and with thirty; nothing of it is kept."""
    from django.db import transaction

    with transaction.atomic():
        figures = [
            at_most(
                "pages",
                f"{name}: queries for {MANY} rows more than for {FEW}",
                _queries(client, path_many) - _queries(client, path_few),
                0,
                method="rows by different people, made for this and taken back",
            )
            for name, client, path_few, path_many in _pairs()
        ]
        transaction.set_rollback(True)
    return figures


def _pairs() -> list[tuple[str, Any, str, str]]:
    """Make lists with few and with many rows; return their addresses."""
    from accounts.services import create_user
    from tests.factories import forum

    people = [
        create_user(f"growth-{number}@example.test", f"growth{number}", "a pass phrase")
        for number in range(MANY)
    ]
    small, large = forum.category(), forum.category()
    short = forum.topic(people[0], category=small)
    long = forum.topic(people[0], category=large)
    forum.reply(short, people[1])
    for person in people[1:]:
        forum.topic(person, category=large)
        forum.reply(long, person)
    forum.reply(long, people[0])
    client = _client("ada@demo.test")
    pairs = [
        ("category", small.get_absolute_url(), large.get_absolute_url()),
        ("topic", short.get_absolute_url(), long.get_absolute_url()),
    ]
    for _, *paths in pairs:
        for path in paths:
            # The first visit also notes that the topic was read.
            _get(client, path)
    return [(name, client, few, many) for name, few, many in pairs]


def _client(person: str) -> Any:
    from django.test import Client

    from accounts.models import User

    client = Client()
    if person:
        client.force_login(User.objects.get(email=person))
    return client


def _get(client: Any, path: str) -> None:
    response = client.get(path)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status_code}")


def _queries(client: Any, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)

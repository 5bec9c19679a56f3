"""Server time and query counts of the main pages on a seeded database.

Run by ``make bench``. The database is made once, by ``seed_demo``, and kept under
``var/bench``; the pages are asked for through Django's own request stack, so the
figures hold no network and no browser.
"""

import argparse
import os
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
VAR = ROOT / "var" / "bench"
LIMIT_MS, LIMIT_QUERIES = 100, 12


@dataclass(frozen=True)
class Figure:
    """One page's figures; times in milliseconds."""

    name: str
    path: str
    p50: float
    p95: float
    queries: int

    @property
    def is_met(self) -> bool:
        return self.p95 <= LIMIT_MS and self.queries <= LIMIT_QUERIES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="m", choices=["s", "m", "l"])
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args()
    with ExitStack() as stack:
        prepare(stack, options.scale)
        figures = [
            measure(name, path, person, options.requests)
            for name, path, person in pages()
        ]
    report(figures, options)
    return 0 if all(figure.is_met for figure in figures) else 1


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
        ALLOWED_HOSTS="testserver",
    )
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    marker = VAR / scale / "seeded"
    if not marker.exists():
        call_command("seed_demo", scale=scale, seed=42)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        marker.touch()


def pages() -> list[tuple[str, str, str]]:
    """Return (name, path, e-mail of who asks or "") of each measured page."""
    from community.docs.models import Page
    from community.forum.models import Topic
    from inference.catalog.models import Model

    topic = Topic.objects.order_by("-reply_count").first()
    leaf = Page.objects.order_by("pk").first()
    model = Model.objects.order_by("pk").first()
    assert topic
    assert leaf
    assert model
    return [
        ("topic list", "/forum/", "ada@demo.test"),
        ("topic", topic.get_absolute_url(), "ada@demo.test"),
        ("docs page", leaf.get_absolute_url(), "ada@demo.test"),
        ("model page", f"/models/{model.slug}/", "ada@demo.test"),
        ("conversion home", "/staff/conversion/", "staff@demo.test"),
    ]


def measure(name: str, path: str, email: str, requests: int) -> Figure:
    """Ask for one page again and again and return its figures."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email=email))
    for _ in range(3):
        response = client.get(path)
        if response.status_code != 200:
            raise SystemExit(f"{path} answered {response.status_code}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(path)
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - started) * 1000)
    return Figure(
        name,
        path,
        statistics.median(times),
        statistics.quantiles(times, n=20)[-1],
        len(queries),
    )


def report(figures: list[Figure], options: argparse.Namespace) -> None:
    """Print the table and how it was made."""
    print(
        f"\nPages, seed_demo --scale {options.scale}, {options.requests} requests each"
    )
    print("through Django's request stack in one process, signed in:\n")
    print(f"{'page':18}{'p50 ms':>9}{'p95 ms':>9}{'queries':>9}  goal")
    for figure in figures:
        verdict = "met" if figure.is_met else "MISSED"
        print(
            f"{figure.name:18}{figure.p50:9.1f}{figure.p95:9.1f}"
            f"{figure.queries:9d}  {verdict} (≤ {LIMIT_MS} ms, ≤ {LIMIT_QUERIES})"
        )


if __name__ == "__main__":
    raise SystemExit(main())

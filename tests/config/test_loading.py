"""What a process holds in memory before it does anything."""

import os
import re
import subprocess
import sys

import pytest

from config.celery import app
from config.schedule import SCHEDULE
from tests.fakes.servers import ROOT

# In megabytes, each more than many a small server: numpy 16, duckdb 27, scipy 43,
# scikit-learn 60. Statistics are worked out by jobs and read by pages.
HEAVY = {"numpy", "duckdb", "scipy", "sklearn", "reportlab"}
# The forecast and the answers of the read side are arrays on their way to a page.
IN_PAGES = {"numpy"}

# What a task can say of how it is sent; only who has read the task knows.
WAYS = (
    *("queue", "routing_key", "exchange", "priority", "expires", "serializer"),
    *("delivery_mode", "compression", "immediate", "mandatory"),
)


def run(script: str) -> str:
    """Return what ``script`` prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("load", "allowed"),
    [
        ("", set()),
        ("import config.urls", IN_PAGES),
        (
            "from config.celery import app; app.loader.import_default_modules()",
            IN_PAGES,
        ),
    ],
    ids=["commands", "pages", "workers"],
)
def test_heavy_libraries_are_loaded_by_what_needs_them(
    load: str, allowed: set[str]
) -> None:
    script = (
        f"import django, sys; django.setup(); {load or 'pass'}; print(*sys.modules)"
    )

    assert HEAVY & set(run(script).split()) <= allowed


def started_modules() -> list[str]:
    """Return what the commands load that start a process in production."""
    text = (ROOT / "compose.yaml").read_text() + (ROOT / "Dockerfile").read_text()
    named = re.findall(r'"([\w.]+):application"|"-A", "([\w.]+)"', text)
    return sorted({one or other for one, other in named})


def test_every_command_of_production_is_looked_at() -> None:
    assert started_modules() == [
        "config.asgi",
        "config.celery",
        "inference.gateway.alone",
    ]


@pytest.mark.parametrize("module", [*started_modules(), "django.conf"])
def test_what_is_started_adds_up_in_one_thread(module: str) -> None:
    """A worker of concurrency N runs N threads of sums, not N times the cores."""
    script = (
        "import os; os.environ.pop('OMP_NUM_THREADS', None);"
        "os.environ.pop('OPENBLAS_NUM_THREADS', None);"
        f"import {module}; from django.conf import settings; settings.DEBUG;"
        "import sklearn.linear_model; from threadpoolctl import threadpool_info;"
        "print(*{pool['num_threads'] for pool in threadpool_info()})"
    )

    assert run(script).split() == ["1"]


def test_workers_share_what_they_have_loaded() -> None:
    """A child has its own copy of each page that a collection writes to."""
    script = (
        "import config.celery, gc, django; django.setup();"
        "from celery.signals import worker_before_create_process as forking;"
        "forking.send(sender=None); print(gc.get_freeze_count(), len(gc.get_objects()))"
    )

    shared, own = map(int, run(script).split())

    assert shared > 100 * own


def test_beat_loads_the_settings_and_no_app() -> None:
    script = (
        "import sys; from config.celery import app; from django.apps import apps;"
        "app.Beat(quiet=True).init_loader();"
        "print(apps.ready, 'accounts' in sys.modules, 'config.beat' in sys.modules)"
    )

    assert run(script).split() == ["False", "False", "True"]


def test_what_beat_sends_by_name_says_nothing_about_its_way() -> None:
    """Only the schedule and the routes do: beat never reads the tasks."""
    app.loader.import_default_modules()
    tasks = [app.tasks[entry["task"]] for entry in SCHEDULE.values()]
    usual = app.tasks["celery.backend_cleanup"]

    for task in tasks:
        for name in (*WAYS, "ignore_result"):
            assert getattr(task, name, None) == getattr(usual, name, None), task.name

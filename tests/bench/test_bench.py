"""The harness itself: it runs, counts right and says what it missed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import footprint, pinned
from tests.bench.processes import memory_bytes, processor_seconds, tree
from tests.bench.table import at_least, at_most, print_table
from tests.prepared import dump_file

ROOT = Path(__file__).resolve().parents[2]


def test_a_figure_is_met_at_its_floor_and_missed_beyond() -> None:
    assert at_most("p", "n", 3.0, 3.0, method="m").verdict == "met"
    assert at_most("p", "n", 3.1, 3.0, method="m").verdict == "MISSED"
    assert at_least("p", "n", 2000, 2000, method="m").floor == "≥ 2,000"
    assert at_least("p", "n", 1999, 2000, method="m").is_met is False


def test_the_table_names_every_figure_and_the_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table([at_most("pages", "topic: p95", 12.5, 100, unit="ms", method="how")])

    out = capsys.readouterr().out
    assert "pages  topic: p95  12.50 ms  ≤ 100 ms  met  how" in out
    assert f"{os.cpu_count()} cores" in out


def test_a_tree_of_processes_is_counted_with_its_children() -> None:
    code = "import time; x = bytearray(30_000_000); sum(range(10**6)); time.sleep(30)"
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        figures = footprint.figures_of(os.getpid(), rest=0, watch=0.5)

        assert child.pid in tree(os.getpid())
        assert memory_bytes(child.pid) > 0
        assert processor_seconds(child.pid) > 0
        assert [figure.name for figure in figures[:2]] == [
            "memory of all processes",
            "processor when idle",
        ]
    finally:
        child.kill()
        child.wait()
    assert memory_bytes(child.pid) == 0


def test_a_pinned_command_runs_on_its_core_only() -> None:
    code = "import os; print(os.sched_getaffinity(0))"

    done = subprocess.run(
        pinned.command(pinned.OTHERS, [sys.executable, "-c", code]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    assert done.stdout.strip() == str({pinned.OTHERS})


@pytest.mark.bench
@pytest.mark.smoke
def test_the_gateway_bench_runs_and_its_sums_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--only", "gateway"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if name not in {"DATABASE_URL", "REDIS_URL", "REDIS_PREFIX"}
            },
            "BENCH_DUMP": str(dump_file()),
        },
    )

    assert done.returncode == 0, done.stderr[-2000:]
    for name in ("ratio to the bare proxy", "added to the first token", "usage rows"):
        assert name in done.stdout

"""Everything that is measured, in one table: ``make bench``.

A missed floor is printed as missed; only a part that could not be run is a failure.
Each part has a process of its own, because each brings a database of its own.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from tests.bench import analytics, closing, footprint, gateway, models, pages  # noqa: E402
from tests.bench.table import Figure, print_table  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append")
    parser.add_argument("--scale", default="m", choices=["s", "m", "l"])
    parser.add_argument("--quick", action="store_true", help="see that it runs at all")
    parser.add_argument("--json", action="store_true", help="the figures of one part")
    options = parser.parse_args()
    wanted = options.only or list(PARTS)
    if options.json:
        figures = [figure for name in wanted for figure in PARTS[name](options)]
        print(json.dumps([asdict(figure) for figure in figures]))
        return 0

    figures, broken = [], []
    for name in wanted:
        print(f"{name} …", file=sys.stderr, flush=True)
        found = _run(name, options)
        figures += found
        if not found:
            broken.append(name)
    print_table(figures)
    missed = [figure for figure in figures if figure.is_met is False]
    if missed:
        print(f"{len(missed)} missed")
    elif figures and not broken:
        print("Every floor is met.")
    if broken:
        print(f"Could not be run: {', '.join(broken)}")
    return 1 if broken else 0


PARTS: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "gateway": lambda options: gateway.measure(is_quick=options.quick),
    "pages": lambda options: pages.measure(
        scale="s" if options.quick else options.scale,
        requests=5 if options.quick else 60,
    ),
    "models": lambda options: models.measure(is_quick=options.quick),
    "analytics": lambda options: analytics.measure(is_quick=options.quick),
    "closing": lambda options: closing.measure(is_quick=options.quick),
    "footprint": lambda options: footprint.measure(is_quick=options.quick),
}


def _run(name: str, options: argparse.Namespace) -> list[Figure]:
    """Measure one part in a process; no figures when it failed."""
    command = [sys.executable, "-m", "tests.bench", "--json", "--only", name]
    command += ["--scale", options.scale, *(["--quick"] if options.quick else [])]
    path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return []
    # What a part prints on its way, such as progress, comes before the figures.
    return [Figure(**figure) for figure in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    raise SystemExit(main())

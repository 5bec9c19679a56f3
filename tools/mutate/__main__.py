"""``python -m tools.mutate``: draw mutants, run the tests on each, write a report.

A mutant is the product with one small change: a lock left out, ``<=`` for ``<``, the
other way of rounding. One that no test notices shows what is not tested. Prints a
line for each and ends with 1 when fewer than ``ENOUGH`` were killed.
"""

import argparse
import os
import queue
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from pathlib import Path

from tools.mutate.explained import explanation_of
from tools.mutate.mutants import ROOT, Mutant, Place, draw, places
from tools.mutate.running import CannotJudge, Copy, cover, is_killed, make_copy

FOLDER = ROOT / "var" / "mutate"
# Of ten small faults nine are seen; the tenth mostly changes nothing (a hint, a size).
ENOUGH = 0.9


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    chosen = [place for place in places() if asked.place in {"", place.name}]
    drawn = {place: draw(place, asked.seed) for place in chosen}
    if asked.list:
        print(*(mutant for mutants in drawn.values() for mutant in mutants), sep="\n")
        return 0
    try:
        results = run(drawn, asked.jobs)
    except CannotJudge as no:
        print(f"Nothing was judged: {no}", file=sys.stderr)
        return 2
    report = FOLDER / "report.md"
    report.write_text("\n".join(write_report(drawn, results)) + "\n")
    killed = sum(results.values())
    print(
        f"{killed} of {len(results)} killed; {report.relative_to(ROOT)} has the rest."
    )
    return 0 if killed >= ENOUGH * len(results) else 1


def run(drawn: dict[Place, list[Mutant]], jobs: int) -> dict[Mutant, bool]:
    """Return for each mutant whether a test killed it. Raises ``CannotJudge``."""
    copies: queue.Queue[Copy] = queue.Queue()
    for number in range(jobs):
        copies.put(make_copy(FOLDER / f"copy{number}"))
    first = copies.queue[0]
    covered = {
        place: cover(first, [*place.tests], [*place.modules], jobs) for place in drawn
    }
    todo = [(place, mutant) for place in drawn for mutant in drawn[place]]

    def judge(item: tuple[Place, Mutant]) -> tuple[Mutant, bool]:
        place, mutant = item
        copy = copies.get()
        try:
            killed = is_killed(copy, mutant, covered[place])
        finally:
            copies.put(copy)
        print("killed " if killed else "ALIVE  ", mutant, flush=True)
        return mutant, killed

    with ThreadPoolExecutor(jobs) as pool:
        return dict(pool.map(judge, todo))


def write_report(
    drawn: dict[Place, list[Mutant]], results: dict[Mutant, bool]
) -> Iterable[str]:
    yield "# Mutants"
    for place, mutants in drawn.items():
        killed = sum(results[mutant] for mutant in mutants)
        yield f"\n## {place.name}: {killed} of {len(mutants)} killed\n\n{place.why}"
        for mutant in mutants:
            if not results[mutant]:
                yield f"\n### {mutant}\n\n{explanation_of(mutant)}\n\n```diff"
                yield from _difference(mutant)
                yield "```"


def _difference(mutant: Mutant) -> Iterable[str]:
    source = Path(ROOT / mutant.module).read_text()
    return unified_diff(
        source.splitlines(), mutant.code(source).splitlines(), lineterm="", n=2
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.mutate")
    parser.add_argument("--place", default="", help="only this place of places.toml")
    parser.add_argument("--seed", type=int, default=1, help="another draw (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="only say what is drawn")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

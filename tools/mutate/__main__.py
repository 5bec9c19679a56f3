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
from contextlib import ExitStack
from difflib import unified_diff
from pathlib import Path

from tools.mutate.explained import explanation_of
from tools.mutate.mutants import ROOT, Mutant, Place, draw, places
from tools.mutate.running import CannotJudge, Copy, cover, is_killed, make_copy, served

FOLDER = ROOT / "var" / "mutate"
REPORT = FOLDER / "report.md"
# Of ten small faults nine are seen; the tenth mostly changes nothing (a hint, a size).
ENOUGH = 0.9


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    chosen = [place for place in places() if asked.place in {"", place.name}]
    drawn = {place: draw(place, asked.seed) for place in chosen}
    if asked.list:
        print(*(mutant for mutants in drawn.values() for mutant in mutants), sep="\n")
        return 0
    if not asked.again:
        for place in chosen:
            _measured(place).unlink(missing_ok=True)
    results: dict[Mutant, bool] = {}
    with ExitStack() as stack:
        made = [make_copy(FOLDER / f"copy{number}") for number in range(asked.jobs)]
        copies = [stack.enter_context(served(copy)) for copy in made]
        for place, mutants in drawn.items():
            try:
                results |= judge(place, mutants, copies)
            except CannotJudge as no:
                print(f"{place.name} was not judged: {no}", file=sys.stderr)
            # What is known is kept, should the rest be broken off.
            write_report(drawn, results)
    killed = sum(results.values())
    print(
        f"{killed} of {len(results)} killed; {REPORT.relative_to(ROOT)} has the rest."
    )
    if len(results) < sum(map(len, drawn.values())):
        return 2
    return 0 if killed >= ENOUGH * len(results) else 1


def judge(
    place: Place, mutants: list[Mutant], copies: list[Copy]
) -> dict[Mutant, bool]:
    """Return for each mutant that could be judged whether a test killed it.

    Raises ``CannotJudge`` where none can be.
    """
    covered = cover(
        copies[0],
        [*place.tests],
        [*place.modules],
        len(copies),
        data=_measured(place),
    )
    free: queue.Queue[Copy] = queue.Queue()
    for copy in copies:
        free.put(copy)

    found: dict[Mutant, bool] = {}

    def try_out(mutant: Mutant) -> None:
        copy = free.get()
        try:
            found[mutant] = is_killed(copy, mutant, covered)
        except CannotJudge as no:
            print("UNKNOWN", mutant, no, flush=True)
        else:
            print("killed " if found[mutant] else "ALIVE  ", mutant, flush=True)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(try_out, mutants))
    return found


def _measured(place: Place) -> Path:
    return FOLDER / f"{place.name}.coverage"


def write_report(drawn: dict[Place, list[Mutant]], results: dict[Mutant, bool]) -> None:
    REPORT.write_text("\n".join(report(drawn, results)) + "\n")


def report(
    drawn: dict[Place, list[Mutant]], results: dict[Mutant, bool]
) -> Iterable[str]:
    yield "# Mutants"
    for place, mutants in drawn.items():
        judged = [mutant for mutant in mutants if mutant in results]
        killed = sum(results[mutant] for mutant in judged)
        yield f"\n## {place.name}: {killed} of {len(judged)} killed\n\n{place.why}"
        for mutant in judged:
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
    parser.add_argument("--place", default="", help="only this of places.toml")
    parser.add_argument("--seed", type=int, default=1, help="another draw (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--again", action="store_true", help="by the lines tests ran the last time"
    )
    parser.add_argument("--list", action="store_true", help="only say what is drawn")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

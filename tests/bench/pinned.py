"""Run a command on some cores only: ``python -m tests.bench.pinned 0 command …``."""

import os
import sys
from collections.abc import Iterable

ALL = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
# What is measured has one core to itself; everything else shares another.
MEASURED, OTHERS = ALL[0], ALL[-1]


def command(core: int, wanted: Iterable[str]) -> list[str]:
    """Return ``wanted`` pinned to one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return list(wanted)
    return [sys.executable, "-m", "tests.bench.pinned", str(core), *wanted]


def main() -> None:
    core, *wanted = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    os.execvp(wanted[0], wanted)  # noqa: S606


if __name__ == "__main__":
    main()

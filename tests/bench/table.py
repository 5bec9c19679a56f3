"""One line for each thing that is measured, and the machine it was measured on."""

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was measured, how, and what it has to be."""

    part: str
    name: str
    value: str
    method: str
    floor: str = ""
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.is_met]


def at_most(part: str, name: str, value: float, floor: float, **texts: str) -> Figure:
    """Return a figure that must not be larger than its floor."""
    unit = texts.pop("unit", "")
    return Figure(
        part=part,
        name=name,
        value=_written(value, unit),
        floor=f"≤ {_written(floor, unit)}",
        is_met=value <= floor,
        method=texts["method"],
    )


def at_least(part: str, name: str, value: float, floor: float, **texts: str) -> Figure:
    """Return a figure that must not be smaller than its floor."""
    unit = texts.pop("unit", "")
    return Figure(
        part=part,
        name=name,
        value=_written(value, unit),
        floor=f"≥ {_written(floor, unit)}",
        is_met=value >= floor,
        method=texts["method"],
    )


def noted(part: str, name: str, value: float, **texts: str) -> Figure:
    """Return a figure that explains others and has no floor."""
    unit = texts.pop("unit", "")
    return Figure(
        part=part, name=name, value=_written(value, unit), method=texts["method"]
    )


def print_table(figures: Iterable[Figure]) -> None:
    """Print every figure and the machine."""
    rows = [
        (f.part, f.name, f.value, f.floor, f.verdict, f.method)
        for f in sorted(figures, key=lambda figure: figure.part)
    ]
    head = ("part", "figure", "value", "floor", "", "method")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(5)]
    print()
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[5]]).rstrip())
    print(f"\n{machine()}")


def machine() -> str:
    """Describe the machine, as far as it decides the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, "
        f"{platform.system()} {platform.release()}, "
        f"Python {sys.version.split()[0]}, load average {load:.1f} at the end"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _written(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".strip()

"""How many branches the tests take, by area; the money path has a floor.

python -m tools.branches     after ``make test ARGS="--cov --cov-report="``
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
AREAS = ("community", "inference", "billing", "platform")
# From the price of a call to the line of an invoice, and what grants a plan.
MONEY_PATH = (
    "billing/ledger",
    "billing/plans",
    "billing/stripe",
    "billing/subscriptions",
    "inference/catalog",
    "inference/gateway/admission",
    "inference/gateway/exchange",
    "inference/gateway/settlement",
    "inference/gateway/sweeping",
    "inference/limits",
    "inference/protocol/metering",
    "inference/usage",
    "platform/core/money",
    "platform/entitlements",
)
# What is left are guards against what the database refuses first.
FLOOR = 0.95


@dataclass(frozen=True)
class Count:
    """Branches of some files: how many there are, how many a test took."""

    all: int
    taken: int

    @property
    def share(self) -> float:
        return self.taken / self.all if self.all else 1.0

    def __str__(self) -> str:
        return f"{self.share:6.1%}  {self.taken} of {self.all} branches"


def read_counts(data_file: Path = ROOT / ".coverage") -> dict[str, Count]:
    """Return the branches of each file, by its path from the root.

    Raises ``coverage.exceptions.NoDataError`` when no tests were measured.
    """
    coverage = Coverage(
        data_file=str(data_file), config_file=str(ROOT / "pyproject.toml")
    )
    coverage.load()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    return {
        path: Count(
            fields["summary"]["num_branches"], fields["summary"]["covered_branches"]
        )
        for path, fields in files.items()
    }


def summed(counts: dict[str, Count], *places: str) -> Count:
    """Return the sum over the files that begin with one of ``places``."""
    of = [count for path, count in counts.items() if path.startswith(places)]
    return Count(sum(count.all for count in of), sum(count.taken for count in of))


def complaints(counts: dict[str, Count]) -> Iterator[str]:
    """Yield what is below the floor, and places that hold no branch any more."""
    for place in MONEY_PATH:
        if not summed(counts, place).all:
            yield f"{place}: nothing was measured there; has it moved?"
    money = summed(counts, *MONEY_PATH)
    if money.share < FLOOR:
        yield f"money path: {money}, at least {FLOOR:.0%}. The emptiest files:"
        files = [path for path in counts if path.startswith(MONEY_PATH)]
        for path in sorted(
            files, key=lambda path: counts[path].taken - counts[path].all
        )[:10]:
            yield f"  {counts[path]}  {path}"


def main() -> int:
    counts = read_counts()
    for area in AREAS:
        print(f"{area:12}{summed(counts, area)}")
    print(f"{'money path':12}{summed(counts, *MONEY_PATH)}")
    found = list(complaints(counts))
    print(*found, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

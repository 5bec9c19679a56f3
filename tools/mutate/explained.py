"""Why some mutants live on: ``explained.toml``, by the line they change."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.mutate.mutants import ROOT, Mutant

FILE = Path(__file__).parent / "explained.toml"


@dataclass(frozen=True)
class Explanation:
    """``text`` is the changed line without its indent: numbers of lines move."""

    module: str
    function: str
    operator: str
    text: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        same = (mutant.module, mutant.function, mutant.operator)
        if same != (self.module, self.function, self.operator):
            return False
        lines = (ROOT / mutant.module).read_text().splitlines()
        return lines[mutant.line - 1].strip() == self.text


def explanations() -> list[Explanation]:
    found: Iterable[dict[str, str]] = tomllib.loads(FILE.read_text())["alive"]
    return [Explanation(**fields) for fields in found]


def explanation_of(mutant: Mutant) -> str:
    for explanation in explanations():
        if explanation.fits(mutant):
            return explanation.reason
    return "Not explained: it wants a test."

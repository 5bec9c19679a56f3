"""The steps of ``CONTRIBUTING.md``, as its blocks and the sentences above them say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BEGIN, _END = "\n## Your first change\n", "\n### The commit\n"
_BLOCK = re.compile(r"(?:([^\n`][^\n]*)\n\n)?```(\w+)\n(.*?)```\n", re.DOTALL)
_PLACES = {
    "end": re.compile(r"At the end of `([^`]+)`:"),
    "new": re.compile(r"New, `([^`]+)`:"),
    "after": re.compile(r"After (?:`` (.+) ``|`([^`]+)`) in `([^`]+)`:"),
    "translated": re.compile(r"Translated in `([^`]+)`:"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One block: a command to run, or text and where in which file it belongs."""

    kind: str
    text: str
    path: str = ""
    anchor: str = ""

    def apply(self, root: Path) -> None:
        """Change the file below ``root``. Raises ``ValueError`` if it does not fit."""
        file = root / self.path
        if self.kind == "new":
            if file.exists():
                raise ValueError(f"{self.path} is there already")
            file.write_text(self.text)
            return
        before = file.read_text()
        if self.kind == "end":
            after = before + self.text
        elif self.kind == "after":
            after = self._inserted(before)
        else:
            after = self._translated(before)
        file.write_text(after)

    def _inserted(self, before: str) -> str:
        lines = before.splitlines(keepends=True)
        found = [at for at, line in enumerate(lines, 1) if line.strip() == self.anchor]
        if len(found) != 1:
            raise ValueError(f"{self.path} has {len(found)} lines {self.anchor!r}")
        return "".join([*lines[: found[0]], self.text, *lines[found[0] :]])

    def _translated(self, before: str) -> str:
        for entry in self.text.strip().split("\n\n"):
            empty = re.sub(
                r'^(msgstr(?:\[0\])?) ".*"$', r'\1 ""', entry, flags=re.MULTILINE
            )
            if before.count(empty) != 1:
                raise ValueError(f"{self.path} has no untranslated {entry!r}")
            before = before.replace(empty, entry)
        return before


def steps() -> Iterator[Step]:
    """Yield what the guide says to do, in its order."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    part = guide[guide.index(_BEGIN) : guide.index(_END)]
    for sentence, language, text in _BLOCK.findall(part):
        if language == "sh":
            yield from (Step("run", line) for line in text.splitlines())
            continue
        for kind, place in _PLACES.items():
            if found := place.fullmatch(sentence):
                *anchors, path = found.groups()
                yield Step(kind, text, path, next(filter(None, anchors), ""))
                break
        else:
            raise ValueError(f"Nobody can tell where this goes: {sentence!r}")

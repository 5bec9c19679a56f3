"""The lines of a text that show why it was found."""

import re
from html import escape

from django.utils.safestring import SafeString, mark_safe

from search.text import normalise, stem, words

_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|\w+|\W+", re.UNICODE)


def snippet(source: str, wanted: str, *, length: int = 220) -> SafeString:
    """Return about ``length`` characters around the first match, matches marked."""
    stems = {stem(run) for run, is_han in words(wanted) if not is_han}
    runs = [run for run, is_han in words(wanted) if is_han]
    start = _first_match(source, stems, runs)
    begin = max(0, start - length // 3)
    if begin:
        begin = source.find(" ", begin, start) + 1 or begin
    cut = source[begin : begin + length]
    marked = _mark(cut, stems, runs)
    before = "… " if begin else ""
    after = " …" if begin + length < len(source) else ""
    # Every piece of the text was escaped by ``_mark``.
    return mark_safe(f"{before}{marked}{after}")  # noqa: S308


def _first_match(source: str, stems: set[str], runs: list[str]) -> int:
    position = 0
    for piece in _WORD.findall(source):
        folded = normalise(piece)
        if stem(folded) in stems or any(run in folded for run in runs):
            return position
        position += len(piece)
    return 0


def _mark(cut: str, stems: set[str], runs: list[str]) -> str:
    marked = []
    for piece in _WORD.findall(cut):
        folded = normalise(piece)
        safe = escape(piece)
        if stem(folded) in stems:
            safe = f"<mark>{safe}</mark>"
        else:
            for run in runs:
                safe = safe.replace(escape(run), f"<mark>{escape(run)}</mark>")
        marked.append(safe)
    return "".join(marked)

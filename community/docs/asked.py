"""Questions a section answers, as its writers expect them: a comment beside its text.

::

    ## Set a budget

    <!-- asked
    limit what a person may spend
    monthly cap for a project
    -->

One question a line, in the words of people who have not read the section. Readers do
not see them; search and the documentation assistants find the section by them.
"""

from collections.abc import Iterator, Sequence

from design.markdown import Section, SourceComment

WORD = "asked"
# More questions are more sections; each has a vector of its own.
MOST = 30
# Two lines of a page: a question, no paragraph.
MAX_LENGTH = 200


def questions_of(section: Section) -> tuple[str, ...]:
    """Return the questions written beside a section."""
    return tuple(dict.fromkeys(text for _line, text in _lines(section.comments)))


def findings(sections: Sequence[Section]) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the questions of a page; lines count from 0."""
    for section in sections:
        lines = list(_lines(section.comments))
        if lines and section.heading and not section.source:
            yield lines[0][0], "these questions stand under a heading without a text."
        for line, text in lines:
            if len(text) > MAX_LENGTH:
                told = f"this question has {len(text)} characters;"
                yield line, f"{told} {MAX_LENGTH} are the most."
        if len(lines) > MOST:
            told = f"this section has {len(lines)} questions; {MOST} are the most."
            yield lines[MOST][0], told


def _lines(comments: Sequence[SourceComment]) -> Iterator[tuple[int, str]]:
    for comment in comments:
        first, *lines = comment.text.split("\n")
        if first.strip() != WORD:
            continue
        for at, line in enumerate(lines, start=1):
            text = " ".join(line.split())
            if text:
                yield comment.start + at, text

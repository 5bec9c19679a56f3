"""What a check of a server found: a code that is kept, a sentence that is read."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


class Check(StrEnum):
    """What is tried, in the order of a card."""

    CHAT = "chat"
    USAGE = "usage"
    STREAM = "stream"
    STREAM_USAGE = "stream_usage"
    MAXIMUM = "maximum"
    STOP = "stop"
    TOOLS = "tools"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RERANK = "rerank"
    MODERATION = "moderation"
    LIMIT_NAME = "limit_name"


class Outcome(StrEnum):
    """How it ended: ``EMPTY`` is an answer without what was asked for."""

    PASSED = "passed"
    MISSING = "missing"
    REFUSED = "refused"
    EMPTY = "empty"


_SENTENCES: dict[tuple[Check, Outcome], Promise] = {
    (Check.CHAT, Outcome.PASSED): _("It answers a short chat."),
    (Check.CHAT, Outcome.MISSING): _("It does not chat"),
    (Check.CHAT, Outcome.EMPTY): _("Its answer to a chat holds no text."),
    (Check.USAGE, Outcome.PASSED): _("It reports what a call used."),
    (Check.USAGE, Outcome.MISSING): _(
        "It does not report what a call used: calls are metered by an estimate of "
        "their text, and marked so."
    ),
    (Check.STREAM, Outcome.PASSED): _("It streams."),
    (Check.STREAM, Outcome.MISSING): _("It does not stream"),
    (Check.STREAM, Outcome.EMPTY): _("Its streams hold no text."),
    (Check.STREAM_USAGE, Outcome.PASSED): _("Its streams report what was used."),
    (Check.STREAM_USAGE, Outcome.MISSING): _(
        "Its streams do not report what was used, though it is asked to: they are "
        "metered by an estimate."
    ),
    (Check.MAXIMUM, Outcome.PASSED): _("It keeps to the longest answer allowed."),
    (Check.MAXIMUM, Outcome.MISSING): _(
        "It writes more than the longest answer allowed: a call can cost more than was "
        "held for it."
    ),
    (Check.MAXIMUM, Outcome.REFUSED): _("It refuses a longest answer of a few tokens"),
    (Check.STOP, Outcome.PASSED): _("It ends where it is told to stop."),
    (Check.STOP, Outcome.MISSING): _("It writes on past where it is told to stop."),
    (Check.STOP, Outcome.REFUSED): _("It refuses to be told where to stop"),
    (Check.TOOLS, Outcome.PASSED): _("It calls a function."),
    (Check.TOOLS, Outcome.EMPTY): _(
        "It takes functions, but called none when it was asked to."
    ),
    (Check.TOOLS, Outcome.REFUSED): _("It takes no functions"),
    (Check.COMPLETIONS, Outcome.PASSED): _("It completes a text."),
    (Check.EMBEDDINGS, Outcome.PASSED): _("It makes embeddings."),
    (Check.EMBEDDINGS, Outcome.MISSING): _("It makes no embeddings"),
    (Check.RERANK, Outcome.PASSED): _("It ranks documents."),
    (Check.RERANK, Outcome.MISSING): _("It ranks no documents"),
    (Check.RERANK, Outcome.EMPTY): _("Its ranking holds no document."),
    (Check.MODERATION, Outcome.PASSED): _("It judges texts."),
    (Check.MODERATION, Outcome.MISSING): _("It judges no texts"),
    (Check.MODERATION, Outcome.EMPTY): _("Its judgement of a text is empty."),
    (Check.LIMIT_NAME, Outcome.PASSED): _(
        "It calls the longest answer max_completion_tokens."
    ),
}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check; ``words`` are the server's own, empty where it said nothing."""

    check: Check
    outcome: Outcome
    words: str = ""

    @property
    def is_passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    @property
    def sentence(self) -> str | Promise:
        """Say it in the reader's language; only the server's words stay as they are."""
        told = _SENTENCES[self.check, self.outcome]
        return format_lazy("{} ({}).", told, self.words) if self.words else told

    def written(self) -> dict[str, str]:
        """Return it as a row of JSON keeps it."""
        return {"check": self.check, "outcome": self.outcome, "words": self.words}


def read(rows: list[dict[str, str]]) -> list[CheckResult]:
    """Return the findings of a row, without those that this release does not know."""
    known = []
    for row in rows:
        try:
            check, outcome = Check(row["check"]), Outcome(row["outcome"])
        except (KeyError, ValueError):
            continue
        if (check, outcome) in _SENTENCES:
            known.append(CheckResult(check, outcome, str(row.get("words", ""))))
    return known

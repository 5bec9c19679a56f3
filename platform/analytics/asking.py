"""Asking a question, of the cache first."""

from django.core.cache import cache

from analytics.answers import Answer
from analytics.engines import engine
from analytics.questions import Question

# As old as an answer may be beside the feed's half a minute; each page says its moment.
SECONDS = 60


def ask(question: Question) -> Answer:
    """Return what is known, at most a minute old. Raises ``NoAnswer``."""
    name = f"analytics:{question.key()}"
    kept: Answer | None = cache.get(name)
    if kept is not None:
        return kept
    answer = engine().answer(question)
    cache.set(name, answer, SECONDS)
    return answer

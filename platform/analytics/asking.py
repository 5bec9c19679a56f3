"""Asking a question, of the cache first."""

from typing import TypeVar, cast

from django.core.cache import cache

from analytics.answers import (
    Answer,
    FunnelAnswer,
    PeopleAnswer,
)
from analytics.engines import engine
from analytics.questions import Funnel, People, Question

A = TypeVar("A", bound=Answer)
# As old as an answer may be beside the feed's half a minute; each page says its moment.
SECONDS = 60


def ask_funnel(question: Funnel) -> FunnelAnswer:
    return cast(FunnelAnswer, _ask(question))


def ask_people(question: People) -> PeopleAnswer:
    return cast(PeopleAnswer, _ask(question))


def _ask(question: Question) -> Answer:
    """Return what is known, at most a minute old."""
    name = f"analytics:{question.key()}"
    kept: Answer | None = cache.get(name)
    if kept is not None:
        return kept
    answer = engine().answer(question)
    cache.set(name, answer, SECONDS)
    return answer

"""Questions to begin with, which the documentation assistants answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from inference.catalog.models import Model

# Whom they are for: every installation has it, and every plan includes it.
ASSISTANT = "doorstone-docs"
_QUESTIONS = (
    gettext_noop("How do I stream an answer?"),
    gettext_noop("How do I rotate a key?"),
    gettext_noop("What does insufficient_quota mean?"),
    gettext_noop("How do I back up the database?"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A question, and the model to ask."""

    prompt: str
    model: str


def samples(models: Iterable[Model]) -> list[Sample]:
    """Return questions in the reader's language, if the assistant is on offer."""
    if all(model.slug != ASSISTANT for model in models):
        return []
    return [Sample(_(question), ASSISTANT) for question in _QUESTIONS]

"""What a saved report asks, and what is made of the answer."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from analytics.answers import Answer
from analytics.asking import ask
from analytics.engines.protocol import NoAnswer
from analytics.kinds import KINDS, ReportKind
from analytics.models import SavedReport
from analytics.questions import Question


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """A saved report with its answer.

    ``answer`` is empty where ``question`` is, since its words cannot be asked any more,
    and where there is none just now.
    """

    report: SavedReport
    kind: ReportKind
    question: Question | None
    answer: Answer | None

    @property
    def context(self) -> dict[str, Any]:
        """Return what the kind's template draws."""
        values = {"question": self.question, "answer": self.answer}
        if self.answer is None:
            return values
        return {**values, **self.kind.context(self.question, self.answer)}


def question_of(report: SavedReport) -> Question | None:
    """Return what a report asks today; nothing if it cannot be asked any more."""
    kind = KINDS[report.kind]
    form = kind.form(kind.asked(QueryDict(report.query)))
    return form.question if form.is_valid() else None


def answer_saved(report: SavedReport) -> SavedAnswer:
    """Answer a saved report, as far as that is possible."""
    question, answer = question_of(report), None
    if question is not None:
        try:
            answer = ask(question)
        except NoAnswer:
            answer = None
    return SavedAnswer(report, KINDS[report.kind], question, answer)

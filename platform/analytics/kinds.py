"""The kinds of reports: which form, which first question, which lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics import question_forms as forms
from analytics import tables
from analytics.forms import QuestionForm
from analytics.models import SavedReport
from core.reading import Values

Context = Callable[[Any, Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One kind. ``first`` is what is asked while nothing else is."""

    name: str
    title: str | Promise
    form: Callable[..., QuestionForm]
    first: str
    context: Context
    cells: Callable[[Any, Any], tables.Cells]

    @property
    def page(self) -> str:
        return f"analytics:{self.name}"

    @property
    def answer_template(self) -> str:
        return f"analytics/_{self.name}_answer.html"

    def asked(self, query: QueryDict) -> QueryDict:
        """Return what was asked, else the question that most ask first."""
        return query if Values(query).has("s0") else QueryDict(self.first)


def _funnel(question: Any, answer: Any) -> Mapping[str, Any]:
    return {"bars": tables.bars_of(question, answer)}


def _trend(question: Any, answer: Any) -> Mapping[str, Any]:
    lines = tables.drawn_lines(question, answer)
    cells = list(tables.trend_cells(question, answer))
    return {
        "plot": tables.plot_of(lines, is_averaged=question.average > 1),
        "head": cells[0],
        "lines": cells[1:],
    }


def _retention(question: Any, answer: Any) -> Mapping[str, Any]:
    return {"numbers": range(1, question.buckets + 1)}


def _paths(question: Any, answer: Any) -> Mapping[str, Any]:
    return {"depths": tables.depths_of(answer)}


def _segment(question: Any, answer: Any) -> Mapping[str, Any]:
    return {}


KINDS = {
    kind.name: kind
    for kind in (
        # From the sign-up to the first money.
        ReportKind(
            SavedReport.Kind.FUNNEL,
            _("Funnel"),
            forms.FunnelForm,
            "steps=4&s0=user_signed_up&s1=email_verified&s2=first_call_succeeded"
            "&s3=invoice_paid",
            _funnel,
            tables.funnel_cells,
        ),
        ReportKind(
            SavedReport.Kind.TREND,
            _("Trend"),
            forms.TrendForm,
            "steps=2&s0=page_viewed&s1=user_signed_up&bucket=week",
            _trend,
            tables.trend_cells,
        ),
        ReportKind(
            SavedReport.Kind.RETENTION,
            _("Retention"),
            forms.RetentionForm,
            "s0=user_signed_up&s1=page_viewed&bucket=week",
            _retention,
            tables.retention_cells,
        ),
        ReportKind(
            SavedReport.Kind.PATHS,
            _("Paths"),
            forms.PathsForm,
            "s0=user_signed_up",
            _paths,
            tables.paths_cells,
        ),
        ReportKind(
            SavedReport.Kind.SEGMENT,
            _("Segment"),
            forms.SegmentForm,
            "steps=2&s0=page_viewed&s0least=3&s0days=30",
            _segment,
            tables.segment_cells,
        ),
    )
}

"""The kinds of reports: which form, which first question, which lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics import question_forms as forms
from analytics import tables
from analytics.engines.placing import zone
from analytics.forms import QuestionForm
from analytics.models import Annotation, SavedReport
from analytics.questions import Span
from core.reading import Values

# More lines than that hide the chart they are to explain.
MOST_MARKS = 40

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
    marks = tables.marks_of(
        answer.buckets, _annotations(question.period), question.bucket
    )
    notes = [
        [mark for mark in marks if mark.bucket == index]
        for index in range(len(answer.buckets))
    ]
    return {
        "plot": tables.plot_of(lines, is_averaged=question.average > 1),
        "marks": marks,
        "head": cells[0],
        "lines": list(zip(cells[1:], notes, strict=True)),
    }


def _annotations(period: Span) -> list[Annotation]:
    """Return what staff noted for the days of a period, oldest first. One query."""
    first, end = (moment.astimezone(zone()) for moment in (period.start, period.end))
    last = (end - timedelta(microseconds=1)).date()
    noted = Annotation.objects.filter(on__gte=first.date(), on__lte=last)
    return list(noted.order_by("on", "pk")[:MOST_MARKS])


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

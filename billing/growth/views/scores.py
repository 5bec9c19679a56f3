"""The scores of organisations, and how well past ones told who would pay."""

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.growth.judging import WINDOW
from billing.growth.models import LeadScore, ScoreJudgement, ScoreModel
from billing.growth.scoring import label_of, threshold_in_force
from core.reading import cursor_of
from edge.pagination import paginate

# A week of nights: whether one keeps losing narrowly.
CHALLENGERS = 7


@require_safe
@staff_required
def scores(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The newest snapshot, the judgement of older ones, and who challenged them."""
    newest = LeadScore.objects.order_by("-day").values_list("day", flat=True).first()
    page = paginate(
        LeadScore.objects.filter(day=newest or date.min).select_related("organisation"),
        order_by=("-score", "-pk"),
        cursor=cursor_of(request),
    )
    judgement = ScoreJudgement.objects.order_by("-day").first()
    context = {
        "day": newest,
        "page": page,
        "rows": [(row, _reasons(row)) for row in page],
        "threshold": threshold_in_force(),
        "judgement": judgement,
        "groups": _groups(judgement),
        "challengers": ScoreModel.objects.order_by("-made_at")[:CHALLENGERS],
        "window": WINDOW.days,
    }
    return render(request, "growth/scores.html", context)


def _reasons(row: LeadScore) -> list[dict[str, Any]]:
    return [{**each, "label": label_of(each["sign"])} for each in row.reasons]


def _groups(judgement: ScoreJudgement | None) -> list[dict[str, float]]:
    """Return the fifths, the highest first, with shares in per cent."""
    return [
        {
            "rows": rows,
            "paid": paid,
            "score": predicted,
            "share": 100 * paid / rows,
            "low": 100 * low,
            "high": 100 * high,
        }
        for rows, paid, predicted, low, high in reversed(
            judgement.groups if judgement else []
        )
    ]

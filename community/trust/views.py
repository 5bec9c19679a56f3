"""Where a member stands and what counts; the badges there are."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.forum.permissions import can_moderate
from community.standing.models import Level, Trust
from community.standing.queries import level_of
from community.trust import services
from community.trust.badges import BADGES
from community.trust.figures import Figures, figures_of
from community.trust.models import BadgeAward, LevelChange
from community.trust.requirements import GRACE_DAYS, LABELS, REQUIREMENTS
from core.reading import Values
from edge import drafting
from stores import limiter

# As long as the column that keeps it.
MAX_REASON = 300


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def level_page(request: AuthenticatedHttpRequest) -> HttpResponse:
    """My level, what the next one asks for, what keeps this one; measuring now."""
    if request.method == "POST":
        # Who pressed it ten times within an hour read nothing new in between.
        limiter.check("assess", request.user.pk, limit=10, period=3600)
        before = level_of(request.user)
        after = services.assess_person(request.user)
        if after == before:
            messages.info(request, _("Measured: your level is as it was."))
        else:
            messages.success(request, _("Measured: your level has changed."))
        return redirect("trust:levels")
    level = level_of(request.user)
    figures = figures_of([request.user.pk]).get(request.user.pk, Figures())
    trust = Trust.objects.filter(pk=request.user.pk).first()
    context = {
        "level": level,
        "trust": trust,
        "next_level": Level(level + 1) if level < Level.REGULAR else None,
        "rows": _rows(Level(level + 1), figures) if level < Level.REGULAR else [],
        "kept": _rows(level, figures, keeping=True) if level in REQUIREMENTS else [],
        "grace_days": GRACE_DAYS,
        "changes": LevelChange.objects.filter(user=request.user).order_by(
            "-changed_at", "-pk"
        )[:10],
    }
    return render(request, "trust/levels.html", context)


@require_safe
def badge_list(request: HttpRequest) -> HttpResponse:
    """Every badge with its rule, and how many people have it."""
    standing = BadgeAward.objects.filter(revoked_at=None)
    counts = dict(
        standing.values("badge").annotate(n=Count("pk")).values_list("badge", "n")
    )
    mine: set[str] = set()
    if isinstance(request.user, User):
        mine = set(standing.filter(user=request.user).values_list("badge", flat=True))
    context = {
        "rows": [
            (badge, counts.get(badge.slug, 0), badge.slug in mine)
            for badge in BADGES.values()
        ]
    }
    return render(request, "trust/badge_list.html", context)


@require_POST
@sign_in_required
def badge_revoke(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a badge from a person; moderators alone do."""
    if not can_moderate(request.user):
        raise PermissionDenied
    award = get_object_or_404(BadgeAward.objects.select_related("user"), pk=pk)
    reason = Values(request.POST).text("reason", most=MAX_REASON)
    services.revoke_badge(award, by=request.user, reason=reason)
    drafting.accept(request)
    messages.success(request, _("Saved."))
    return redirect(award.user)


def _rows(
    level: Level, figures: Figures, *, keeping: bool = False
) -> list[dict[str, Any]]:
    return [
        {
            "label": LABELS[each.figure],
            "value": getattr(figures, each.figure),
            "bound": each.kept if keeping else each.bound,
            "is_most": each.is_most,
            "is_met": each.is_met(figures, keeping=keeping),
        }
        for each in REQUIREMENTS[level]
    ]

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.decorators import sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.forum.models import Comment, Post, Topic
from community.forum.permissions import can_moderate
from community.imports.queries import origin_of
from community.people.queries import stance_to
from community.reputation.models import Balance, Entry, Reach
from community.reputation.queries import board_of
from community.standing.queries import level_of
from community.trust.badges import BADGES
from community.trust.models import BadgeAward
from core.reading import Values, cursor_of
from edge.pagination import paginate

# One screen of each kind.
RECENT = 10
PERIODS = {
    "all": gettext_lazy("Of all time"),
    "year": gettext_lazy("This year"),
    "month": gettext_lazy("This month"),
    "week": gettext_lazy("This week"),
}
# What a person writes.
KINDS = ("posts", "topics", "comments")


@require_safe
def profile_detail(request: HttpRequest, username: str) -> HttpResponse:
    """A person's public page: what they asked, answered and earned."""
    person = get_object_or_404(_known(), username=username)
    topics = Topic.objects.visible_to(request.user).listed().filter(author=person)
    posts = Post.objects.visible_to(request.user).filter(author=person, hidden_at=None)
    answers = posts.filter(number__gt=1).select_related("topic", "topic__category")
    balance = Balance.objects.filter(user=person).first()
    context = {
        "person": person,
        "stance": stance_to(person, of=request.user),
        "origin": origin_of(person) if person.is_placeholder else None,
        "aside_title": _("Latest points"),
        "points": max(0, balance.points) if balance else 0,
        "topic_count": topics.count(),
        "answer_count": answers.count(),
        "accepted_count": Topic.objects.visible_to(request.user)
        .filter(solution__author=person)
        .count(),
        "topics": topics.order_by("-pk")[:RECENT],
        "answers": answers.order_by("-created_at", "-pk")[:RECENT],
        "entries": Entry.objects.filter(user=person).order_by("-created_at", "-pk")[
            :RECENT
        ],
        "level": level_of(person),
        "badges": [
            (award, BADGES[award.badge])
            for award in BadgeAward.objects.filter(
                user=person, revoked_at=None, badge__in=BADGES
            ).order_by("given_at", "pk")
        ],
        "can_moderate": can_moderate(request.user),
        "github": person.identities.filter(provider="github").first(),
    }
    return render(request, "profiles/profile_detail.html", context)


@require_safe
def activity(request: HttpRequest, username: str) -> HttpResponse:
    """Everything a person wrote that the reader may see, the latest first."""
    person = get_object_or_404(_known(), username=username)
    kind = Values(request.GET).choice("kind", KINDS, default="posts")
    rows: QuerySet[Any]
    if kind == "comments":
        comments = Comment.objects.visible_to(request.user).filter(hidden_at=None)
        rows = comments.select_related("post__topic")
    else:
        posts = Post.objects.visible_to(request.user).filter(hidden_at=None)
        rows = posts.select_related("topic")
        if kind == "topics":
            rows = rows.filter(number=1)
    page = paginate(
        rows.filter(author=person),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    base = reverse("profiles:activity", args=[person.username])
    labels = (_("Posts"), _("Topics"), _("Comments"))
    tabs = [
        (f"{base}?kind={name}", label, name == kind)
        for name, label in zip(KINDS, labels, strict=True)
    ]
    context = {"person": person, "page": page, "kind": kind, "tabs": tabs}
    context["query"] = urlencode({"kind": kind})
    return render(request, "profiles/activity.html", context)


def _known() -> QuerySet[User]:
    """Everybody with a page: who is here, wrote elsewhere, or deleted their account."""
    return User.objects.filter(
        Q(is_active=True) | Q(is_placeholder=True) | Q(erased_at__isnull=False)
    )


@require_safe
@sign_in_required
def reach(request: AuthenticatedHttpRequest) -> HttpResponse:
    """On how many ways to a payment one's own topics and answers were."""
    page = paginate(
        Reach.objects.filter(user=request.user),
        order_by=("-organisations", "-pk"),
        cursor=cursor_of(request),
    )
    topics = Topic.objects.visible_to(request.user).in_bulk(
        [each.object_id for each in page.items if each.kind == Reach.Kind.TOPIC]
    )
    answers = (
        Post.objects.visible_to(request.user)
        .select_related("topic")
        .in_bulk(
            [each.object_id for each in page.items if each.kind == Reach.Kind.ANSWER]
        )
    )
    works: dict[str, Mapping[int, Topic | Post]] = {
        Reach.Kind.TOPIC: topics,
        Reach.Kind.ANSWER: answers,
    }
    lines = [(each, works[each.kind].get(each.object_id)) for each in page.items]
    return render(request, "profiles/reach.html", {"page": page, "lines": lines})


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """Who helped most, ever or in a period."""
    period = Values(request.GET).choice("period", PERIODS, default="all")
    tabs = [(f"?period={name}", PERIODS[name], name == period) for name in PERIODS]
    if period != "all":
        earned = board_of(period)
        people = User.objects.filter(is_active=True).in_bulk([pk for pk, _n in earned])
        rows = [(people[pk], points) for pk, points in earned if pk in people]
        context = {"rows": rows, "tabs": tabs}
        return render(request, "profiles/leaderboard.html", context)
    balances = Balance.objects.filter(points__gt=0, user__is_active=True)
    page = paginate(
        balances.select_related("user"),
        order_by=("-points", "-pk"),
        cursor=cursor_of(request),
    )
    rows = [(balance.user, balance.points) for balance in page.items]
    context = {"rows": rows, "page": page, "tabs": tabs, "query": "period=all"}
    return render(request, "profiles/leaderboard.html", context)

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import User
from community.forum.models import Post, Topic, WatchLevel
from community.forum.permissions import can_moderate
from community.forum.watching import watch_level
from community.reputation.models import Balance, Entry
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


@require_safe
def profile_detail(request: HttpRequest, username: str) -> HttpResponse:
    """A person's public page: what they asked, answered and earned."""
    person = get_object_or_404(User, username=username, is_active=True)
    topics = Topic.objects.visible_to(request.user).listed().filter(author=person)
    posts = Post.objects.visible_to(request.user).filter(author=person, hidden_at=None)
    answers = posts.filter(number__gt=1).select_related("topic", "topic__category")
    balance = Balance.objects.filter(user=person).first()
    context = {
        "person": person,
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
        "watch_level": watch_level(person, request.user),
        "watch_levels": WatchLevel.choices,
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

"""How closely the reader follows categories and tags; all of it on one page."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import services
from community.forum.models import Category, PlaceWatch, Tag, WatchLevel
from core.reading import Values, cursor_of
from edge.pagination import paginate


def category_page(request: HttpRequest, slug: str) -> str:
    """Return the address of a category the reader may see, or 404."""
    return _category(request, slug).get_absolute_url()


def tag_page(request: HttpRequest, slug: str) -> str:
    """Return the address of a tag the reader may see, or 404."""
    return _tag(request, slug).get_absolute_url()


@require_safe
@sign_in_required
def watch_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What the reader follows more or less closely than the rest."""
    chosen = PlaceWatch.objects.visible_to(request.user)
    page = paginate(
        chosen.select_related("category", "tag"),
        order_by=("-chosen_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"page": page, "levels": WatchLevel.choices}
    return render(request, "forum/watch_list.html", context)


@require_POST
@sign_in_required(page=category_page)
def category_watch(request: AuthenticatedHttpRequest, slug: str) -> HttpResponse:
    """Follow a category so closely."""
    return _set(request, _category(request, slug))


@require_POST
@sign_in_required(page=tag_page)
def tag_watch(request: AuthenticatedHttpRequest, slug: str) -> HttpResponse:
    """Follow a tag so closely."""
    return _set(request, _tag(request, slug))


def _set(request: AuthenticatedHttpRequest, thing: Category | Tag) -> HttpResponse:
    sent = Values(request.POST)
    level = sent.choice("level", WatchLevel.values)
    if not level:
        raise PermissionDenied
    services.set_watch(thing, user=request.user, level=level)
    if sent.flag("list"):
        return redirect("forum:watch-list")
    return redirect(thing.get_absolute_url())


def _category(request: HttpRequest, slug: str) -> Category:
    return get_object_or_404(Category.objects.visible_to(request.user), slug=slug)


def _tag(request: HttpRequest, slug: str) -> Tag:
    return get_object_or_404(Tag.objects.visible_to(request.user), slug=slug)

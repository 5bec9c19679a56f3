from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.docs import services
from community.docs.models import Page, Version
from community.docs.queries import find_page, locale_of, neighbours, tree_of
from core.types import PageRequest


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The current version's sections."""
    version = Version.objects.filter(is_default=True).first()
    if version is None:
        return render(request, "docs/empty.html")
    locale = locale_of(get_language() or "en")
    context = {"version": version, "tree": tree_of(version, locale)}
    return render(request, "docs/home.html", context)


@require_safe
def version_home(request: HttpRequest, version: str) -> HttpResponse:
    """Send readers of a bare version to its first page."""
    found = get_object_or_404(Version, slug=version)
    tree = tree_of(found, locale_of(get_language() or "en"))
    return redirect(tree[0].url if tree else "docs:home")


@require_safe
def page_detail(request: PageRequest, version: str, path: str) -> HttpResponse:
    """One page, in the reader's language where it is translated."""
    found, page, locale = _find(version, path)
    request.activity_subject = f"doc:{version}/{path}"  # type: ignore[attr-defined]
    before, after = neighbours(found, locale, path)
    versions = list(Version.objects.all())
    default = next((v for v in versions if v.is_default), found)
    available = set(
        Page.objects.published().filter(path=path).values_list("version_id", flat=True)
    )
    context = {
        "page": page,
        "version": found,
        "versions": versions,
        "default": default,
        "is_in_default": default.pk in available,
        "available": available,
        "tree": tree_of(found, locale),
        "outline": [entry for entry in page.outline if entry[0] <= 3],
        "before": before,
        "after": after,
        "is_translated": page.locale == locale,
        "canonical": f"{settings.SITE_URL}/docs/{default.slug}/{path}/",
    }
    return render(request, "docs/page_detail.html", context)


@require_safe
def page_source(request: HttpRequest, version: str, path: str) -> HttpResponse:
    """The page as Markdown, for programs."""
    _version, page, _locale = _find(version, path)
    text = f"# {page.title}\n\n{page.source_md}"
    return HttpResponse(text, content_type="text/markdown; charset=utf-8")


@require_safe
def llms_txt(request: HttpRequest) -> HttpResponse:
    """The documentation's table of contents, for language models."""
    version = Version.objects.filter(is_default=True).first()
    lines = [f"# {settings.SITE_NAME}", ""]
    if version is not None:
        pages = Page.objects.published().filter(version=version, locale="en")
        lines += [
            f"- [{page.title}]({settings.SITE_URL}/docs/{version.slug}/{page.path}.md): "
            f"{page.description}"
            for page in pages.order_by("position")
        ]
    return HttpResponse(
        "\n".join(lines) + "\n", content_type="text/plain; charset=utf-8"
    )


@require_POST
def vote(request: PageRequest, pk: int) -> HttpResponse:
    """Take somebody's word on whether a page helped."""
    page = get_object_or_404(Page.objects.published().select_related("version"), pk=pk)
    if request.POST.get("helpful") not in {"yes", "no"}:
        raise Http404
    voter = (
        f"user:{request.user.pk}"
        if request.user.is_authenticated
        else request.visitor_id or f"address:{request.META.get('REMOTE_ADDR', '')}"
    )
    services.vote_helpful(
        page, voter=voter, is_helpful=request.POST["helpful"] == "yes"
    )
    messages.success(request, _("Thank you, that helps to make the page better."))
    return redirect(page)


def _find(version: str, path: str) -> tuple[Version, Page, str]:
    found = get_object_or_404(Version, slug=version)
    locale = locale_of(get_language() or "en")
    page = find_page(found, path, locale)
    if page is None:
        raise Http404
    return found, page, locale

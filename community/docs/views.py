import re

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.docs import services
from community.docs.models import LOCALES, Page, Version
from community.docs.queries import (
    editions_of,
    find_moved_page,
    find_page,
    locale_of,
    neighbours,
    similar_pages,
    trail_of,
    tree_of,
    vote_of,
)
from core.reading import Values
from edge.callers import place_of
from edge.types import PageRequest
from knowledge.queries import what_next
from stores import limiter

# What people type from habit for the version that is current.
ALIASES = ("latest", "stable", "current")
# A language other sites have in an address; here it is asked for with ``?lang=``.
_LANGUAGE = re.compile(r"^(?:en|zh(?:-[a-z]+)?)(?:/|$)", re.IGNORECASE)
_ENDING = re.compile(
    r"(?:(?:^|/)(?:index|readme))?(?:\.(?:html?|mdx?))?$", re.IGNORECASE
)
# What a search engine is told a language is called.
TAGS = {"en": "en", "zh-hans": "zh-Hans"}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The current version's sections."""
    version = Version.objects.filter(is_default=True).first()
    if version is None:
        return render(request, "docs/empty.html")
    with _language_of(request):
        context = {
            "version": version,
            "versions": Version.objects.all(),
            "tree": tree_of(version, _locale()),
        }
        return render(request, "docs/home.html", context)


@require_safe
def version_home(request: HttpRequest, version: str) -> HttpResponse:
    """Send readers of a bare version to its first page."""
    found = Version.objects.filter(slug=version).first()
    if found is None:
        if slug := _current(version):
            return redirect("docs:version-home", slug)
        return _elsewhere(request, version, "")
    tree = tree_of(found, _locale())
    return redirect(tree[0].url if tree else "docs:home")


@require_safe
def page_detail(request: PageRequest, version: str, path: str) -> HttpResponse:
    """One page, in the reader's language where it is translated."""
    request.activity_subject = f"doc:{version}/{path}"  # type: ignore[attr-defined]
    with _language_of(request):
        locale = _locale()
        page = find_page(version, path, locale)
        if page is None:
            return _elsewhere(request, version, path)
        found = page.version
        versions, available, locales = editions_of(path)
        default = next((v for v in versions if v.is_default), found)
        # An old page's own address is not what a search engine should show.
        stays = default.pk in available
        address = f"/docs/{(default if stays else found).slug}/{path}/"
        tree = tree_of(found, locale)
        before, after = neighbours(found, locale, path)
        context = {
            "page": page,
            "page_lang": TAGS[page.locale],
            "version": found,
            "versions": versions,
            "default": default,
            "is_in_default": stays,
            "available": available,
            "tree": tree,
            "trail": trail_of(tree, path),
            "outline": [entry for entry in page.outline if entry[0] <= 3],
            "next_nodes": what_next("doc", path, actor=request.user),
            "before": before,
            "after": after,
            "is_translated": page.locale == locale,
            "my_vote": vote_of(page, _voter(request)),
            "canonical": settings.SITE_URL + address + _asked_language(request),
            "alternates": [
                (TAGS[each], f"{settings.SITE_URL}{address}?lang={each}")
                for each in LOCALES
                if (default.pk if stays else found.pk, each) in locales
            ],
            "unlocalised": settings.SITE_URL + address,
        }
        return render(request, "docs/page_detail.html", context)


@require_safe
def page_source(request: HttpRequest, version: str, path: str) -> HttpResponse:
    """The page as Markdown, for programs."""
    with _language_of(request):
        page = find_page(version, path, _locale())
    if page is None:
        if slug := _current(version):
            return redirect(_asked_as(request, f"/docs/{slug}/{path}.md"))
        moved = find_moved_page(version, path, _locale())
        if moved is not None:
            return redirect(_asked_as(request, f"/docs/{version}/{moved.path}.md"))
        raise Http404
    text = f"# {page.title}\n\n{page.source_md}"
    answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    answer["Content-Language"] = TAGS[page.locale]
    return answer


@require_safe
def llms_txt(request: HttpRequest) -> HttpResponse:
    """The documentation's table of contents, for language models."""
    lines = [f"# {settings.SITE_NAME}"]
    pages = Page.objects.published().filter(version__is_default=True)
    for locale, heading in (("en", "Documentation"), ("zh-hans", "文档")):
        rows = pages.filter(locale=locale).order_by("position")
        entries = [
            f"- [{title}]({settings.SITE_URL}/docs/{version}/{path}.md"
            f"?lang={locale}): {description}"
            for title, version, path, description in rows.values_list(
                "title", "version__slug", "path", "description"
            )
        ]
        if entries:
            lines += ["", f"## {heading}", "", *entries]
    return HttpResponse(
        "\n".join(lines) + "\n", content_type="text/plain; charset=utf-8"
    )


@require_POST
def vote(request: PageRequest, pk: int) -> HttpResponse:
    """Record a reader's vote on whether a page helped."""
    page = get_object_or_404(Page.objects.published().select_related("version"), pk=pk)
    word = Values(request.POST).choice("helpful", ("yes", "no"))
    if not word:
        raise Http404
    # Not by voter: a browser can call itself a new visitor each time.
    who = request.user.pk or place_of(request)
    # An afternoon of reading with an opinion on every page.
    limiter.check("docs-vote", who, limit=30, period=3600)
    services.vote_helpful(page, voter=_voter(request), is_helpful=word == "yes")
    messages.success(request, _("Thank you, that helps to make the page better."))
    return redirect(page)


def _current(version: str) -> str:
    """Return the version that a habit such as ``latest`` means, or nothing."""
    if version not in ALIASES or Version.objects.filter(slug=version).exists():
        return ""
    current = Version.objects.filter(is_default=True)
    return current.values_list("slug", flat=True).first() or ""


def _elsewhere(request: HttpRequest, version: str, path: str) -> HttpResponse:
    """Lead on from an address that a page had or that was typed, or answer 404.

    Never for good: what is current changes, and a browser has to ask again.
    """
    if slug := _current(version):
        return redirect(_asked_as(request, f"/docs/{slug}/{path}/"))
    moved = find_moved_page(version, path, _locale())
    page = moved or _meant(version, path)
    if page is not None:
        return redirect(_asked_as(request, page.get_absolute_url()))
    return _not_found(request, version, path)


def _meant(version: str, path: str) -> Page | None:
    """Return the page of an address as other sites write it.

    Without a version, with a language in it, or with the ending of a file.
    """
    known = Version.objects.filter(slug=version).exists()
    if not known:
        path = f"{version}/{path}"
    current = Version.objects.filter(is_default=True).values_list("slug", flat=True)
    slug = version if known else current.first()
    path = _LANGUAGE.sub("", _ENDING.sub("", path.strip("/"))) or "index"
    return find_page(slug, path, _locale()) if slug else None


def _asked_as(request: HttpRequest, address: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{address}?{query}" if query else address


def _not_found(request: HttpRequest, version: str, path: str) -> HttpResponse:
    """Answer 404 with what the reader may have meant."""
    words = path.replace("/", " ").replace("-", " ").replace("_", " ")
    context = {
        "elsewhere": Page.objects.published()
        .filter(path=path)
        .select_related("version")
        .order_by("-version__is_default", "-version__sort_key")
        .first(),
        "similar": similar_pages(words, _locale()),
        "words": words,
        "status": 404,
    }
    return render(request, "docs/not_found.html", context, status=404)


def _voter(request: PageRequest) -> str:
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return request.visitor_id or f"address:{place_of(request)}"


def _language_of(request: HttpRequest) -> translation.override:
    """Return the language an address asks for with ``?lang=``, or the reader's own."""
    asked = Values(request.GET).text("lang")
    return translation.override(
        asked if asked in LOCALES else translation.get_language()
    )


def _asked_language(request: HttpRequest) -> str:
    asked = Values(request.GET).text("lang")
    return f"?{urlencode({'lang': asked})}" if asked in LOCALES else ""


def _locale() -> str:
    return locale_of(translation.get_language() or LOCALES[0])

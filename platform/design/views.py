import logging
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseNotModified,
    HttpResponseRedirect,
)
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language_from_request
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import services as accounts
from accounts.decorators import page_before
from accounts.models import User
from accounts.preferences import THEME_COOKIE, THEMES
from accounts.queries import usernames_among
from core.context import request_id
from core.errors import Unavailable
from core.reading import Values, whole_number
from design import markdown, samples
from design.stylesheet import stylesheet
from edge import drafting, health
from edge.callers import place_of
from edge.types import PageRequest
from stores import limiter

logger = logging.getLogger(__name__)

_FOREVER = "public, max-age=31536000, immutable"
# In seconds; browsers keep a cookie for 400 days at most.
_YEAR = 31_536_000
# Posts have 40 000 characters; who pastes more sees how it looks before cutting it.
MOST_PREVIEWED = 100_000
# A preview follows a pause in typing, and nobody pauses every second for long.
_PREVIEWS_PER_MINUTE = 60
# Pages of one person, fragments of pages, and what changes with every question.
_NOT_FOR_CRAWLERS = (
    "/accounts/",
    "/api/",
    "/billing/",
    "/console/",
    "/forum/*?*quote=",
    "/forum/_",
    "/forum/new/",
    "/forum/p/",
    "/notifications/",
    "/search/",
    "/settings/",
    "/staff/",
    "/v1/",
)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    examples = samples.api_examples(settings.SITE_URL)
    return render(request, "home.html", {"samples": examples})


@require_safe
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    """Say in words whether the product works; programs read ``/readyz``."""
    found = health.checks()
    state = health.status_of(found)
    context = {"state": state, "has_redis": found["redis"]["ok"]}
    code = 503 if state == "unavailable" else 200
    return render(request, "design/status.html", context, status=code)


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    return render(request, "design/styleguide.html", samples.context())


@require_safe
def stylesheet_file(request: HttpRequest, digest: str) -> HttpResponse:
    """Serve the whole stylesheet; its address changes whenever its text does."""
    sheet = stylesheet()
    etag = f'"{sheet.digest}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(
        sheet.compressed if is_compressed else sheet.text,
        content_type="text/css; charset=utf-8",
    )
    if is_compressed:
        response["Content-Encoding"] = "gzip"
    # An old page may ask for a text that is gone; that answer must not be kept.
    response["Cache-Control"] = _FOREVER if digest == sheet.digest else "no-cache"
    response["ETag"] = etag
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@require_POST
def preview(request: PageRequest) -> HttpResponse:
    """Return Markdown as it would look once posted."""
    user = request.user
    who = user.pk if user.is_authenticated else place_of(request)
    limiter.check("preview", who, limit=_PREVIEWS_PER_MINUTE, period=60)
    text = Values(request.POST).text("text", most=MOST_PREVIEWED, strip=False)
    rendered = markdown.render(text, id_prefix="preview", people=usernames_among)
    return render(request, "design/_preview.html", {"rendered": rendered})


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice, and return to the page.

    The choice of a signed-in user holds on every device of theirs.
    """
    sent = Values(request.POST)
    # What browsers and proxies surely carry of an address.
    back = sent.text("next", most=2000)
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    response = HttpResponseRedirect(back)
    theme = sent.text("theme")
    if request.user.is_authenticated:
        choice = theme if theme in THEMES else User.Theme.SYSTEM.value
        accounts.set_theme(request.user, User.Theme(choice))
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=_YEAR,
            samesite="Lax",
            secure=settings.IS_HTTPS,
        )
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return error_page(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return error_page(request, HTTPStatus.BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, HTTPStatus.NOT_FOUND)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that the form's token is not this session's, and where the form is.

    A form of an account, with its password, carries no draft: nothing of it is kept.
    """
    context = _error_context(HTTPStatus.FORBIDDEN) | {
        "page_before": page_before(request),
        "is_kept": bool(drafting.token_of(request)),
    }
    if request.headers.get("HX-Request"):
        return render(request, "design/_error.html", context, status=403)
    return render(request, "403_csrf.html", context, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say sorry without touching the database, which may be what is broken."""
    html = render_to_string("500.html", _error_context(500))
    return HttpResponse(html, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def away(request: HttpRequest, error: Unavailable) -> HttpResponse:
    """Say that a server does not answer, without asking that server anything.

    What was sent is offered for sending again, once it is known to be the person's
    own: an unchecked form could hold another person's wish.
    """
    context = {
        **_error_context(error.status),
        "error": error,
        "retry_after": error.retry_after,
        "path": request.get_full_path(),
        "fields": _sent_fields(request),
    }
    is_fragment = bool(request.headers.get("HX-Request"))
    name = "design/_away.html" if is_fragment else "503.html"
    # Whose language it was may not be known any more; the browser's is.
    language = getattr(request, "LANGUAGE_CODE", "") or get_language_from_request(
        request
    )
    with translation.override(language):
        html = render_to_string(name, context)
    response = HttpResponse(html, status=error.status)
    response["Retry-After"] = str(error.retry_after)
    response["Cache-Control"] = "no-store"
    return response


class _CsrfCheck(CsrfViewMiddleware):
    """Tells whether a form is the person's own, without a page that says it is not."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponseForbidden()


def _sent_fields(request: HttpRequest) -> list[tuple[str, str]] | None:
    """Return the fields of a form that was sent and refused; secrets are not shown."""
    if request.method != "POST":
        return None
    check = _CsrfCheck(lambda request: HttpResponse())
    try:
        check.process_request(request)
        if check.process_view(request, away, (), {}) is not None:
            return None
    except SuspiciousOperation:
        # Too large, or too many fields.
        return None
    sent = [(name, value) for name, values in request.POST.lists() for value in values]
    is_secret = any("password" in name for name, _value in sent)
    return None if is_secret or request.FILES else sent


def error_page(
    request: HttpRequest,
    status: HTTPStatus,
    *,
    retry_after: str = "",
) -> HttpResponse:
    """Return a page, or a fragment for htmx, that explains a refusal."""
    seconds = whole_number(retry_after) or 0
    context = {**_error_context(status), "retry_after": seconds}
    if request.headers.get("HX-Request"):
        return render(request, "design/_error.html", context, status=status)
    return render(request, f"{status.value}.html", context, status=status)


def _error_context(status: int) -> dict[str, object]:
    return {"status": int(status), "request_id": request_id.get()}


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers what is theirs to read, and where the list of it is."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in _NOT_FOR_CRAWLERS),
        "",
        f"Sitemap: {settings.SITE_URL}/sitemap.xml",
    ]
    text = "\n".join(lines) + "\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:
    """Answer the address browsers ask for by themselves."""
    return HttpResponseRedirect(f"{settings.STATIC_URL}design/img/icon.svg")

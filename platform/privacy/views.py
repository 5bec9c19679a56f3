"""My data, closing my account, and taking that back."""

from collections.abc import Iterator

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import recent_sign_in_required, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from core.errors import RateLimited
from edge import drafting
from privacy import services
from privacy.exceptions import AccountHeld, AlreadyClosed, NotClosed
from privacy.forms import ClosingForm
from privacy.middleware import closing_page
from privacy.models import EXPORT_LIFETIME, DataExport
from privacy.registry import Obstacle, find_obstacles


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@recent_sign_in_required
def data(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The copies of my data that may be fetched; a POST asks for another."""
    if request.method == "POST":
        try:
            services.create_export(request.user)
        except RateLimited as error:
            response = _data_page(request, refused=True, status=error.status)
            response["Retry-After"] = str(error.retry_after)
            return response
        messages.success(
            request, _("Your copy is being made. You are told when it is ready.")
        )
        return redirect("privacy:data")
    return _data_page(request)


@require_POST
@sign_in_required
@recent_sign_in_required
def data_download(request: AuthenticatedHttpRequest, pk: int) -> HttpResponseBase:
    """Fetch one of my copies."""
    mine = DataExport.objects.visible_to(request.user).ready()
    export = get_object_or_404(mine, pk=pk)
    services.record_download(export)

    def pieces() -> Iterator[bytes]:
        # One at a time: none of them is in memory beside another.
        numbers = export.parts.order_by("number").values_list("number", flat=True)
        for number in list(numbers):
            yield bytes(export.parts.get(number=number).content)

    response = StreamingHttpResponse(pieces(), content_type="application/zip")
    # Names may be Chinese; a header is ASCII.
    response["Content-Disposition"] = content_disposition_header(
        as_attachment=True,
        filename=f"{request.user.username}-{export.asked_at:%Y-%m-%d}.zip",
    )
    response["Content-Length"] = str(export.size)
    response["Cache-Control"] = "private, no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@recent_sign_in_required
def account_close(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What goes and what stays when I close my account; and doing it.

    Of an account that is closed: until when that can be taken back.
    """
    if request.user.closes_at is not None:
        return closing_page(request)
    is_sent = request.method == "POST"
    form = ClosingForm(
        request.POST if is_sent else None, expected=request.user.username
    )
    held = find_obstacles(request.user)
    if is_sent and not held and form.is_valid():
        try:
            services.close_account(request.user)
        except AccountHeld as error:
            held = list(error.obstacles)
        except AlreadyClosed:
            return redirect("privacy:account-close")
        else:
            drafting.accept(request)
            logout(request)
            return redirect("privacy:account-closed")
    return _closing_page(request, form, held)


@require_POST
@sign_in_required
def account_reopen(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Keep my account after all."""
    try:
        services.restore_account(request.user)
    except NotClosed as error:
        messages.info(request, str(error))
    else:
        messages.success(
            request, _("Your account is open again. Make new keys and tokens.")
        )
    return redirect("accounts:profile-settings")


@require_safe
def account_closed(request: HttpRequest) -> HttpResponse:
    """What becomes of an account that was just closed; says nothing of whose."""
    context = {"days": settings.ACCOUNT_GRACE_DAYS}
    return render(request, "privacy/account_closed.html", context)


def _data_page(
    request: AuthenticatedHttpRequest, *, refused: bool = False, status: int = 200
) -> HttpResponse:
    exports = DataExport.objects.visible_to(request.user).order_by("-asked_at", "-pk")
    context = {
        "exports": exports,
        "days": EXPORT_LIFETIME.days,
        "most": services.EXPORTS_A_DAY,
        "refused": refused,
    }
    return render(request, "privacy/data.html", context, status=status)


def _closing_page(
    request: AuthenticatedHttpRequest, form: ClosingForm, held: list[Obstacle]
) -> HttpResponse:
    context = {"form": form, "obstacles": held, "days": settings.ACCOUNT_GRACE_DAYS}
    refused = AccountHeld.status if held else 422
    status = refused if form.is_bound else 200
    return render(request, "privacy/account_close.html", context, status=status)

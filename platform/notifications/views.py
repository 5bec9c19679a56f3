from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import sign_in_required
from accounts.types import AuthenticatedHttpRequest
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.types import PageRequest
from notifications import services
from notifications.forms import PreferencesForm
from notifications.models import Notification
from notifications.wording import said_now


@require_safe
@sign_in_required
def notification_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The user's notifications, newest first."""
    visible = Notification.objects.visible_to(request.user).select_related("actor")
    only_unread = Values(request.GET).flag("unread")
    if only_unread:
        visible = visible.unread()
    page = paginate(
        visible,
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    said_now(page.items)
    return render(
        request,
        "notifications/notification_list.html",
        {"page": page, "only_unread": only_unread},
    )


@require_POST
@sign_in_required
def open_notification(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Mark a message as read and go where it points."""
    notification = get_object_or_404(
        Notification.objects.visible_to(request.user), pk=pk
    )
    services.mark_read(request.user, notification.pk)
    return redirect(notification.url)


@require_POST
@sign_in_required
def mark_all_read(request: AuthenticatedHttpRequest) -> HttpResponse:
    services.mark_read(request.user)
    return redirect("notifications:list")


@require_safe
@sign_in_required
def unread_count(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The number on the bell, as a fragment."""
    unread = Notification.objects.visible_to(request.user).unread()
    # Nobody counts past ninety-nine, so the database need not either.
    count = len(unread.values_list("pk", flat=True)[:100])
    return render(request, "notifications/_unread_count.html", {"count": count})


@require_http_methods(["GET", "POST"])
@sign_in_required
def preferences(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Which messages also come by mail."""
    form = PreferencesForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("notifications:preferences")
    return render(request, "notifications/preferences.html", {"form": form})


@csrf_exempt
@require_http_methods(["GET", "POST"])
def unsubscribe(request: PageRequest, token: str) -> HttpResponse:
    """Stop mail of one kind, by one click and without signing in.

    Mail programs post here (RFC 8058); opening the link only shows a button,
    because scanners open links too.
    """
    read = services.unsubscribe if request.method == "POST" else services.kind_of
    kind = read(token)
    return render(
        request,
        "notifications/unsubscribe.html",
        {"kind": kind.label, "is_done": request.method == "POST"},
    )

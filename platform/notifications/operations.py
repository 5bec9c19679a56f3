"""What staff see of deliveries and mails that could not be done, and do about it."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from audit import services as audit
from core.reading import Values, cursor_of
from edge.pagination import paginate
from notifications import mailing
from notifications.models import EmailMessage
from outbox import services as outbox
from outbox.models import Delivery
from outbox.queries import delivery_backlog

FIRST_FEW = 10


@require_safe
@staff_required
def overview(request: AuthenticatedHttpRequest) -> HttpResponse:
    """How far deliveries and mail are behind, and what was given up."""
    deliveries = Delivery.objects.dead().select_related("event").order_by("-pk")
    mails = EmailMessage.objects.dead().defer("text", "html").order_by("-pk")
    context = {
        "deliveries": deliveries[:FIRST_FEW],
        "mails": mails[:FIRST_FEW],
        "delivery_backlog": delivery_backlog(),
        "mail_backlog": mailing.mail_backlog(),
    }
    return render(request, "notifications/operations.html", context)


@require_safe
@staff_required
def dead_deliveries(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every delivery that was given up, newest first."""
    dead = Delivery.objects.dead().select_related("event")
    page = paginate(dead, cursor=cursor_of(request))
    return render(request, "notifications/dead_deliveries.html", {"page": page})


@require_safe
@staff_required
def dead_mails(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every mail that was given up, newest first."""
    dead = EmailMessage.objects.dead().defer("text", "html")
    page = paginate(dead, cursor=cursor_of(request))
    return render(request, "notifications/dead_mails.html", {"page": page})


@require_POST
@staff_required
def retry_deliveries(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Try one dead delivery again, or all of them."""
    deliveries = Delivery.objects.all()
    pk = Values(request.POST).whole("pk", default=0, least=1, most=2**63 - 1)
    if pk:
        deliveries = deliveries.filter(pk=pk)
    with transaction.atomic():
        count = outbox.retry_deliveries(deliveries)
        if count:
            _record(request, "delivery.retried", str(pk or ""), count)
    messages.success(
        request,
        ngettext(
            "%(count)d delivery is tried again.",
            "%(count)d deliveries are tried again.",
            count,
        )
        % {"count": count},
    )
    return redirect("notifications:operations")


@require_POST
@staff_required
def retry_mails(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Send one dead mail again, or all of them."""
    mails = EmailMessage.objects.all()
    pk = Values(request.POST).whole("pk", default=0, least=1, most=2**63 - 1)
    if pk:
        mails = mails.filter(pk=pk)
    with transaction.atomic():
        count = mailing.retry_mails(mails)
        if count:
            _record(request, "mail.retried", str(pk or ""), count)
    messages.success(
        request,
        ngettext(
            "%(count)d mail is sent again.", "%(count)d mails are sent again.", count
        )
        % {"count": count},
    )
    return redirect("notifications:operations")


def _record(
    request: AuthenticatedHttpRequest, action: str, pk: str, count: int
) -> None:
    audit.record(action, actor=request.user, target=pk or "all", after={"count": count})

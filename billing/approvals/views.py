"""Where the second person decides."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.approvals import permissions, services
from billing.approvals.forms import DecisionForm
from billing.approvals.models import Approval
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate


@require_safe
@staff_required
def approval_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What waits for a second person, or was decided, newest first."""
    state = Values(request.GET).choice(
        "state", ("waiting", "decided"), default="waiting"
    )
    rows = Approval.objects.select_related("organisation", "asked_by", "decided_by")
    waiting = rows.waiting()
    chosen = waiting if state == "waiting" else rows.exclude(state="waiting")
    context = {
        "state": state,
        "page": paginate(chosen, cursor=cursor_of(request)),
        "waiting_count": Approval.objects.waiting().count(),
    }
    return render(request, "approvals/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def approval_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One request; a POST approves or rejects it."""
    approval = _approval(pk)
    form = DecisionForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        decide = {"approve": services.approve, "reject": services.reject}
        try:
            decide[form.cleaned_data["decision"]](
                approval, by=request.user, answer=form.cleaned_data["answer"]
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
            approval = _approval(pk)
        else:
            drafting.accept(request)
            messages.success(request, _("Decided. Who asked for it is told."))
            return redirect("approvals:list")
    context = {
        "approval": approval,
        "form": form,
        "may_decide": permissions.can_decide(request.user, approval),
        "is_mine": approval.asked_by_id == request.user.pk,
    }
    return render(request, "approvals/detail.html", context, status=status)


@require_POST
@staff_required
def approval_withdraw(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take one's own request back."""
    try:
        services.withdraw(_approval(pk), by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The request is withdrawn."))
    return redirect("approvals:detail", pk)


def _approval(pk: int) -> Approval:
    rows = Approval.objects.select_related("organisation", "asked_by", "decided_by")
    return get_object_or_404(rows, pk=pk)

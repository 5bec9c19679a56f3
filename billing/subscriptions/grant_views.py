"""Where staff give plans without payment, see them and take them back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.subscriptions import granting
from billing.subscriptions.exceptions import GrantIsOver
from billing.subscriptions.forms import GivingForm, TakeBackForm
from billing.subscriptions.models import StaffGrant
from core.reading import cursor_of
from edge import drafting
from edge.pagination import paginate


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def grant_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List what was given, the newest first, and give more."""
    form = GivingForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        grant = granting.give_plan(**form.values(), by=request.user)
        drafting.accept(request)
        messages.success(
            request,
            _("The plan of %(organisation)s is in force.")
            % {"organisation": grant.organisation.name},
        )
        return redirect("subscriptions:grant", grant.pk)
    grants = StaffGrant.objects.select_related(
        "organisation", "granted_by", "plan_version__plan"
    )
    context = {
        "form": form,
        "page": paginate(
            grants, order_by=("-starts_at", "-pk"), cursor=cursor_of(request)
        ),
    }
    status = 422 if form.is_bound else 200
    return render(request, "billing/grant_list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def grant_detail(request: AuthenticatedHttpRequest, grant: int) -> HttpResponse:
    """Show one given plan, and take it back."""
    rows = StaffGrant.objects.select_related(
        "organisation", "granted_by", "plan_version__plan"
    )
    row = get_object_or_404(rows, pk=grant)
    form = TakeBackForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            granting.revoke_grant(row, by=request.user, **form.cleaned_data)
        except GrantIsOver as no:
            messages.info(request, str(no))
        else:
            drafting.accept(request)
            messages.success(
                request,
                _("The plan of %(organisation)s was taken back.")
                % {"organisation": row.organisation.name},
            )
        return redirect("subscriptions:grant", row.pk)
    context = {"form": form, "grant": row, "now": timezone.now()}
    status = 422 if form.is_bound else 200
    return render(request, "billing/grant_detail.html", context, status=status)

"""Where staff give credit and take it back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.decorators import (
    recent_sign_in_required,
    staff_required,
)
from accounts.types import AuthenticatedHttpRequest
from billing.approvals.exceptions import NeedsApproval
from billing.approvals.limits import message_when_asked
from billing.credits import services
from billing.credits.approving import ask_for_credit
from billing.credits.exceptions import CreditKeyReused, CreditSpent
from billing.credits.forms import GrantForm, WithdrawForm
from billing.credits.models import CURRENCY, CreditGrant
from core.errors import DomainError
from core.money import format_nano
from core.reading import cursor_of
from edge import drafting
from edge.pagination import paginate


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_required
def credit_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List what was given, the newest first, and give more."""
    form = GrantForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            grant = services.grant_credit(**form.values(), by=request.user)
        except NeedsApproval:
            if _asked(request, form):
                return redirect("credits:staff-credit-list")
        except CreditKeyReused as no:
            form.add_error(None, str(no))
        else:
            drafting.accept(request)
            messages.success(
                request,
                _("%(organisation)s has %(amount)s more.")
                % {
                    "organisation": form.cleaned_data["organisation"].name,
                    "amount": format_nano(grant.amount_nano, grant.currency),
                },
            )
            return redirect("credits:staff-credit-list")
    grants = CreditGrant.objects.select_related("organisation", "granted_by")
    context = {
        "form": form,
        "page": paginate(grants, cursor=cursor_of(request)),
        "now": timezone.now(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "credits/staff_credit_list.html", context, status=status)


def _asked(request: AuthenticatedHttpRequest, form: GrantForm) -> bool:
    """Ask a second person for so much credit; return whether that is done."""
    wanted = form.values()
    del wanted["organisation_id"]
    organisation = form.cleaned_data["organisation"]
    try:
        ask_for_credit(organisation, currency=CURRENCY, **wanted, by=request.user)
    except DomainError as no:
        form.add_error(None, str(no))
        return False
    drafting.accept(request)
    messages.success(request, message_when_asked())
    return True


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_required
def credit_withdraw(request: AuthenticatedHttpRequest, credit_id: str) -> HttpResponse:
    """Show one grant to staff, and take back what is left of it."""
    grants = CreditGrant.objects.select_related("organisation", "granted_by")
    grant = get_object_or_404(grants, public_id=credit_id)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            taken = services.withdraw_credit(grant.pk, **form.values(), by=request.user)
        except CreditSpent as no:
            form.add_error("amount", str(no))
        except CreditKeyReused as no:
            form.add_error(None, str(no))
        else:
            drafting.accept(request)
            messages.success(
                request,
                _("%(amount)s were taken back.")
                % {"amount": format_nano(taken, grant.currency)},
            )
            return redirect("credits:staff-credit-list")
        grant.refresh_from_db(fields=["remaining_nano"])
    context = {
        "form": form,
        "grant": grant,
        "organisation": grant.organisation,
        "page": paginate(grant.entries.all(), cursor=cursor_of(request)),
        "now": timezone.now(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "credits/staff_credit_withdraw.html", context, status=status)

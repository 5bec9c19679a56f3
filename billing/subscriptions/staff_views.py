"""What staff see of everybody's money, and what they settle by hand."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.subscriptions import cases
from billing.subscriptions.models import Case, Reconciliation
from billing.subscriptions.revenue import revenue
from core.reading import Values, cursor_of
from edge.pagination import paginate


class NoteForm(forms.Form):
    """What was done about a case; later readers were not there."""

    note = forms.CharField(max_length=300)


@staff_required
@require_GET
def revenue_home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Show what comes in, by plan, and who owes."""
    waiting = Case.objects.filter(closed_at=None).count()
    context = {"revenue": revenue(), "case_count": waiting}
    return render(request, "billing/revenue.html", context)


@staff_required
@require_GET
def case_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List what waits for a person, newest first, or what is settled."""
    asked = Values(request.GET)
    is_closed = asked.choice("state", ("open", "closed"), default="open") == "closed"
    rows = Case.objects.select_related("organisation")
    done = Reconciliation.objects.exclude(finished_at=None)
    context = {
        "page": paginate(
            rows.filter(closed_at__isnull=not is_closed),
            order_by=("-opened_at", "-pk"),
            cursor=cursor_of(request),
        ),
        "closed": is_closed,
        "open_count": Case.objects.filter(closed_at=None).count(),
        "last": done.order_by("-finished_at").first(),
    }
    return render(request, "billing/case_list.html", context)


@staff_required
@require_POST
def case_close(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Close a case with a word about what was done."""
    case = get_object_or_404(Case.objects.select_related("organisation"), pk=pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what was done, for whoever reads it later."))
    elif cases.settle_case(case, by=request.user, note=form.cleaned_data["note"]):
        messages.success(request, _("The case is closed."))
    return redirect("subscriptions:case-list")

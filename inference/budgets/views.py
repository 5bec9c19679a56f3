"""An organisation's budgets, in the console."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.decorators import (
    has_signed_in_recently,
    organisation_required,
    recent_sign_in_where_due,
)
from accounts.types import OrganisationHttpRequest
from core.reading import Values
from edge import drafting
from inference.budgets import permissions, services
from inference.budgets.forms import BudgetForm, shown_budget
from inference.budgets.queries import all_targets, budget_lines, this_month


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_where_due
def budget_list(request: OrganisationHttpRequest) -> HttpResponse:
    """Show each budget with what was used of it; a POST sets one."""
    organisation = request.organisation
    can_set = permissions.can_set_budgets(request.user, organisation)
    if not can_set and not (request.user.is_staff and request.method != "POST"):
        raise PermissionDenied
    targets = all_targets(organisation)
    asked = Values(request.GET).text("target")
    chosen = next((line for line in targets if line.target == asked), targets[0])
    form = BudgetForm(
        request.POST if request.method == "POST" else None,
        targets=targets,
        initial=shown_budget(chosen),
    )
    if form.is_bound and form.is_valid():
        line = services.set_budget(
            organisation,
            by=request.user,
            may_raise=has_signed_in_recently(request),
            **form.values(),
        )
        drafting.accept(request)
        messages.success(
            request, _("The budget of “%(name)s” is in force.") % {"name": line.name}
        )
        return redirect("budgets:budget-list", organisation.slug)
    context = {
        "organisation": organisation,
        "lines": budget_lines(organisation),
        "form": form,
        "can_set": can_set,
        "month": this_month(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "budgets/budget_list.html", context, status=status)

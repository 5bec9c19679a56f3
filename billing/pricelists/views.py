"""Where staff agree on prices with single organisations, and end them."""

from django.contrib import messages
from django.db.models import F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.pricelists import services
from billing.pricelists.forms import PriceListForm, RevokeForm, shown_models
from billing.pricelists.models import PriceList
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

STATES: dict[str, Promise] = {
    "all": pgettext_lazy("price lists", "All"),
    "holds": pgettext_lazy("price list", "In force"),
    "coming": pgettext_lazy("price list", "To come"),
    "ended": pgettext_lazy("price list", "Ended"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def price_lists(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List the price lists in one state, the newest first; a POST begins another."""
    form = PriceListForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        organisation = form.cleaned_data["organisation"]
        try:
            row = services.create_list(organisation, **form.values(), by=request.user)
        except DomainError as no:
            form.add_error(None, str(no))
            status = no.status
        else:
            drafting.accept(request)
            messages.success(
                request,
                _("%(organisation)s has prices of its own.")
                % {"organisation": organisation.name},
            )
            return redirect("pricelists:detail", row.public_id)
    state = Values(request.GET).choice("state", STATES, default="all")
    rows = PriceList.objects.filter(_in_state(state))
    context = {
        "form": form,
        "state": state,
        "states": list(STATES.items()),
        "page": paginate(
            rows.select_related("organisation", "made_by"), cursor=cursor_of(request)
        ),
    }
    return render(request, "pricelists/list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def price_list(request: AuthenticatedHttpRequest, list_id: str) -> HttpResponse:
    """Show one price list; a POST ends it with a reason."""
    rows = PriceList.objects.select_related("organisation", "made_by")
    row = get_object_or_404(rows, public_id=list_id)
    form = RevokeForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            services.revoke_list(
                row, reason=form.cleaned_data["reason"], by=request.user
            )
        except DomainError as no:
            form.add_error(None, str(no))
            status = no.status
        else:
            drafting.accept(request)
            messages.success(request, _("The price list has ended."))
            return redirect("pricelists:detail", row.public_id)
    context = {"row": row, "models": shown_models(row.by_model), "form": form}
    return render(request, "pricelists/detail.html", context, status=status)


def _in_state(state: str) -> Q:
    now = timezone.now()
    # One that was ended before it began holds at no moment.
    over = Q(ends_at__lte=now) | Q(ends_at=F("begins_at"))
    return {
        "all": Q(),
        "ended": over,
        "holds": Q(begins_at__lte=now) & ~over,
        "coming": Q(begins_at__gt=now) & ~over,
    }[state]

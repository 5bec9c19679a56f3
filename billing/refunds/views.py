"""Where staff give money of an invoice back."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.approvals.limits import message_when_asked
from billing.ledger.models import Invoice, Refund
from billing.refunds import services
from billing.refunds.forms import RefundForm
from billing.refunds.models import RefundOrder
from core.errors import DomainError
from core.money import minor_per_unit
from edge import drafting


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def invoice_refund(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show what of an invoice can go back; a POST orders it."""
    rows = Invoice.objects.defer("raw").select_related("organisation")
    invoice = get_object_or_404(rows, pk=pk)
    most = services.refundable(invoice)
    form = RefundForm(
        request.POST if request.method == "POST" else None,
        currency=invoice.currency,
        initial={"amount": Decimal(most) / minor_per_unit(invoice.currency)},
    )
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            order = services.order_refund(
                invoice,
                amount=form.minor,
                reason=form.cleaned_data["reason"],
                key=form.key,
                by=request.user,
            )
        except DomainError as error:
            form.add_error("amount", str(error))
            status = error.status
        else:
            drafting.accept(request)
            messages.success(
                request,
                message_when_asked()
                if order.state == RefundOrder.State.WAITING
                else _("The money is on its way back."),
            )
            return redirect("refunds:invoice", pk)
    orders = RefundOrder.objects.filter(invoice=invoice).select_related("ordered_by")
    refunds = Refund.objects.filter(invoice=invoice)
    context = {
        "invoice": invoice,
        "organisation": invoice.organisation,
        "form": form,
        "most": most,
        # More orders than that of one invoice are a case for the audit log.
        "orders": orders.order_by("-pk")[:50],
        "came_back": {each.stripe_id for each in refunds if each.has_come_back},
    }
    return render(request, "refunds/invoice.html", context, status=status)

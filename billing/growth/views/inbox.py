"""Leads, for staff: who to speak with next, why, and until when."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.growth import leads
from billing.growth.forms import CloseForm, LeadNoteForm
from billing.growth.models import Lead, LeadScore
from billing.growth.models.leads import STATES
from billing.growth.scoring import label_of
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate


@require_safe
@staff_required
def lead_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The inbox, the most urgent first."""
    state = Values(request.GET).choice("state", tuple(STATES), default="open")
    rows = Lead.objects.select_related("organisation", "user", "inquiry", "owner")
    wanted = {
        "open": rows.open(),
        "mine": rows.open().filter(owner=request.user),
        "overdue": rows.overdue(),
        "closed": rows.exclude(closed_at=None),
    }
    context = {
        "state": state,
        "states": STATES.items(),
        "page": paginate(
            wanted[state], order_by=("due_at", "pk"), cursor=cursor_of(request)
        ),
        "overdue_count": Lead.objects.overdue().count(),
    }
    return render(request, "growth/lead_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def lead(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One lead: what they wrote, why it is here, what was done; a POST adds a note."""
    found = _lead(pk)
    form = LeadNoteForm(
        request.POST if request.method == "POST" else None,
        initial={"next_step": found.next_step},
    )
    if form.is_valid():
        try:
            leads.write_note(found, by=request.user, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            drafting.accept(request)
            return redirect("growth:lead", pk)
    return _page(
        request, found, form, CloseForm(), status=422 if form.is_bound else 200
    )


@require_POST
@staff_required
def lead_take(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Look after a lead from now on."""
    try:
        leads.take_lead(_lead(pk), by=request.user)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("growth:lead", pk)


@require_POST
@staff_required
def lead_close(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Say what came of a lead."""
    found = _lead(pk)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _page(request, found, LeadNoteForm(), form, status=422)
    try:
        leads.close_lead(
            found,
            by=request.user,
            outcome=Lead.Outcome(form.cleaned_data["outcome"]),
            amount=form.minor(),
            currency=settings.REPORTING_CURRENCY,
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        drafting.accept(request)
        messages.success(request, _("The lead is closed."))
    return redirect("growth:lead", pk)


def _lead(pk: int) -> Lead:
    rows = Lead.objects.select_related("organisation", "user", "inquiry", "owner")
    return get_object_or_404(rows, pk=pk)


def _page(
    request: AuthenticatedHttpRequest,
    found: Lead,
    note: LeadNoteForm,
    close: CloseForm,
    *,
    status: int,
) -> HttpResponse:
    score = (
        LeadScore.objects.filter(organisation_id=found.organisation_id)
        .order_by("-day")
        .first()
        if found.organisation_id
        else None
    )
    context = {
        "lead": found,
        "notes": found.notes.select_related("by").order_by("-written_at", "-pk"),
        "score": score,
        "reasons": [_in_words(each) for each in score.reasons] if score else [],
        "note_form": note,
        "close_form": close,
    }
    return render(request, "growth/lead.html", context, status=status)


def _in_words(reason: dict[str, Any]) -> dict[str, Any]:
    """Return a reason with the words for its sign."""
    return {**reason, "label": label_of(reason["sign"])}

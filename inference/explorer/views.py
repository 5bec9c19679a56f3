"""Calls and failures, of one organisation or, for staff, of all."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import organisation_required, staff_required
from accounts.permissions import can_choose_storage
from accounts.types import AuthenticatedHttpRequest, OrganisationHttpRequest
from core.reading import Values, cursor_of
from drafts import services as drafts
from drafts.slots import Slot
from edge.pagination import paginate
from inference.catalog.models import PriceVersion
from inference.explorer.evidence import evidence_of, facts_of
from inference.explorer.forms import AskForm
from inference.explorer.queries import RequestFilter, by_code, found
from inference.keys.models import ApiKey
from inference.transcripts.models import Transcript
from inference.usage.models import UsageEvent
from inference.usage.periods import DAYS

PAGE_SIZE = 50  # a screen and a half: who looks for one call narrows the list
# An organisation's week is some pages; everybody's day is.
OWN_RANGE, STAFF_RANGE = "7d", "1d"


@require_safe
@organisation_required
def request_list(request: OrganisationHttpRequest) -> HttpResponse:
    """The calls of an organisation, by id and by what they have in common."""
    organisation = request.organisation
    keys = ApiKey.objects.managed().filter(organisation=organisation).order_by("name")
    context = {
        "shell": "console.html",
        "organisation": organisation,
        "keys": keys,
        "errors_url": reverse("explorer:error-list", args=[organisation.slug]),
    }
    return _list(request, context, organisation_id=organisation.pk)


@require_safe
@staff_required
def staff_request_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Everybody's calls."""
    context = {
        "shell": "staff.html",
        "is_staff_page": True,
        "errors_url": reverse("explorer:staff-error-list"),
    }
    return _list(request, context, organisation_id=None)


@require_safe
@organisation_required
def request_detail(request: OrganisationHttpRequest, request_id: str) -> HttpResponse:
    """One call: how it went, what it used and what it cost."""
    event = _event(request_id, organisation_id=request.organisation.pk)
    return _detail(request, event, AskForm())


@require_safe
@staff_required
def staff_request_detail(
    request: AuthenticatedHttpRequest, request_id: str
) -> HttpResponse:
    """One call of anybody's, with what it cost us."""
    event = _event(request_id, organisation_id=None)
    context = {
        "shell": "staff.html",
        "is_staff_page": True,
        "back_url": reverse("explorer:staff-request-list"),
        "margin_nano": event.price_nano - event.cost_nano,
    }
    return render(request, "explorer/request_detail.html", _shown(event) | context)


@require_POST
@organisation_required
def ask_community(request: OrganisationHttpRequest, request_id: str) -> HttpResponse:
    """Put what is known of a call into the draft of a topic, where its author sees it.

    Nothing is posted, and a draft that is there already stays.
    """
    event = _event(request_id, organisation_id=request.organisation.pk)
    form = AskForm(request.POST)
    if not form.is_valid():
        return _detail(request, event, form, status=422)
    place = reverse("forum:topic-create")
    title = _("%(model)s answers %(code)s") % {
        "model": event.model,
        "code": event.error_code or event.get_status_display(),
    }
    evidence = evidence_of(event, form.cleaned_data["message"])
    slot = Slot(owner=request.user.public_id, place=place)
    fields = {"kind": ["question"], "title": [title], "text": [f"{evidence}\n\n"]}
    drafts.keep(slot, fields, owner=drafts.Owner(request.user))
    return redirect(place)


@require_safe
@organisation_required
def error_list(request: OrganisationHttpRequest) -> HttpResponse:
    """What failed in an organisation's calls, by code."""
    organisation = request.organisation
    context = {
        "shell": "console.html",
        "organisation": organisation,
        "list_url": reverse("explorer:request-list", args=[organisation.slug]),
    }
    return _errors(request, context, organisation_id=organisation.pk)


@require_safe
@staff_required
def staff_error_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What failed in everybody's calls, by code."""
    context = {
        "shell": "staff.html",
        "is_staff_page": True,
        "list_url": reverse("explorer:staff-request-list"),
    }
    return _errors(request, context, organisation_id=None)


def _list(
    request: HttpRequest, context: dict[str, Any], *, organisation_id: int | None
) -> HttpResponse:
    lookup = _asked(request, organisation_id)
    page = paginate(
        found(lookup, organisation_id=organisation_id),
        order_by=("-occurred_at", "-request_id"),
        cursor=cursor_of(request),
        page_size=PAGE_SIZE,
    )
    shown = {
        "lookup": lookup,
        "page": page,
        "ranges": DAYS,
        "statuses": [("failed", _("Failed")), *UsageEvent.Status.choices],
        "query": _encoded(lookup.query),
    }
    return render(request, "explorer/request_list.html", context | shown)


def _errors(
    request: HttpRequest, context: dict[str, Any], *, organisation_id: int | None
) -> HttpResponse:
    lookup = _asked(request, organisation_id)
    shown = {
        "lookup": lookup,
        "ranges": DAYS,
        "rows": by_code(lookup, organisation_id=organisation_id),
    }
    return render(request, "explorer/error_list.html", context | shown)


def _asked(request: HttpRequest, organisation_id: int | None) -> RequestFilter:
    default = STAFF_RANGE if organisation_id is None else OWN_RANGE
    return RequestFilter.read(Values(request.GET), default=default)


def _event(request_id: str, *, organisation_id: int | None) -> UsageEvent:
    events = UsageEvent.objects.select_related("key", "key__project", "organisation")
    if organisation_id is not None:
        events = events.filter(organisation_id=organisation_id)
    return get_object_or_404(events, pk=request_id)


def _detail(
    request: OrganisationHttpRequest,
    event: UsageEvent,
    form: AskForm,
    *,
    status: int = 200,
) -> HttpResponse:
    slug = request.organisation.slug
    context = {
        "shell": "console.html",
        "organisation": request.organisation,
        "back_url": reverse("explorer:request-list", args=[slug]),
        "ask_url": reverse("explorer:ask-community", args=[slug, event.pk]),
        "form": form,
        "facts": list(facts_of(event)),
        "transcript_url": _transcript_url(request, event),
    }
    return render(
        request, "explorer/request_detail.html", _shown(event) | context, status=status
    )


def _transcript_url(request: OrganisationHttpRequest, event: UsageEvent) -> str:
    """Return where a call's transcript is read, if it is and by them."""
    organisation = request.organisation
    kept = Transcript.objects.kept_for(organisation.pk).filter(pk=event.pk)
    if not can_choose_storage(request.user, organisation) or not kept.exists():
        return ""
    return reverse("transcripts:transcript", args=[organisation.slug, event.pk])


def _shown(event: UsageEvent) -> dict[str, Any]:
    """Return what both pages of a call show."""
    writing_ms = event.total_ms - (event.first_byte_ms or 0)
    is_timed = event.first_byte_ms is not None and writing_ms > 0 and event.tokens_out
    return {
        "event": event,
        "price": PriceVersion.objects.filter(pk=event.price_version_id).first(),
        "speed": event.tokens_out * 1000 / writing_ms if is_timed else None,
    }


def _encoded(values: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update(values)
    return query.urlencode()

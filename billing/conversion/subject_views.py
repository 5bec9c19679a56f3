"""One organisation, one person, and what no figure holds: staff's pages about them."""

import json
from collections.abc import Iterator

from django.conf import settings
from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import (
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import staff_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from activity.models import Visitor
from audit import services as audit
from billing.conversion import people, settling
from billing.conversion.excluding import (
    set_organisation_excluded,
    set_person_excluded,
)
from billing.conversion.forms import ExclusionForm, ForgettingForm, RateForm
from billing.conversion.models import (
    Account,
    DailyRate,
    Developer,
    ForeignInvoice,
    GroupMember,
)
from billing.conversion.outside import REASONS, with_money
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.tables import csv_response


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def organisation(request: AuthenticatedHttpRequest, org: str) -> HttpResponse:
    """One organisation's buying group, and whether it is in the figures."""
    accounts = Account.objects.select_related("organisation", "developer__user")
    account = get_object_or_404(accounts, organisation__slug=org)
    form = ExclusionForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        set_organisation_excluded(
            account,
            is_excluded=form.cleaned_data["excluded"],
            reason=form.cleaned_data["reason"],
            by=request.user,
        )
        drafting.accept(request)
        messages.success(request, _("The figures follow."))
        return redirect("conversion:organisation", org)
    context = {
        "account": account,
        "has_way": Account.objects.with_community_way().filter(pk=account.pk).exists(),
        "group": people.buying_group(account),
        "roles": GroupMember.Role.labels,
        "currency": settings.REPORTING_CURRENCY,
        "form": _with_wish(form, account),
    }
    status = 422 if form.is_bound else 200
    return render(request, "conversion/organisation.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def person(request: AuthenticatedHttpRequest, username: str) -> HttpResponse:
    """One person's way, and whether they are in the figures."""
    developers = Developer.objects.select_related("user")
    developer = get_object_or_404(developers, user__username=username)
    form = ExclusionForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        set_person_excluded(
            developer.user,
            is_excluded=form.cleaned_data["excluded"],
            reason=form.cleaned_data["reason"],
            by=request.user,
        )
        drafting.accept(request)
        messages.success(request, _("The figures follow."))
        return redirect("conversion:person", username)
    context = _person_context(developer) | {"form": _with_wish(form, developer)}
    status = 422 if form.is_bound else 200
    return render(request, "conversion/person.html", context, status=status)


@require_safe
@staff_required
def person_export(request: AuthenticatedHttpRequest, username: str) -> HttpResponseBase:
    """All that is kept of a person's way, a line of JSON for each row."""
    user = get_object_or_404(User, username=username)
    audit.record("person.exported", actor=request.user, target=user.username)

    def lines() -> Iterator[str]:
        for row in people.export_person(user):
            yield json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"

    response = StreamingHttpResponse(lines(), content_type="application/x-ndjson")
    # Names may be Chinese; a header is ASCII.
    response["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=f"{user.username}.ndjson"
    )
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def person_forget(request: AuthenticatedHttpRequest, username: str) -> HttpResponse:
    """Erase how a person came and what they looked at; their name is typed first."""
    developers = Developer.objects.select_related("user")
    developer = get_object_or_404(developers, user__username=username)
    form = ForgettingForm(_sent(request), expected=developer.user.username)
    if request.method == "POST" and form.is_valid():
        people.forget_person(developer.user, by=request.user)
        drafting.accept(request)
        messages.success(request, _("Erased."))
        return redirect("conversion:person", username)
    context = {"developer": developer, "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "conversion/person_forget.html", context, status=status)


@require_safe
@staff_required
def outside(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """Organisations without a community way, and why; also as CSV."""
    found = with_money().select_related("organisation")
    if Values(request.GET).choice("format", ("csv",)) == "csv":
        audit.record("outside.exported", actor=request.user)
        names = ("organisation__slug", "reason", "first_paid_at", "revenue")
        columns = ["organisation", "reason", "first_paid_at"]
        columns += [f"revenue_minor_{settings.REPORTING_CURRENCY}", "cost_nano_usd"]
        rows = found.order_by("-revenue", "-pk").values_list(*names, "cost_nano")
        return csv_response("outside.csv", columns, rows.iterator())
    page = paginate(found, order_by=("-revenue", "-pk"), cursor=cursor_of(request))
    context = {
        "page": page,
        "lines": [(row, REASONS[row.reason]) for row in page.items],  # type: ignore[attr-defined]
        "currency": settings.REPORTING_CURRENCY,
    }
    return render(request, "conversion/outside.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def rates(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Daily rates of other currencies, what waits for one, and a form for the next."""
    form = RateForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        settling.record_rate(
            form.cleaned_data["currency"],
            form.cleaned_data["on"],
            nano=form.nano,
            by=request.user,
        )
        drafting.accept(request)
        messages.success(request, _("The rate is entered, and what waited is counted."))
        return redirect("conversion:rates")
    waiting = ForeignInvoice.objects.filter(factor_nano=None).exclude(paid_on=None)
    context = {
        "form": form,
        "page": paginate(
            DailyRate.objects.all(), order_by=("-on", "-pk"), cursor=cursor_of(request)
        ),
        # The oldest fifty: one rate takes a week of them away.
        "waiting": waiting.order_by("paid_on", "pk")[:50],
        "currency": settings.REPORTING_CURRENCY,
    }
    status = 422 if form.is_bound else 200
    return render(request, "conversion/rates.html", context, status=status)


def _sent(request: AuthenticatedHttpRequest) -> QueryDict | None:
    """Return what was sent, an empty form too; nothing when the page is only read."""
    return request.POST if request.method == "POST" else None


def _person_context(developer: Developer) -> dict[str, object]:
    parts = GroupMember.objects.filter(developer=developer)
    browsers = Visitor.objects.filter(link__user=developer.user)
    return {
        "developer": developer,
        "parts": parts.select_related("account__organisation").order_by("since", "pk"),
        "browsers": browsers.order_by("first_seen_at", "pk"),
        "currency": settings.REPORTING_CURRENCY,
    }


def _with_wish(form: ExclusionForm, subject: Account | Developer) -> ExclusionForm:
    """Have the form ask for what is not the case now."""
    form.fields["excluded"].initial = subject.excluded_at is None
    return form

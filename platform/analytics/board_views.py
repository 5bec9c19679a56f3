"""Dashboards and notes: what staff put together of the reports."""

from datetime import date
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from analytics import dashboards, watching
from analytics.engines import engine
from analytics.feed import lag_of
from analytics.forms import known_day
from analytics.models import Annotation, Dashboard, SavedReport, Tile
from analytics.saved import answer_saved
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.fields import validate_readable
from edge.pagination import paginate

ACTS = ("up", "down", "wider", "narrower", "remove")


class DashboardForm(forms.Form):
    """What a dashboard is to be called."""

    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[validate_readable]
    )


class TileForm(forms.Form):
    """Which report to put on a dashboard, and how wide."""

    report = forms.ModelChoiceField(
        label=pgettext_lazy("analytics", "Report"),
        queryset=SavedReport.objects.none(),
        to_field_name="public_id",
        empty_label=None,
    )
    is_wide = forms.BooleanField(label=_("Over the whole width"), required=False)

    def __init__(self, dashboard: Dashboard, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        offered = SavedReport.objects.order_by("name")
        self.fields["report"].queryset = offered.exclude(  # type: ignore[attr-defined]
            pk__in=dashboard.tiles.values("report")
        )


class AnnotationForm(forms.ModelForm[Annotation]):
    """What happened on a day that a chart can show."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].validators.append(validate_readable)

    def clean_on(self) -> date:
        return known_day(self.cleaned_data["on"])

    class Meta:
        model = Annotation
        fields = ["on", "kind", "text"]
        widgets = {"on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def dashboard_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every dashboard; a new one is posted here."""
    form = DashboardForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            made = dashboards.create_dashboard(
                form.cleaned_data["name"], by=request.user
            )
        except dashboards.DashboardNameTaken as error:
            form.add_error("name", str(error))
            status = error.status
        else:
            drafting.accept(request)
            return redirect("analytics:dashboard", public_id=made.public_id)
    visible = Dashboard.objects.visible_to(request.user)
    page = paginate(
        visible.select_related("created_by"),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"page": page, "form": form}
    return render(request, "analytics/dashboard_list.html", context, status=status)


@require_safe
@staff_required
def dashboard_detail(
    request: AuthenticatedHttpRequest, public_id: str
) -> HttpResponseBase:
    """A dashboard's reports, each with its answer."""
    return _page(request, _dashboard(request, public_id))


@require_POST
@staff_required
def tile_add(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    """Put a report on a dashboard."""
    dashboard = _dashboard(request, public_id)
    form = TileForm(dashboard, request.POST)
    if not form.is_valid():
        return _page(request, dashboard, form, status=422)
    try:
        dashboards.add_tile(
            dashboard,
            form.cleaned_data["report"],
            is_wide=form.cleaned_data["is_wide"],
        )
    except dashboards.TooManyTiles as error:
        form.add_error(None, str(error))
        return _page(request, dashboard, form, status=error.status)
    return redirect("analytics:dashboard", public_id=public_id)


@require_POST
@staff_required
def tile_change(
    request: AuthenticatedHttpRequest, public_id: str, tile: int
) -> HttpResponse:
    """Move a tile, change its width or take it off."""
    found = get_object_or_404(Tile, dashboard=_dashboard(request, public_id), pk=tile)
    act = Values(request.POST).choice("act", ACTS, default="remove")
    if act in {"up", "down"}:
        dashboards.move_tile(found, is_up=act == "up")
    elif act in {"wider", "narrower"}:
        dashboards.resize_tile(found, is_wide=act == "wider")
    else:
        dashboards.remove_tile(found)
    return redirect("analytics:dashboard", public_id=public_id)


@require_POST
@staff_required
def dashboard_mail(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    """Have a dashboard mailed to oneself each week, or no longer."""
    dashboard = _dashboard(request, public_id)
    wished = Values(request.POST).flag("on")
    dashboards.set_reader(dashboard, request.user, is_reader=wished)
    return redirect("analytics:dashboard", public_id=public_id)


@require_POST
@staff_required
def dashboard_delete(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    """Forget a dashboard; its reports stay."""
    dashboards.delete_dashboard(_dashboard(request, public_id), by=request.user)
    return redirect("analytics:dashboards")


@require_POST
@staff_required
def report_watch(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    """Be told when a report's series leaves its band, or no longer."""
    report = get_object_or_404(
        SavedReport.objects.visible_to(request.user), public_id=public_id
    )
    wished = Values(request.POST).flag("on")
    try:
        watching.set_watcher(report, request.user, is_watcher=wished)
    except DomainError as error:
        return render(
            request,
            "analytics/not_watchable.html",
            {"report": report, "reason": str(error)},
            status=error.status,
        )
    return redirect("analytics:report", public_id=public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def annotation_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What happened, the newest first; more is posted here."""
    form = AnnotationForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        dashboards.annotate(
            values["on"], values["kind"], values["text"], by=request.user
        )
        drafting.accept(request)
        return redirect("analytics:annotations")
    visible = Annotation.objects.visible_to(request.user)
    page = paginate(
        visible.select_related("created_by"),
        order_by=("-on", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"page": page, "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "analytics/annotation_list.html", context, status=status)


@require_POST
@staff_required
def annotation_delete(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take a note off the charts."""
    visible = Annotation.objects.visible_to(request.user)
    dashboards.delete_annotation(get_object_or_404(visible, pk=pk), by=request.user)
    return redirect("analytics:annotations")


def _dashboard(request: AuthenticatedHttpRequest, public_id: str) -> Dashboard:
    visible = Dashboard.objects.visible_to(request.user)
    return get_object_or_404(visible, public_id=public_id)


def _page(
    request: AuthenticatedHttpRequest,
    dashboard: Dashboard,
    form: TileForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    tiles = []
    for tile in dashboard.tiles.select_related("report"):
        saved = answer_saved(tile.report)
        drawn = ""
        if saved.answer is not None:
            drawn = render_to_string(
                saved.kind.answer_template, saved.context, request=request
            )
        tiles.append((tile, saved, drawn))
    context = {
        "dashboard": dashboard,
        "tiles": tiles,
        "form": form or TileForm(dashboard),
        "lag": lag_of(engine().state().complete_at),
        "is_reader": dashboard.readers.filter(user=request.user).exists(),
    }
    return render(request, "analytics/dashboard.html", context, status=status)

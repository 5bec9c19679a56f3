"""Where staff look after versions, and see which pages did not help."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from community.docs import services
from community.docs.models import MAX_LABEL, Page, Version
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.fields import validate_readable
from edge.pagination import paginate

ACTS = ("save", "default", "remove")


class VersionForm(forms.Form):
    """What readers are told a version is."""

    label = forms.CharField(
        label=gettext_lazy("What it is called"), max_length=MAX_LABEL
    )
    status = forms.ChoiceField(
        label=gettext_lazy("What it is"), choices=Version.Status.choices
    )

    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        first = {"label": version.label, "status": version.status}
        super().__init__(*args, **{**kwargs, "initial": first})
        if version.is_default:
            del self.fields["status"]

    def clean_label(self) -> str:
        """Return the label; one nobody sees would leave a menu empty."""
        label: str = self.cleaned_data["label"]
        validate_readable(label)
        return label


@require_safe
@staff_required
def version_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every version, and the pages most readers said did not help them."""
    shown = Q(pages__removed_at=None)
    versions = Version.objects.annotate(
        page_count=Count("pages", filter=shown),
        locales=ArrayAgg(
            "pages__locale",
            filter=shown,
            distinct=True,
            default=[],
            order_by="pages__locale",
        ),
    )
    unhelpful = Page.objects.published().filter(helpful_no__gt=0)
    page = paginate(
        unhelpful.select_related("version"),
        order_by=("-helpful_no", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"versions": versions, "page": page}
    return render(request, "docs/version_list.html", context)


@require_http_methods(["GET", "POST"])
@staff_required
def version_edit(request: AuthenticatedHttpRequest, version: str) -> HttpResponse:
    """Call a version something else, show it at ``/docs/``, or remove it."""
    found = get_object_or_404(Version, slug=version)
    form, status = VersionForm(version=found), 200
    if request.method == "POST":
        form, status = VersionForm(request.POST, version=found), 422
        act = Values(request.POST).choice("act", ACTS, default="save")
        if act != "save" or form.is_valid():
            try:
                _do(act, found, form, request)
            except DomainError as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                drafting.accept(request)
                messages.success(request, _("Saved."))
                return redirect("docs:version-list")
    context = {
        "version": found,
        "form": form,
        "page_count": found.pages.published().count(),
    }
    return render(request, "docs/version_edit.html", context, status=status)


def _do(
    act: str, version: Version, form: VersionForm, request: AuthenticatedHttpRequest
) -> None:
    if act == "default":
        services.make_default(version, by=request.user)
    elif act == "remove":
        services.remove_version(version, by=request.user)
    else:
        services.relabel_version(
            version,
            label=form.cleaned_data["label"],
            status=form.cleaned_data.get("status", ""),
            by=request.user,
        )

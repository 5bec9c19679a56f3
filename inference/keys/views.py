"""The keys of an organisation, in the console."""

import secrets

from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import (
    has_signed_in_recently,
    organisation_required,
    recent_sign_in_required,
    recent_sign_in_where_due,
)
from accounts.permissions import can_manage_keys
from accounts.types import OrganisationHttpRequest
from core.reading import Values, cursor_of
from edge import drafting, shown_once
from edge.pagination import paginate
from inference.catalog.examples import (
    base_url,
    call_examples,
    question_to,
    request_to,
)
from inference.catalog.queries import offered_models
from inference.keys import services
from inference.keys.exceptions import ProjectNameTaken
from inference.keys.forms import KeyForm, ProjectForm, shown_project
from inference.keys.models import ApiKey, ApiKeyQuerySet, Project

# More than most organisations have.
PAGE_SIZE = 50
# A form that was open longer is sent again on purpose.
_ONE_DAY = 86_400


@organisation_required
@require_safe
def key_list(request: OrganisationHttpRequest) -> HttpResponse:
    """Show an organisation's keys; their secrets are not known here."""
    can_manage = can_manage_keys(request.user, request.organisation)
    if not can_manage and not request.user.is_staff:
        raise PermissionDenied
    return _page(request, _empty_form(request), can_manage=can_manage)


@organisation_required
@never_cache
@require_POST
@recent_sign_in_required
def key_create(request: OrganisationHttpRequest) -> HttpResponse:
    """Make a key and go to where its secret is shown."""
    _require_manager(request)
    form = KeyForm(
        request.POST,
        models=list(offered_models()),
        projects=list(_projects(request)),
    )
    if not form.is_valid():
        return _page(request, form, status=422)
    if not _is_first_submission(request):
        messages.info(request, _("That key was made already; its secret was shown."))
        return redirect("keys:key-list", request.organisation.slug)
    key, secret = services.create_key(
        request.organisation,
        by=request.user,
        is_service=form.is_service,
        **form.values(),
    )
    drafting.accept(request)
    return _to_secret(request, key, secret)


@organisation_required
@never_cache
@require_POST
@recent_sign_in_required
def key_rotate(request: OrganisationHttpRequest, public_id: str) -> HttpResponse:
    """Make a successor of a key; the old one works a day longer."""
    _require_manager(request)
    key = get_object_or_404(_keys(request).usable(), public_id=public_id)
    if not _is_first_submission(request):
        messages.info(request, _("That key was made already; its secret was shown."))
        return redirect("keys:key-list", request.organisation.slug)
    successor, secret = services.rotate_key(key, by=request.user)
    return _to_secret(request, successor, secret, replaced=key)


@organisation_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_secret(request: OrganisationHttpRequest, public_id: str) -> HttpResponse:
    """Show the secret of a key just made, for some minutes and in this session only.

    A POST says that it was copied and ends that at once.
    """
    _require_manager(request)
    key = get_object_or_404(_keys(request), public_id=public_id)
    if request.method == "POST":
        shown_once.discard(request, f"key:{key.public_id}")
        return redirect("keys:key-list", request.organisation.slug)
    held = shown_once.held(request, f"key:{key.public_id}")
    if held is None:
        messages.info(
            request,
            _(
                "The secret of “%(name)s” is not shown any more. If you have no copy, "
                "rotate the key."
            )
            % {"name": key.name},
        )
        return redirect("keys:key-list", request.organisation.slug)
    return _page(
        request,
        _empty_form(request),
        revealed=_revealed(key, held),
    )


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_required
def key_edit(request: OrganisationHttpRequest, public_id: str) -> HttpResponse:
    """Change what a key is held to; its secret stays."""
    _require_manager(request)
    keys = _keys(request).usable().select_related("project")
    key = get_object_or_404(keys, public_id=public_id)
    form = KeyForm(
        _sent(request),
        models=list(offered_models()),
        projects=list(_projects(request)),
        key=key,
    )
    if request.method == "POST" and form.is_valid():
        services.set_key_rules(
            key, by=request.user, name=form.cleaned_data["name"], **form.rules()
        )
        drafting.accept(request)
        messages.success(
            request, _("“%(name)s” is held to this from now on.") % {"name": key.name}
        )
        return redirect("keys:key-list", request.organisation.slug)
    context = {"organisation": request.organisation, "form": form, "key": key}
    status = 422 if form.is_bound else 200
    return render(request, "keys/key_edit.html", context, status=status)


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_list(request: OrganisationHttpRequest) -> HttpResponse:
    """What keys are for, what each spent this month, and a form for one more."""
    can_manage = can_manage_keys(request.user, request.organisation)
    if not can_manage and not (request.user.is_staff and request.method != "POST"):
        raise PermissionDenied
    form = ProjectForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            project = services.create_project(
                request.organisation, by=request.user, **form.values()
            )
        except ProjectNameTaken as no:
            form.add_error("name", str(no))
        else:
            drafting.accept(request)
            messages.success(
                request, _("“%(name)s” can be chosen for keys.") % {"name": project}
            )
            return redirect("keys:project-list", request.organisation.slug)
    context = {
        "organisation": request.organisation,
        "projects": _projects(request).annotate(key_count=Count("keys")),
        "form": form,
        "can_manage": can_manage,
    }
    status = 422 if form.is_bound else 200
    return render(request, "keys/project_list.html", context, status=status)


@organisation_required
@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in_where_due
def project_edit(request: OrganisationHttpRequest, project_id: str) -> HttpResponse:
    """Change a project's name or budget."""
    _require_manager(request)
    project = get_object_or_404(_projects(request), public_id=project_id)
    form = ProjectForm(_sent(request), initial=shown_project(project))
    if request.method == "POST" and form.is_valid():
        try:
            services.set_project(
                project,
                by=request.user,
                may_raise=has_signed_in_recently(request),
                **form.values(),
            )
        except ProjectNameTaken as no:
            form.add_error("name", str(no))
        else:
            drafting.accept(request)
            messages.success(request, _("The changes are in force."))
            return redirect("keys:project-list", request.organisation.slug)
    context = {"organisation": request.organisation, "form": form, "project": project}
    status = 422 if form.is_bound else 200
    return render(request, "keys/project_edit.html", context, status=status)


@organisation_required
@require_POST
@recent_sign_in_required
def key_revoke(request: OrganisationHttpRequest, public_id: str) -> HttpResponse:
    """Take a key out of use."""
    _require_manager(request)
    key = get_object_or_404(_keys(request), public_id=public_id)
    if services.revoke_key(key, by=request.user):
        messages.success(
            request, _("“%(name)s” is revoked: it opens nothing.") % {"name": key.name}
        )
    else:
        messages.info(request, _("That key was revoked before."))
    return redirect("keys:key-list", request.organisation.slug)


def _keys(request: OrganisationHttpRequest) -> ApiKeyQuerySet:
    return ApiKey.objects.managed().filter(organisation=request.organisation)


def _projects(request: OrganisationHttpRequest) -> QuerySet[Project]:
    projects = Project.objects.filter(organisation=request.organisation)
    return projects.order_by("name")


def _empty_form(request: OrganisationHttpRequest) -> KeyForm:
    return KeyForm(models=list(offered_models()), projects=list(_projects(request)))


def _require_manager(request: OrganisationHttpRequest) -> None:
    if not can_manage_keys(request.user, request.organisation):
        raise PermissionDenied


def _is_first_submission(request: OrganisationHttpRequest) -> bool:
    """Tell whether this form is new: a reload must not make a second key."""
    # Ours have 32 characters.
    token = Values(request.POST).text("submission", most=64)
    if not token:
        return True
    return cache.add(f"keys:submission:{request.user.pk}:{token}", 1, _ONE_DAY)


def _to_secret(
    request: OrganisationHttpRequest,
    key: ApiKey,
    secret: str,
    *,
    replaced: ApiKey | None = None,
) -> HttpResponse:
    values = {"secret": secret, "replaced": str(replaced or "")}
    shown_once.hold(request, f"key:{key.public_id}", values)
    return redirect("keys:key-secret", request.organisation.slug, key.public_id)


def _revealed(key: ApiKey, held: dict[str, str]) -> dict[str, object]:
    """Return what the page of a new key shows beside its secret."""
    allowed = [
        model
        for model in offered_models()
        if not key.allowed_models or model.slug in key.allowed_models
    ]
    payload = request_to(allowed[0]) if allowed else question_to("doorstone-docs")
    return {
        "key": key,
        "secret": held["secret"],
        "replaced": held["replaced"],
        "dotenv": f"DOORSTONE_API_KEY={held['secret']}\n",
        "base_url": base_url(),
        "curl": call_examples(payload, key=held["secret"]).curl,
        "minutes": shown_once.MINUTES,
    }


def _page(
    request: OrganisationHttpRequest,
    form: KeyForm,
    *,
    can_manage: bool = True,
    revealed: dict[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "organisation": request.organisation,
        "keys": paginate(
            _keys(request).select_related("created_by", "project"),
            order_by=("-pk",),
            cursor=cursor_of(request),
            page_size=PAGE_SIZE,
        ),
        "form": form,
        "can_manage": can_manage,
        "revealed": revealed,
        "submission": secrets.token_hex(16),
        "rotation": secrets.token_hex(16),
    }
    return render(request, "keys/key_list.html", context, status=status)


def _sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with; an empty one was sent, too."""
    return request.POST if request.method == "POST" else None

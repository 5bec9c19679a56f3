"""Where staff make plans, and publish what they cost."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import recent_sign_in_required, staff_required
from accounts.types import AuthenticatedHttpRequest
from billing.catalogue import queries, services
from billing.catalogue.forms import (
    ArchiveForm,
    DraftForm,
    NewPlanForm,
    PlanForm,
    PublishForm,
    shown_terms,
)
from billing.plans import drafts, usage_words
from billing.plans.exceptions import DraftChanged, NoDraft, PlanIsGivenToAll
from billing.plans.models import Plan, PlanVersion
from core.errors import DomainError
from edge import drafting
from entitlements.features import FREE


@require_safe
@staff_required
def plan_list(request: HttpRequest) -> HttpResponse:
    """List every plan: what is sold, to how many, and what is being written."""
    return render(request, "catalogue/plan_list.html", {"rows": queries.plan_rows()})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def plan_new(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Make a plan that nobody sees until terms of it are published."""
    form = NewPlanForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        plan = drafts.create_plan(**form.cleaned_data, by=request.user)
        drafting.accept(request)
        messages.success(request, _("The plan is there. Write its terms now."))
        return redirect("catalogue:plan-draft", plan.key)
    status = 422 if form.is_bound else 200
    return render(request, "catalogue/plan_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def plan_detail(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Show a plan and all its versions; a POST changes what it is called."""
    found = _plan(plan)
    form = _named(found, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        drafts.set_plan(found, **form.cleaned_data, by=request.user)
        drafting.accept(request)
        messages.success(request, _("The plan was changed."))
        return redirect("catalogue:plan-detail", found.key)
    status = 422 if form.is_bound else 200
    return _detail(request, found, form, ArchiveForm(), status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def plan_draft(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Write the next terms of a plan, beginning with those that are sold."""
    found = _plan(plan)
    before = drafts.draft_of(found) or drafts.offered_of(found) or _last(found)
    terms = drafts.terms_of(before) if before else None
    form = DraftForm(
        request.POST if request.method == "POST" else None, initial=shown_terms(terms)
    )
    if form.is_bound and form.is_valid():
        try:
            drafts.save_draft(found, form.terms(found.key))
        except PlanIsGivenToAll as no:
            form.add_error(None, str(no))
        else:
            drafting.accept(request)
            return redirect("catalogue:plan-publish", found.key)
    status = 422 if form.is_bound else 200
    context = {"plan": found, "form": form}
    return render(request, "catalogue/plan_draft.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
@recent_sign_in_required
def plan_publish(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Show what publishing the draft changes and for whom; a POST publishes it."""
    found = _plan(plan)
    form = PublishForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                version, is_synced = services.publish_plan(
                    found, **form.cleaned_data, by=request.user
                )
            except (DraftChanged, NoDraft) as no:
                form.add_error(None, str(no))
                status = no.status
            else:
                drafting.accept(request)
                _say_published(request, str(version), is_synced)
                return redirect("catalogue:plan-detail", found.key)
    draft = drafts.draft_of(found)
    if draft is None:
        if not form.is_bound:
            return redirect("catalogue:plan-detail", found.key)
        messages.error(request, str(NoDraft()))
        return _detail(request, found, _named(found), ArchiveForm(), status=409)
    terms = drafts.terms_of(draft)
    offered = drafts.offered_of(found)
    before = drafts.terms_of(offered) if offered else None
    having = queries.subscribers_by_version()
    own = found.versions.values_list("pk", flat=True)
    context = {
        "plan": found,
        "draft": draft,
        "offered": offered,
        "differences": list(queries.differences(before, terms)),
        "having": sum(having.get(pk, 0) for pk in own),
        "examples": list(usage_words.examples(terms.usage_price)),
        "fingerprint": terms.fingerprint,
        "form": form,
    }
    return render(request, "catalogue/plan_publish.html", context, status=status)


@require_POST
@staff_required
@recent_sign_in_required
def plan_drop(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Throw the draft away."""
    found = _plan(plan)
    drafts.drop_draft(found)
    messages.success(request, _("The draft was thrown away."))
    return redirect("catalogue:plan-detail", found.key)


@require_POST
@staff_required
@recent_sign_in_required
def plan_archive(request: AuthenticatedHttpRequest, plan: str) -> HttpResponse:
    """Sell a plan no longer; who has it keeps it."""
    found = _plan(plan)
    form = ArchiveForm(request.POST)
    if form.is_valid():
        try:
            is_news = drafts.archive_plan(
                found, reason=form.cleaned_data["reason"], by=request.user
            )
        except DomainError as no:
            form.add_error(None, str(no))
        else:
            drafting.accept(request)
            if is_news:
                messages.success(request, _("The plan is not sold any more."))
            return redirect("catalogue:plan-detail", found.key)
    return _detail(request, found, _named(found), form, status=422)


def _plan(key: str) -> Plan:
    return get_object_or_404(Plan, key=key)


def _last(plan: Plan) -> PlanVersion | None:
    return plan.versions.order_by("-version").first()


def _named(plan: Plan, sent: QueryDict | None = None) -> PlanForm:
    shown = {name: getattr(plan, name) for name in PlanForm.base_fields}
    return PlanForm(sent, initial=shown)


def _detail(
    request: AuthenticatedHttpRequest,
    plan: Plan,
    form: PlanForm,
    archiving: ArchiveForm,
    *,
    status: int,
) -> HttpResponse:
    having = queries.subscribers_by_version()
    versions = plan.versions.order_by("-version").prefetch_related("prices")
    context = {
        "plan": plan,
        "versions": [
            (each, usage_words.told(each.usage_price), having.get(each.pk, 0))
            for each in versions
        ],
        "offered": drafts.offered_of(plan),
        "draft": drafts.draft_of(plan),
        "is_for_all": plan.key == FREE.plan,
        "form": form,
        "archiving": archiving,
    }
    return render(request, "catalogue/plan_detail.html", context, status=status)


def _say_published(
    request: AuthenticatedHttpRequest, version: str, is_synced: bool
) -> None:
    said = {"version": version}
    if is_synced:
        messages.success(request, _("%(version)s is sold from now on.") % said)
    else:
        messages.warning(
            request,
            _(
                "%(version)s is published. Stripe did not answer: it is told before the"
                " first purchase."
            )
            % said,
        )

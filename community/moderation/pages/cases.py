"""The queue of the moderators, and one case of it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.decorators import own_address, sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.moderation import services
from community.moderation.forms import MAX_REASON, CaseActForm
from community.moderation.lookups import require_moderator, ticked
from community.moderation.models import Case
from community.moderation.queries import evidence_of, list_cases
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting

VIEWS = {
    "waiting": gettext_lazy("Waiting"),
    "mine": gettext_lazy("Claimed by me"),
    "decided": gettext_lazy("Decided"),
}
ACTS = (*Case.Outcome.values, "claim", "unclaim", "reopen")


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def case_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What waits for a moderator, the weightiest first; several are decided at once."""
    by = require_moderator(request)
    form = CaseActForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        keys = ticked(request.POST)
        if not keys:
            form.add_error(None, _("Tick at least one of them."))
        elif form.cleaned_data["act"] == "claim":
            return _claim(request, keys)
        else:
            act = services.judge_cases(
                keys,
                outcome=form.cleaned_data["act"],
                by=by,
                note=form.cleaned_data["note"],
            )
            drafting.accept(request)
            return redirect(act)
    asked = Values(request.GET)
    view = asked.choice("view", VIEWS, default="waiting")
    kind = asked.choice("kind", Case.Kind.values)
    page = list_cases(view=view, kind=kind, by=by, cursor=cursor_of(request))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "page": page,
        "form": form,
        "view": view,
        "kind": kind,
        "query": query.urlencode(),
        "tabs": [(f"?view={name}", VIEWS[name], name == view) for name in VIEWS],
        "kinds": [
            (f"?view={view}", _("All"), not kind),
            *(
                (f"?view={view}&kind={k}", label, k == kind)
                for k, label in Case.Kind.choices
            ),
        ],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "moderation/case_list.html", context, status=status)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def case_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One case with all that was said of it, and deciding it."""
    by = require_moderator(request)
    cases = Case.objects.visible_to(by).select_related(
        "post__topic__category",
        "post__author",
        "comment__author",
        "comment__post__topic__category",
        "sanction__by",
        "subject",
        "claimed_by",
        "decided_by",
    )
    case = get_object_or_404(cases, pk=pk)
    error = ""
    status = 200
    sent = Values(request.POST)
    note = sent.text("note", most=MAX_REASON)
    if request.method == "POST":
        try:
            _do(sent.choice("act", ACTS), case, by=by, note=note)
        except DomainError as refused:
            error, status = str(refused), refused.status
        else:
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect(case)
    context = {"case": case, "error": error, "note": note, **evidence_of(case)}
    return render(request, "moderation/case_detail.html", context, status=status)


def _do(act: str, case: Case, *, by: User, note: str) -> None:
    if act == "claim":
        services.hold_case(case, by=by)
    elif act == "unclaim":
        services.unclaim_case(case, by=by)
    elif act == "reopen":
        services.reopen_case(case, by=by)
    elif act:
        services.judge_case(case, outcome=act, by=by, note=note)
    else:
        raise DomainError(_("Choose what is to be done."))


def _claim(request: AuthenticatedHttpRequest, keys: list[int]) -> HttpResponse:
    claimed = 0
    for case in Case.objects.undecided().filter(pk__in=keys[: services.MOST_AT_ONCE]):
        try:
            services.hold_case(case, by=request.user)
        except DomainError:
            continue
        claimed += 1
    said = ngettext("You claimed %d case.", "You claimed %d cases.", claimed) % claimed
    messages.success(request, said)
    drafting.accept(request)
    return redirect("moderation:case-list")

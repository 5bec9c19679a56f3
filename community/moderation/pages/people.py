"""What moderators know of a person and impose on them; what the person reads of it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import own_address, sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.moderation import services
from community.moderation.forms import AppealForm, LevelForm, SanctionForm
from community.moderation.lookups import require_moderator
from community.moderation.models import Case
from community.moderation.queries import people_under_sanction
from community.moderation.weighing import record_of
from community.standing import services as standing
from community.standing.models import Level, Sanction, Trust
from community.standing.privileges import PRIVILEGES
from community.standing.queries import level_of
from core.errors import DomainError
from core.reading import MOST_DIGITS, Values, cursor_of
from edge import drafting
from edge.pagination import paginate

# The largest key an address or a field may name.
MOST_KEY = 10**MOST_DIGITS - 1


@require_safe
@sign_in_required
def person_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Who is silenced or suspended now, and the way to anybody else."""
    require_moderator(request)
    wanted = Values(request.GET).text("person").lstrip("@")
    if wanted:
        found = User.objects.filter(username__iexact=wanted, is_active=True).first()
        if found is not None:
            return redirect("moderation:person-detail", found.username)
    page = paginate(
        people_under_sanction(),
        order_by=("-created_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {"page": page, "wanted": wanted}
    return render(request, "moderation/person_list.html", context)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def person_detail(request: AuthenticatedHttpRequest, username: str) -> HttpResponse:
    """What was imposed on a person and reported of them; imposing, lifting, levels."""
    require_moderator(request)
    person = get_object_or_404(User, username=username, is_active=True)
    act = Values(request.POST).choice("act", ("sanction", "lift", "level"))
    is_sanction = request.method == "POST" and act == "sanction"
    form = SanctionForm(request.POST if is_sanction else None, initial={"days": 7})
    status = 200
    error = ""
    if request.method == "POST":
        status = 422
        try:
            if _do(request, act, person, form):
                drafting.accept(request)
                messages.success(request, _("Saved."))
                return redirect("moderation:person-detail", person.username)
        except DomainError as refused:
            error, status = str(refused), refused.status
    sanctions = Sanction.objects.filter(user=person).select_related("by", "lifted_by")
    trust = Trust.objects.filter(pk=person.pk).first()
    level = level_of(person)
    context = {
        "person": person,
        "form": form,
        "error": error,
        "sanctions": sanctions.order_by("-created_at", "-pk"),
        "level": Level(level),
        "trust": trust,
        "level_form": LevelForm(
            initial={"level": level, "is_locked": bool(trust and trust.is_locked)}
        ),
        "record": record_of(person),
        "cases": Case.objects.filter(subject=person)
        .select_related("post__topic", "comment__post__topic")
        .order_by("-pk")[:10],
        "is_team": person.is_staff or person.is_moderator,
    }
    return render(request, "moderation/person_detail.html", context, status=status)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def standing_page(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What I may do here, what was imposed on me and why; appealing against it."""
    sanctions = Sanction.objects.filter(user=request.user).order_by("-created_at")
    forms: dict[int, AppealForm] = {}
    status = 200
    if request.method == "POST":
        status = 422
        pk = Values(request.POST).whole("sanction", default=0, least=0, most=MOST_KEY)
        sanction = get_object_or_404(sanctions, pk=pk)
        form = forms[pk] = AppealForm(request.POST, auto_id=f"appeal-{pk}-%s")
        if form.is_valid():
            try:
                services.appeal_sanction(sanction, text=form.cleaned_data["text"])
            except DomainError as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                drafting.accept(request)
                messages.success(request, _("A moderator will look at it."))
                return redirect("moderation:standing")
    appeals = {
        case.sanction_id: case
        for case in Case.objects.filter(sanction__in=sanctions).order_by("pk")
    }
    level = level_of(request.user)
    context = {
        "rows": [
            (
                each,
                appeals.get(each.pk),
                forms.get(each.pk) or AppealForm(auto_id=f"appeal-{each.pk}-%s"),
            )
            for each in sanctions
        ],
        "level": Level(level),
        "may": PRIVILEGES[level],
    }
    return render(request, "moderation/standing.html", context, status=status)


def _do(
    request: AuthenticatedHttpRequest, act: str, person: User, form: SanctionForm
) -> bool:
    """Do what was asked for; return whether there was enough to do it with."""
    sent = Values(request.POST)
    if act == "lift":
        pk = sent.whole("sanction", default=0, least=0, most=MOST_KEY)
        sanction = get_object_or_404(Sanction, pk=pk, user=person)
        standing.lift_sanction(sanction, by=request.user)
        return True
    if act == "level":
        level_form = LevelForm(request.POST)
        if not request.user.is_staff:
            raise PermissionDenied
        if not level_form.is_valid():
            return False
        standing.set_level(
            person,
            level=Level(level_form.cleaned_data["level"]),
            is_locked=level_form.cleaned_data["is_locked"],
            by=request.user,
        )
        return True
    if act != "sanction" or not form.is_valid():
        return False
    standing.sanction_person(
        person,
        kind=form.cleaned_data["kind"],
        reason=form.cleaned_data["reason"],
        until=form.until,
        by=request.user,
    )
    return True

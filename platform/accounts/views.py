"""Settings of a person, and the console's pages about organisations."""

from allauth.core.exceptions import ReauthenticationRequired
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import is_valid_path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django.views.i18n import set_language as django_set_language

from accounts import permissions, services, tokens
from accounts.browsers import name_of
from accounts.decorators import (
    has_signed_in_recently,
    organisation_required,
    own_address,
    recent_sign_in_required,
    sign_in_required,
)
from accounts.exceptions import InvitationInvalid
from accounts.forms import (
    InvitationForm,
    OrganisationForm,
    ProfileForm,
    TeamForm,
    TokenForm,
)
from accounts.limits import count_invitation
from accounts.mail import send_invitation
from accounts.models import Membership, Organisation, PersonalAccessToken
from accounts.queries import current_organisation, membership_of, open_invitation
from accounts.resending import open_form
from accounts.seats import seats_of
from accounts.types import AuthenticatedHttpRequest, OrganisationHttpRequest
from accounts.wall import second_factor_page
from accounts.wishes import wish_of
from core.errors import DomainError, RateLimited
from core.reading import Values
from edge import drafting, shown_once


def sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with, which may be nothing at all."""
    return request.POST if request.method == "POST" else None


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language in this browser and, for a signed-in user, everywhere."""
    language = Values(request.POST).text("language")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        services.set_language(request.user, language)
    return django_set_language(request)


@require_safe
@sign_in_required
def settings_home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Go to the first page of my settings."""
    return redirect("accounts:profile-settings")


@require_http_methods(["GET", "POST"])
@sign_in_required
def profile_settings(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What others see of me, my language and my time zone."""
    form = ProfileForm(sent(request), instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        drafting.accept(request)
        messages.success(request, _("Saved."))
        return redirect("accounts:profile-settings")
    context = {"form": form}
    return render(
        request,
        "accounts/profile_settings.html",
        context,
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
@sign_in_required
@recent_sign_in_required
def token_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """My tokens for the REST API."""
    form = TokenForm(sent(request))
    if request.method == "POST" and form.is_valid():
        token, secret = tokens.create_token(
            request.user,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
        )
        drafting.accept(request)
        shown_once.hold(request, f"token:{token.pk}", {"secret": secret})
        return redirect("accounts:token-secret", token.pk)
    return _token_page(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
def token_secret(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show a token just made, for some minutes and in this session only.

    A POST says that it was copied and ends that at once.
    """
    present = PersonalAccessToken.objects.filter(user=request.user, revoked_at=None)
    token = get_object_or_404(present, pk=pk)
    if request.method == "POST":
        shown_once.discard(request, f"token:{token.pk}")
        return redirect("accounts:token-list")
    held = shown_once.held(request, f"token:{token.pk}")
    if held is None:
        text = _("“%(name)s” is not shown any more. If you have no copy, make another.")
        messages.info(request, text % {"name": token.name})
        return redirect("accounts:token-list")
    return _token_page(request, TokenForm(), made=token, secret=held["secret"])


@require_POST
@sign_in_required
def token_revoke(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take one of my tokens out of use."""
    tokens.revoke_token(
        get_object_or_404(PersonalAccessToken, pk=pk, user=request.user)
    )
    messages.success(request, _("The token is revoked."))
    return redirect("accounts:token-list")


@require_safe
@sign_in_required
def second_factor(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Why my role needs a second factor, by when, and the way to set it up."""
    return second_factor_page(request)


@require_safe
@sign_in_required
def session_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Where I am signed in."""
    present = UserSession.objects.purge_and_list(request.user)
    rows = [
        {"session": each, "browser": name_of(each.user_agent)}
        for each in sorted(present, key=lambda each: each.last_seen_at, reverse=True)
    ]
    rows.sort(key=lambda row: not row["session"].is_current())
    context = {"rows": rows}
    return render(request, "accounts/session_list.html", context)


@require_POST
@sign_in_required
def session_end(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Sign out one of my other sessions, or all of them."""
    others = [
        each
        for each in UserSession.objects.filter(user=request.user)
        if not each.is_current()
    ]
    wanted = Values(request.POST).text("session")
    ending = [each for each in others if wanted in {"others", str(each.pk)}]
    if not ending:
        raise Http404
    get_adapter().end_sessions(ending)
    messages.success(request, _("Signed out there."))
    return redirect("accounts:session-list")


@require_safe
@sign_in_required
def send_again(request: AuthenticatedHttpRequest, token: str) -> HttpResponse:
    """Send a form that waited until I had typed my password again.

    Raises ``ReauthenticationRequired`` where I have not.
    """
    if not has_signed_in_recently(request):
        raise ReauthenticationRequired
    form = open_form(request, token)
    if form is not None:
        return render(request, "accounts/send_again.html", {"form": form})
    messages.warning(
        request, _("It was not sent: that took too long. Look at it and send it again.")
    )
    return redirect(wish_of(request) or "accounts:console")


@require_safe
@sign_in_required
def console(request: AuthenticatedHttpRequest, page: str = "") -> HttpResponse:
    """Go to a page of the console of the organisation I work in now.

    So one link can lead every reader to their own keys.
    """
    organisation = current_organisation(request.user)
    address = f"{reverse('accounts:console-home', args=[organisation.slug])}{page}"
    if not is_valid_path(address):
        raise Http404
    query = request.META["QUERY_STRING"]
    return redirect(f"{address}?{query}" if query else address)


@require_http_methods(["GET", "POST"])
@sign_in_required
def team_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Begin a team."""
    form = TeamForm(sent(request))
    if request.method == "POST" and form.is_valid():
        team = services.create_organisation(
            form.cleaned_data["name"], owner=request.user
        )
        drafting.accept(request)
        return redirect("accounts:console-home", org=team.slug)
    return render(
        request,
        "accounts/team_create.html",
        {"form": form},
        status=422 if form.errors else 200,
    )


@require_safe
@organisation_required
def console_home(request: OrganisationHttpRequest) -> HttpResponse:
    """An organisation at a glance; its parts come from the areas that own them."""
    return render(
        request, "accounts/console_home.html", {"organisation": request.organisation}
    )


@require_http_methods(["GET", "POST"])
@organisation_required
@recent_sign_in_required
def member_list(request: OrganisationHttpRequest) -> HttpResponse:
    """The members of an organisation; its managers may invite."""
    organisation = request.organisation
    me = membership_of(request.user, organisation)
    can_manage = permissions.can_manage_members(request.user, organisation)
    form = InvitationForm(sent(request))
    refusal: DomainError | None = None
    if request.method == "POST":
        if not can_manage or me is None:
            raise PermissionDenied
        if form.is_valid():
            try:
                count_invitation(
                    organisation, to=form.cleaned_data["email"], by=request.user
                )
                invitation, token = services.invite_member(
                    organisation,
                    email=form.cleaned_data["email"],
                    role=form.cleaned_data["role"],
                    by=me,
                )
            except DomainError as error:
                form.add_error(None, str(error))
                refusal = error
            else:
                address = reverse("accounts:invitation-accept", args=[token])
                send_invitation(invitation, address)
                drafting.accept(request)
                messages.success(request, _("The invitation is on its way."))
                return redirect("accounts:member-list", org=organisation.slug)
    context = {
        "organisation": organisation,
        "form": form,
        "can_manage": can_manage,
        "can_buy": permissions.can_manage_billing(request.user, organisation),
        "seats": seats_of(organisation),
        "me": me,
        "roles": Membership.Role.choices,
        "members": organisation.memberships.select_related("user").order_by("pk"),
        "invitations": organisation.invitations.filter(accepted_at=None).order_by(
            "-pk"
        ),
    }
    response = render(
        request,
        "accounts/member_list.html",
        context,
        status=422 if form.errors else 200,
    )
    if isinstance(refusal, RateLimited):
        response.status_code = refusal.status
        response["Retry-After"] = str(refusal.retry_after)
    return response


@require_POST
@organisation_required
@recent_sign_in_required
def member_change(request: OrganisationHttpRequest, pk: int) -> HttpResponse:
    """Give a member another role, or take them out."""
    organisation = request.organisation
    membership = get_object_or_404(Membership, pk=pk, organisation=organisation)
    me = membership_of(request.user, organisation)
    sent = Values(request.POST)
    is_removal = sent.has("remove")
    is_leaving = me is not None and me.pk == membership.pk and is_removal
    if me is None or not (
        is_leaving or permissions.can_manage_members(request.user, organisation)
    ):
        raise PermissionDenied
    try:
        if is_removal:
            services.remove_member(membership, by=me)
        elif role := sent.choice("role", Membership.Role.values):
            services.change_role(membership, role=role, by=me)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        if is_leaving:
            return redirect("accounts:console")
        messages.success(request, _("Saved."))
    return redirect("accounts:member-list", org=organisation.slug)


@require_POST
@organisation_required
def invitation_withdraw(request: OrganisationHttpRequest, pk: int) -> HttpResponse:
    """Take back an invitation nobody has accepted."""
    organisation = request.organisation
    if not permissions.can_manage_members(request.user, organisation):
        raise PermissionDenied
    open_ones = organisation.invitations.filter(accepted_at=None)
    services.withdraw_invitation(get_object_or_404(open_ones, pk=pk))
    messages.success(request, _("The invitation is not valid any more."))
    return redirect("accounts:member-list", org=organisation.slug)


@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Say who invites whom into which team, and let that person join.

    Everybody with the link may read it; only the invited address may accept.
    """
    user = request.user
    if request.method == "POST":
        return _join(request, token)
    invitation = open_invitation(token)
    if invitation is None:
        raise InvitationInvalid
    context = {
        "invitation": invitation,
        "is_mine": user.is_authenticated
        and user.email.lower() == invitation.email.lower(),
    }
    return render(request, "accounts/invitation_accept.html", context)


@sign_in_required(page=own_address)
def _join(request: AuthenticatedHttpRequest, token: str) -> HttpResponse:
    membership = services.accept_invitation(token, user=request.user)
    return redirect("accounts:console-home", org=membership.organisation.slug)


@require_http_methods(["GET", "POST"])
@organisation_required
def organisation_settings(request: OrganisationHttpRequest) -> HttpResponse:
    """An organisation's name and where its bills go."""
    organisation = request.organisation
    can_manage = permissions.role_in(request.user, organisation) in {"owner", "admin"}
    form = OrganisationForm(
        sent(request), instance=Organisation.objects.get(pk=organisation.pk)
    )
    if request.method == "POST":
        if not can_manage:
            raise PermissionDenied
        if form.is_valid():
            services.set_details(organisation, **form.cleaned_data, by=request.user)
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect("accounts:organisation-settings", org=organisation.slug)
    context = {"organisation": organisation, "form": form, "can_manage": can_manage}
    return render(
        request,
        "accounts/organisation_settings.html",
        context,
        status=422 if form.errors else 200,
    )


def _token_page(
    request: AuthenticatedHttpRequest,
    form: TokenForm,
    *,
    made: PersonalAccessToken | None = None,
    secret: str = "",
) -> HttpResponse:
    present = PersonalAccessToken.objects.filter(user=request.user, revoked_at=None)
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "minutes": shown_once.MINUTES,
        "tokens": present.order_by("-pk"),
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/token_list.html", context, status=status)

"""The page of a link, a member's own page, and what staff decide."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import (
    require_recent_sign_in,
    sign_in_required,
    staff_required,
)
from accounts.types import AuthenticatedHttpRequest
from activity.browser import asks_not_to_be_known
from billing.referrals import services
from billing.referrals.exceptions import ReferralDecided
from billing.referrals.figures import referral_figures
from billing.referrals.forms import DecisionForm
from billing.referrals.models import Referral, ReferralLink
from billing.referrals.terms import PROMISE
from billing.referrals.visiting import digest_of_address, keep_visit
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate
from edge.types import PageRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: PageRequest, code: str) -> HttpResponse:
    """What a link promises. The first visit is kept in the browser until the sign-up.

    Of who asks not to be known only a press of the button is kept.
    """
    link = get_object_or_404(ReferralLink.objects.select_related("user"), code=code)
    if request.method == "POST":
        response: HttpResponse = redirect("account_signup")
        keep_visit(request, response, code=link.code)
        return response
    response = render(request, "referrals/invitation.html", {"link": link, **PROMISE})
    is_new_here = not request.user.is_authenticated
    if request.method == "GET" and is_new_here and not asks_not_to_be_known(request):
        keep_visit(request, response, code=link.code)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
def mine(request: AuthenticatedHttpRequest) -> HttpResponse:
    """A member's own link, and how far those came whom it brought."""
    if request.method == "POST":
        services.ensure_link(request.user, address_digest=digest_of_address(request))
        return redirect("referrals:mine")
    link = ReferralLink.objects.filter(user=request.user).first()
    brought = Referral.objects.brought_by(request.user)
    page = paginate(
        brought.select_related("invited"),
        order_by=("-joined_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {
        "link": link,
        "address": link.address if link else "",
        "page": page,
        "figures": referral_figures(brought),
        **PROMISE,
    }
    return render(request, "referrals/mine.html", context)


@require_safe
@staff_required
def referral_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every referral, first of all those that wait for a decision."""
    is_all = Values(request.GET).choice("state", ("all",)) == "all"
    everything = Referral.objects.visible_to(request.user)
    shown = everything if is_all else everything.undecided()
    page = paginate(
        shown.select_related("invited", "link__user", "organisation"),
        order_by=("-joined_at", "-pk"),
        cursor=cursor_of(request),
    )
    context = {
        "page": page,
        "is_all": is_all,
        "figures": referral_figures(everything),
        **PROMISE,
    }
    return render(request, "referrals/referral_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_required
def referral(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """One referral with what speaks against it, and the decision about it."""
    visible = Referral.objects.visible_to(request.user)
    found = get_object_or_404(
        visible.select_related("invited", "link__user", "organisation", "decided_by"),
        pk=pk,
    )
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if form.is_rewarded:
            require_recent_sign_in(request)
        try:
            services.decide_referral(
                found,
                is_rewarded=form.is_rewarded,
                note=form.cleaned_data["note"],
                by=request.user,
            )
        except ReferralDecided as error:
            form.add_error(None, str(error))
        else:
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect("referrals:referral", found.pk)
    status = 422 if form.is_bound else 200
    context = {"referral": found, "form": form, **PROMISE}
    return render(request, "referrals/referral.html", context, status=status)

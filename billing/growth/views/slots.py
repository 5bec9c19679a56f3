"""What a person sees of an offer: fragments by address, and a page of its own."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.decorators import sign_in_required
from accounts.models import Organisation
from accounts.queries import current_organisation
from accounts.types import AuthenticatedHttpRequest
from accounts.wishes import wish_of
from billing.growth import occurrences, queries, services
from billing.growth.models import Decision, Offer
from billing.growth.surfaces import PULLED, Surface
from billing.growth.targets import target_of
from core.errors import DomainError
from core.reading import Values
from edge.types import PageRequest


@never_cache
@require_safe
def slot(request: PageRequest, surface: str) -> HttpResponse:
    """The offer that a page has room for, as a fragment; empty where there is none."""
    if surface not in PULLED:
        raise Http404
    if not request.user.is_authenticated:
        return HttpResponse()
    asked = Values(request.GET).text("org")
    visible = Organisation.objects.filter(memberships__user_id=request.user.pk)
    organisation = visible.filter(slug=asked).first() if asked else None
    organisation = organisation or current_organisation(request.user)
    if surface == Surface.PRICING and request.method == "GET":
        occurrences.notice_pricing(request.user.pk, organisation.pk)
    decision = queries.offer_for_surface(
        request.user, surface, organisation_id=organisation.pk
    )
    context = {"decision": decision, "surface": surface, "wish": wish_of(request)}
    return render(request, "growth/_offer.html", context)


@require_POST
@sign_in_required
def seen(request: AuthenticatedHttpRequest, uuid: UUID) -> HttpResponse:
    """Note that a fragment came into view, which one far below may never do."""
    surface = Values(request.GET).choice(
        "from", Surface.values, default=Surface.CONSOLE
    )
    services.record_exposure(uuid, user=request.user, surface=surface)
    return HttpResponse(status=204)


@never_cache
@require_safe
@sign_in_required
def offer(request: AuthenticatedHttpRequest, uuid: UUID) -> HttpResponse:
    """One offer as a page: where mails and the API's hints lead."""
    decision = (
        Decision.objects.visible_to(request.user)
        .filter(uuid=uuid, offer__isnull=False)
        .select_related("offer", "organisation")
        .first()
    )
    if decision is None or not queries.may_be_treated(request.user):
        return _instead(request, uuid)
    surface = Values(request.GET).choice(
        "from", (Surface.MAIL, Surface.GATEWAY), default=Surface.MAIL
    )
    is_standing = Decision.objects.standing().filter(pk=decision.pk).exists()
    if is_standing and request.method == "GET":
        services.record_exposure(uuid, user=request.user, surface=surface)
    context = {
        "decision": decision,
        "organisation": decision.organisation,
        "surface": surface,
        "is_standing": is_standing,
    }
    return render(request, "growth/offer.html", context)


def _instead(request: AuthenticatedHttpRequest, uuid: UUID) -> HttpResponse:
    """Lead a member whom a hint of the API has sent here to the plans.

    What is offered to their organisation is for who looks after its money.
    """
    of_mine = Decision.objects.filter(
        uuid=uuid,
        user=None,
        offer__isnull=False,
        organisation__memberships__user_id=request.user.pk,
    )
    if of_mine.exists():
        return redirect("plans:pricing")
    raise Http404


@require_POST
@sign_in_required
def accept(request: AuthenticatedHttpRequest, uuid: UUID) -> HttpResponse:
    """Accept an offer and go where it leads."""
    try:
        decision = services.accept_offer(uuid, by=request.user)
    except Decision.DoesNotExist as error:
        raise Http404 from error
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("growth:offer", uuid)
    if decision.in_force_until is not None:
        messages.success(
            request, _("It is in force. Nothing is charged, now or after.")
        )
    elif decision.offer and decision.offer.kind == Offer.Kind.OFFICE_HOUR:
        messages.success(
            request, _("Thank you. A person writes to you within one working day.")
        )
    return redirect(target_of(decision, wish=wish_of(request)))


@require_POST
@sign_in_required
def dismiss(request: AuthenticatedHttpRequest, uuid: UUID) -> HttpResponse:
    """Put an offer away; it does not come again for a month."""
    try:
        services.dismiss_offer(uuid, by=request.user)
    except Decision.DoesNotExist as error:
        raise Http404 from error
    if getattr(request, "htmx", None):
        return HttpResponse()
    messages.success(request, _("Put away. You will not be shown it for a month."))
    return redirect("accounts:console")

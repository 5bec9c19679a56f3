"""What a form was sent with is kept until its view accepts it."""

import logging
from collections.abc import Callable, Mapping

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from core.errors import DomainError
from drafts import services
from drafts.slots import Slot
from edge import drafting
from edge.callers import place_of
from stores import limiter

logger = logging.getLogger(__name__)

# The browser reads this to forget exactly what was accepted; it names nonces.
ACCEPTED_COOKIE = "ds_accepted"
# A nonce has 24 characters: with eight the cookie has 199 bytes.
_MOST_NAMED = 8
# The browser reads it with its next page; ten minutes are a slow one.
_NAMED_FOR = 600
# A refused form is corrected by hand: one a second is a script.
_KEPT_PER_MINUTE = 60
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def keep_drafts(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Keep the text of every form that was not accepted.

    Only a view can accept, by ``edge.drafting.accept``. The answer then names the
    form, in a header and in a cookie of ten minutes, and the browser forgets its copy.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or request.content_type not in _FORMS:
            return get_response(request)
        outcome = drafting.DraftOutcome()
        reset = drafting.outcome.set(outcome)
        try:
            response = get_response(request)
        finally:
            drafting.outcome.reset(reset)
        try:
            _settle(request, response, outcome)
        except (DatabaseError, DomainError) as error:
            # The browser's copy remains; the answer is more important.
            logger.warning("drafts.not_kept", extra={"error": str(error)})
        return response

    return middleware


def _name_accepted(request: HttpRequest, response: HttpResponse, slot: Slot) -> None:
    """Tell the browser which of its copies have done their work."""
    named = request.COOKIES.get(ACCEPTED_COOKIE, "").split(".")[-_MOST_NAMED:]
    nonces = [nonce for nonce in (*named, slot.nonce, slot.began_from) if nonce]
    response["Draft-Accepted"] = slot.nonce
    response.set_cookie(
        ACCEPTED_COOKIE,
        ".".join(dict.fromkeys(nonces)),
        max_age=_NAMED_FOR,
        samesite="Lax",
        secure=settings.IS_HTTPS,
    )


def _settle(
    request: HttpRequest, response: HttpResponse, outcome: drafting.DraftOutcome
) -> None:
    for token in outcome.accepted:
        slot = Slot.read(token)
        if slot is None:
            continue
        _name_accepted(request, response, slot)
        has_draft = slot.owner or services.owner_of(request) is not None
        owner = services.owner_of_slot(slot, request) if has_draft else None
        if owner is not None and not slot.is_local:
            services.accept(slot, owner=owner)
    token = drafting.token_of(request)
    if not token or token in outcome.accepted:
        return
    slot = Slot.read(token)
    if slot is not None and not slot.is_local:
        _keep(request, slot, outcome.replaced.get(token) or _sent(request))


def _keep(request: HttpRequest, slot: Slot, fields: Mapping[str, list[str]]) -> None:
    limiter.check("draft-refused", place_of(request), limit=_KEPT_PER_MINUTE, period=60)
    owner = services.owner_of_slot(slot, request)
    if owner is not None:
        services.keep(slot, fields, owner=owner)


def _sent(request: HttpRequest) -> dict[str, list[str]]:
    return dict(request.POST.lists())

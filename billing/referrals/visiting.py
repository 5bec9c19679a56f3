"""The first visit by a link: kept in the visitor's own browser until they sign up."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing.referrals.terms import VISIT_LASTS
from core.crypto import keyed_digest
from edge.callers import address_of, network_of

COOKIE = "ds_invited"
_SALT = "referrals.visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """When a browser first opened whose link; of its network only a digest."""

    code: str
    at: datetime
    visitor_id: str
    address_digest: str


def visit_of(request: HttpRequest) -> Visit | None:
    """Return the first visit this browser keeps, while it counts."""
    try:
        code, at, visitor_id, address = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=VISIT_LASTS
        )
        return Visit(code, datetime.fromisoformat(at), visitor_id, address)
    except (signing.BadSignature, TypeError, ValueError):
        return None


def keep_visit(request: HttpRequest, response: HttpResponse, *, code: str) -> None:
    """Have the browser keep a visit; the first one stays, whatever comes later."""
    if visit_of(request) is not None:
        return
    value = [
        code,
        timezone.now().isoformat(),
        getattr(request, "visitor_id", ""),
        digest_of_address(request),
    ]
    response.set_cookie(
        COOKIE,
        signing.dumps(value, salt=_SALT),
        max_age=VISIT_LASTS,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def digest_of_address(request: HttpRequest) -> str:
    """Return a keyed digest of the network a request came from; never the address."""
    network = network_of(address_of(request))
    return keyed_digest(network, purpose="referral address") if network else ""

"""Forms that wait while their sender types a password again.

A form that must not be sent from a forgotten screen leads to the password page. Once
its sender has confirmed who they are, a page sends it from their browser, to the
address it was for: whatever answers, a refusal too, stands where it belongs.
"""

import secrets
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse

from accounts.decorators import page_before
from edge import shown_once

# As addresses write it, where Chinese takes nine times the room. A session is read with
# every page, so what only a program sends is not carried along in it.
_MOST = 300_000


class WaitingForm(NamedTuple):
    """A form that was sent and not taken in yet."""

    address: str
    fields: list[tuple[str, str]]
    # Opened again, its page was come back to: it may have been sent.
    was_opened: bool


def keep_form(request: HttpRequest) -> str:
    """Keep a form for some minutes, and return the address of the page that sends it.

    One that is too large is not kept; its page leads back to where it was typed.
    """
    fields = [
        (name, text)
        for name, texts in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for text in texts
    ]
    token = secrets.token_urlsafe(16)
    kept = {"address": request.get_full_path(), "fields": urlencode(fields)}
    if len(kept["fields"]) <= _MOST:
        shown_once.hold(request, _name(token), kept)
    page = reverse("accounts:send-again", args=[token])
    return f"{page}?{urlencode({'next': page_before(request)})}"


def open_form(request: HttpRequest, token: str) -> WaitingForm | None:
    """Return the form that waits under ``token``, noting that it was opened."""
    kept = shown_once.held(request, _name(token))
    if kept is None:
        return None
    shown_once.hold(request, _name(token), kept | {"was_opened": "1"})
    fields = parse_qsl(kept["fields"], keep_blank_values=True)
    return WaitingForm(kept["address"], fields, "was_opened" in kept)


def is_waiting(request: HttpRequest, address: str) -> bool:
    """Tell whether ``address`` is the page that sends a form by itself.

    Any address may be asked about, one of elsewhere too. A form whose page was opened
    before is sent only by hand.
    """
    try:
        match = resolve(urlsplit(address).path)
    except (Resolver404, ValueError):
        return False
    if match.view_name != "accounts:send-again":
        return False
    kept = shown_once.held(request, _name(match.kwargs["token"]))
    return kept is not None and "was_opened" not in kept


def _name(token: str) -> str:
    return f"form:{token}"

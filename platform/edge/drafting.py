"""How a view says that what was typed has found its place.

The drafts app keeps what a form was sent with until its view says so; any other
answer – a refusal, a sign-in page, an error – leaves the text where it is found again.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError

# The name of the hidden field that says which form a text was typed into.
FIELD = "draft"


@dataclass(slots=True)
class DraftOutcome:
    """What became of the forms sent with one request, by the token each carried."""

    accepted: list[str] = field(default_factory=list)
    replaced: dict[str, Mapping[str, list[str]]] = field(default_factory=dict)


# A request that is resumed after a confirmation runs inside another one, so the
# outcome belongs to what runs now rather than to a request object.
outcome: ContextVar[DraftOutcome | None] = ContextVar("draft_outcome", default=None)


def token_of(request: HttpRequest) -> str:
    """Return the token of the form that was sent; empty where it is kept nowhere.

    So it is for a body that was not read or is no form.
    """
    try:
        token: str = request.POST.get(FIELD, "")
    except (
        MultiPartParserError,
        RawPostDataException,
        SuspiciousOperation,
        UnreadablePostError,
    ):
        return ""
    return token


def accept(request: HttpRequest) -> None:
    """Say that the form sent with ``request`` was taken in: its draft may go."""
    token = request.POST.get(FIELD, "")
    current = outcome.get()
    if token and current is not None:
        current.accepted.append(token)


def replace(request: HttpRequest, fields: Mapping[str, list[str]]) -> None:
    """Say that the form now holds ``fields``, such as a conversation gone further."""
    token = request.POST.get(FIELD, "")
    current = outcome.get()
    if token and current is not None:
        current.replaced[token] = fields

"""Telling a webhook that Stripe signed from everything else."""

import time
from collections.abc import Iterable
from typing import Any

from billing.stripe import convert
from billing.stripe.adapter import SIGNATURE_ERRORS, verify_signature
from billing.stripe.exceptions import BadSignature
from billing.stripe.objects import Event
from core import documents

# Bytes. Stripe's events are some KB, those about long invoices some hundred.
MAX_BODY = 1_048_576
# Seconds a signature may be old, or ahead: the SDK would accept any future.
WINDOW = 300
# The last two are moments far from any calendar, by how far they are.
_UNREADABLE = (
    *(*SIGNATURE_ERRORS, documents.BadDocument, KeyError),
    *(OverflowError, OSError),
)


def verified_event(body: bytes, header: str, *, secrets: Iterable[str]) -> Event:
    """Return the event in ``body`` when one of ``secrets`` signed it just now.

    Several secrets are in use while one is being replaced.
    Raises ``BadSignature`` for anything that is not a fresh, well-formed event.
    """
    if not any(_is_signed(body, header, secret) for secret in secrets):
        raise BadSignature
    try:
        if abs(time.time() - _timestamp(header)) > WINDOW:
            raise BadSignature
        return parse_event(documents.read(body), body=body.decode())
    except _UNREADABLE as error:
        raise BadSignature from error


def parse_event(raw: Any, *, body: str) -> Event:
    """Return what an event's envelope says. Raises ``ValueError`` or ``KeyError``."""
    if not isinstance(raw, dict) or raw.get("object") != "event":
        raise ValueError("not a snapshot event")
    about = _about(raw.get("data"))
    event = Event(
        id=_word(raw["id"]),
        type=_word(raw["type"]),
        api_version=_word(raw.get("api_version") or "", most=40),  # the column's width
        livemode=raw.get("livemode") is True,
        created_at=convert.required_moment(raw["created"]),
        object_kind=_word(about.get("object") or "", most=60),  # as above
        object_id=_word(about.get("id") or ""),
        body=body,
    )
    if not event.id or not event.type:
        raise ValueError("an event without a name")
    return event


def _about(data: Any) -> dict[str, Any]:
    about = data.get("object") if isinstance(data, dict) else None
    if isinstance(about, dict):
        return about
    raise ValueError("an event about nothing")


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        verify_signature(body, header, secret)
    except SIGNATURE_ERRORS:
        return False
    return True


def _timestamp(header: str) -> int:
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    return int(parts["t"])


def _word(value: object, *, most: int = 120) -> str:
    if not isinstance(value, str) or len(value) > most or "\x00" in value:
        raise ValueError("not a name")
    return value

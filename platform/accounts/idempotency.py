"""``Idempotency-Key`` in the REST API: kept in PostgreSQL, as what it did is."""

import json
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import IdempotentCall
from accounts.tokens import PREFIX as TOKEN_PREFIX
from accounts.tokens import find_token
from core.crypto import encrypt
from core.errors import DomainError
from core.idempotency import (
    HEADER,
    LEGIBLE,
    LIFETIME,
    REPLAYED,
    Kept,
    fingerprint_of,
    replay,
)
from edge.rest import PREFIX, refusal

# Longer than any request lives: what is still open then has lost its process.
PATIENCE = timedelta(minutes=2)


def idempotent_calls(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer a repeated POST to the REST API as the first one was answered."""

    def middleware(request: HttpRequest) -> HttpResponse:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return get_response(request)
        caller = _caller(request) if request.path.startswith(PREFIX) else None
        if caller is None:
            return get_response(request)
        fingerprint = _fingerprint(request)
        try:
            LEGIBLE.check(key)
            call, is_new = claim_call(caller, key, fingerprint=fingerprint)
            if not is_new:
                return _repeat(call, fingerprint)
        except DomainError as no:
            return refusal(
                no.code, str(no), status=no.status, retry_after=no.retry_after
            )
        response = get_response(request)
        if 200 <= response.status_code < 300:
            finish_call(call, response)
        else:
            call.delete()
        return response

    return middleware


@transaction.atomic
def claim_call(
    caller: str, key: str, *, fingerprint: str
) -> tuple[IdempotentCall, bool]:
    """Return the call a key stands for and whether it is this one."""
    IdempotentCall.objects.filter(
        caller=caller, key=key, created_at__lt=timezone.now() - LIFETIME
    ).delete()
    return IdempotentCall.objects.get_or_create(
        caller=caller, key=key, defaults={"fingerprint": fingerprint}
    )


def finish_call(call: IdempotentCall, response: HttpResponse) -> None:
    """Keep an answer; encrypted, since it may hold a secret that is shown once."""
    answer = {
        "type": response.get("Content-Type", ""),
        "body": response.content.decode(),
    }
    IdempotentCall.objects.filter(pk=call.pk).update(
        status=response.status_code, answer=encrypt(json.dumps(answer))
    )


def prune_calls() -> int:
    """Forget calls that are older than the promise."""
    old = IdempotentCall.objects.filter(created_at__lt=timezone.now() - LIFETIME)
    return old.delete()[0]


def _repeat(call: IdempotentCall, fingerprint: str) -> HttpResponse:
    """Answer as the call was answered. Raises ``DomainError``."""
    kept = Kept(
        call.fingerprint,
        None if call.status is None else call.answer,
        is_lost=call.created_at < timezone.now() - PATIENCE,
    )
    answer = json.loads(replay(kept, fingerprint))
    response = HttpResponse(
        answer["body"].encode(),
        status=call.status,
        content_type=answer["type"],
    )
    response[REPLAYED] = "true"
    return response


def _caller(request: HttpRequest) -> str | None:
    """Return who calls; a stranger has nothing that could be repeated."""
    kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.startswith(TOKEN_PREFIX):
        token = find_token(secret.strip())
        return None if token is None else f"token:{token.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else None


def _fingerprint(request: HttpRequest) -> str:
    line = f"{request.method} {request.get_full_path()}\n".encode()
    return fingerprint_of(line, request.body)

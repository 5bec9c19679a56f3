"""``Idempotency-Key``: a repeated POST does nothing twice and is answered the same.

Only answers that changed something are kept; a refusal changed nothing, so the
same call may be tried again under the same key.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import IdempotentCall
from accounts.tokens import PREFIX as TOKEN_PREFIX
from accounts.tokens import find_token
from core.crypto import decrypt, encrypt
from edge.rest import PREFIX, refusal

HEADER = "Idempotency-Key"
LIFETIME = timedelta(days=1)
# Longer than any request lives: what is still open then has lost its process.
PATIENCE = timedelta(minutes=2)
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


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
        if not _KEY.fullmatch(key):
            detail = _("An Idempotency-Key has 1 to 128 visible characters.")
            return refusal("invalid_idempotency_key", detail, status=400)

        call, is_new = claim_call(caller, key, fingerprint=_fingerprint(request))
        if not is_new:
            return _repeat(call, _fingerprint(request))
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
    if call.fingerprint != fingerprint:
        detail = _("This Idempotency-Key was used for another request.")
        return refusal("idempotency_key_reused", detail, status=422)
    if call.status is None:
        is_lost = call.created_at < timezone.now() - PATIENCE
        if is_lost:
            detail = _(
                "The first request with this Idempotency-Key did not end. "
                "Look whether it took effect, then use a new key."
            )
            return refusal("idempotency_outcome_unknown", detail, status=409)
        detail = _("The first request with this Idempotency-Key is still running.")
        response = refusal("idempotency_in_progress", detail, status=409)
        response["Retry-After"] = "1"
        return response
    try:
        answer = json.loads(decrypt(call.answer))
    except InvalidToken:
        detail = _("That request succeeded, but its answer can no longer be read.")
        return refusal("idempotency_answer_lost", detail, status=409)
    replay = HttpResponse(
        answer["body"].encode(),
        status=call.status,
        content_type=answer["type"],
    )
    replay["Idempotency-Replayed"] = "true"
    return replay


def _caller(request: HttpRequest) -> str | None:
    """Return who calls; a stranger has nothing that could be repeated."""
    kind, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.startswith(TOKEN_PREFIX):
        token = find_token(secret.strip())
        return None if token is None else f"token:{token.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else None


def _fingerprint(request: HttpRequest) -> str:
    line = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(line + request.body).hexdigest()

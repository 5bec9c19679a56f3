"""Changes that only an operator makes."""

from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from accounts.models import IdempotentCall, User
from accounts.second_factor import require_second_factor
from audit.services import record
from core.crypto import decrypt, encrypt
from drafts.models import Draft
from inference.catalog.models import Deployment
from inference.playground.models import Chat, Message
from inference.stored.models import StoredResponse
from inference.transcripts.models import Transcript


@transaction.atomic
def appoint_staff(user: User) -> User:
    """Let ``user`` into the staff pages."""
    before = {"is_staff": user.is_staff}
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    require_second_factor(user)
    record(
        "staff.appointed",
        actor=None,
        target=user.public_id,
        before=before,
        after={"is_staff": True},
    )
    return user


@transaction.atomic
def remove_second_factor(user: User) -> bool:
    """Take the second factors of ``user`` away, who lost them; tell if there were any.

    The operator has made sure who asks. Their sessions end.
    """
    removed, _ = Authenticator.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user):
        session.end()
    record(
        "second_factor.removed",
        actor=None,
        target=user.public_id,
        before={"factors": removed},
        after={"factors": 0},
    )
    return bool(removed)


def reencrypt_secrets() -> dict[str, int]:
    """Encrypt every kept secret with the newest of ``FIELD_KEYS``.

    Safe to stop and to run again: each row is locked, read and written by itself.
    """
    # An answer lives a day, so it outlives no rotation; it is dropped instead.
    IdempotentCall.objects.exclude(answer="").delete()
    seeds = Authenticator.objects.filter(type=Authenticator.Type.TOTP)
    credentials = Deployment.objects.exclude(credential="")
    drafts = Draft.objects.exclude(body="")
    return {
        "TOTP seeds": sum(
            map(_reencrypt_seed, list(seeds.values_list("pk", flat=True)))
        ),
        "upstream credentials": sum(
            map(_reencrypt_credential, list(credentials.values_list("pk", flat=True)))
        ),
        "drafts": sum(map(_reencrypt_draft, list(drafts.values_list("pk", flat=True)))),
        "stored responses": sum(
            map(
                _reencrypt_response,
                list(StoredResponse.objects.values_list("pk", flat=True)),
            )
        ),
        "transcripts": sum(
            map(
                _reencrypt_transcript,
                list(Transcript.objects.values_list("pk", flat=True)),
            )
        ),
        "chats": _reencrypt_sealed(Chat.objects, "title", "settings_text"),
        "messages of chats": _reencrypt_sealed(
            Message.objects, "content", "calls_text", "parameters_text"
        ),
    }


@transaction.atomic
def _reencrypt_seed(pk: int) -> bool:
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    row.data["secret"] = encrypt(decrypt(row.data["secret"]))
    row.save(update_fields=["data"])
    return True


@transaction.atomic
def _reencrypt_response(pk: str) -> bool:
    row = StoredResponse.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    row.sealed_input = encrypt(decrypt(row.sealed_input))
    row.sealed_response = encrypt(decrypt(row.sealed_response))
    row.save(update_fields=["sealed_input", "sealed_response"])
    return True


@transaction.atomic
def _reencrypt_transcript(pk: str) -> bool:
    row = Transcript.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    row.sealed_request = encrypt(decrypt(row.sealed_request))
    row.sealed_answer = encrypt(decrypt(row.sealed_answer))
    row.save(update_fields=["sealed_request", "sealed_answer"])
    return True


@transaction.atomic
def _reencrypt_credential(pk: int) -> bool:
    row = Deployment.objects.select_for_update().filter(pk=pk).first()
    if row is None or not row.credential:
        return False
    row.credential = encrypt(decrypt(row.credential))
    row.save(update_fields=["credential"])
    return True


@transaction.atomic
def _reencrypt_draft(pk: int) -> bool:
    row = Draft.objects.select_for_update().filter(pk=pk).first()
    if row is None or not row.body:
        return False
    row.body = encrypt(decrypt(row.body))
    row.save(update_fields=["body"])
    return True


def _reencrypt_sealed(rows: Any, *names: str) -> int:
    """Encrypt the sealed texts of a table anew; return of how many rows."""
    keys = list(rows.values_list("pk", flat=True))
    return sum(_reencrypt_row(rows, pk, names) for pk in keys)


@transaction.atomic
def _reencrypt_row(rows: Any, pk: int, names: Sequence[str]) -> bool:
    # The field itself opens what it can and says nothing of what it cannot.
    kept = {f"kept_{name}": Cast(name, TextField()) for name in names}
    row = rows.select_for_update().annotate(**kept).filter(pk=pk).first()
    if row is None:
        return False
    texts = {name: getattr(row, f"kept_{name}") for name in names}
    opened = {name: decrypt(text) if text else "" for name, text in texts.items()}
    rows.filter(pk=pk).update(**opened)
    return True

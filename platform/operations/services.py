"""Changes that only an operator makes."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import IdempotentCall, User
from accounts.second_factor import require_second_factor
from audit.services import record
from core.crypto import decrypt, encrypt
from drafts.models import Draft
from inference.catalog.models import Deployment


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

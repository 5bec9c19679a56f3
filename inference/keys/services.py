"""Making keys and taking them out of use."""

import logging
from datetime import date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import Organisation, User
from audit import services as audit
from contracts.inference import ApiKeyCreated, ApiKeyRevoked
from inference.keys import secrets
from inference.keys.models import ApiKey
from outbox import publish
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
CHANNEL = "keys"
GRACE = timedelta(days=1)
# A working day; the page asks for the next one by itself.
PLAYGROUND_LIFETIME = timedelta(hours=12)


@transaction.atomic
def create_key(
    organisation: Organisation,
    *,
    name: str,
    by: User,
    allowed_models: list[str] | None = None,
    monthly_limit_nano: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is never seen again."""
    key, secret = _make(
        organisation,
        name=name,
        by=by,
        allowed_models=allowed_models or [],
        monthly_limit_nano=monthly_limit_nano,
        expires_at=expires_at,
    )
    audit.record(
        "key.created",
        actor=by,
        organisation=organisation,
        target=str(key),
        after={"name": name},
    )
    publish(
        ApiKeyCreated(key_id=key.pk, organisation_id=organisation.pk, user_id=by.pk)
    )
    return key, secret


@transaction.atomic
def create_playground_key(
    organisation: Organisation, *, by: User
) -> tuple[ApiKey, str]:
    """Make the short-lived key a signed-in person's playground calls with."""
    return _make(
        organisation,
        name="Playground",
        by=by,
        kind=ApiKey.Kind.PLAYGROUND,
        expires_at=timezone.now() + PLAYGROUND_LIFETIME,
    )


@transaction.atomic
def revoke_key(key: ApiKey, *, by: User) -> bool:
    """Take a key out of use within a second; tell whether it still was in use."""
    claimed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if not claimed:
        return False
    audit.record(
        "key.revoked", actor=by, organisation=key.organisation, target=str(key)
    )
    publish(
        ApiKeyRevoked(key_id=key.pk, organisation_id=key.organisation_id, user_id=by.pk)
    )
    transaction.on_commit(partial(announce, key.digest))
    return True


@transaction.atomic
def rotate_key(key: ApiKey, *, by: User) -> tuple[ApiKey, str]:
    """Make a successor; the old key works for a day longer."""
    successor, secret = create_key(
        key.organisation,
        name=key.name,
        by=by,
        allowed_models=key.allowed_models,
        monthly_limit_nano=key.monthly_limit_nano,
        expires_at=key.expires_at,
    )
    # A key that ends sooner still does.
    ends_at = timezone.now() + GRACE
    if key.expires_at is not None:
        ends_at = min(ends_at, key.expires_at)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=ends_at)
    audit.record(
        "key.rotated", actor=by, organisation=key.organisation, target=str(key)
    )
    transaction.on_commit(partial(announce, key.digest))
    return successor, secret


@transaction.atomic
def revoke_playground_keys(organisation_id: int, *, user_id: int) -> int:
    """End the playground keys of a former member; their standard keys are shared."""
    keys = (
        ApiKey.objects.usable()
        .filter(organisation_id=organisation_id, created_by_id=user_id)
        .filter(kind=ApiKey.Kind.PLAYGROUND)
        .select_for_update()
        .order_by("pk")
    )
    digests = list(keys.values_list("digest", flat=True))
    ended = ApiKey.objects.filter(digest__in=digests).update(revoked_at=timezone.now())
    for digest in digests:
        transaction.on_commit(partial(announce, digest))
    return ended


def record_use(key_ids: list[int], *, on: date) -> None:
    """Remember the latest day some keys were used."""
    # In a fixed order: two reports never wait for each other in a circle.
    for key_id in sorted(key_ids):
        ApiKey.objects.filter(pk=key_id).filter(
            Q(last_used_on=None) | Q(last_used_on__lt=on)
        ).update(last_used_on=on)


def announce(digest: str) -> None:
    """Have every gateway forget what it knows of a key."""
    try:
        client().publish(prefixed(CHANNEL), digest)
    except RedisError as error:
        # Their copies end within seconds by themselves.
        logger.warning("keys.not_announced", extra={"error": str(error)})


def _make(
    organisation: Organisation, *, name: str, by: User, **fields: object
) -> tuple[ApiKey, str]:
    secret = secrets.new_secret()
    key = ApiKey.objects.create(
        organisation=organisation,
        created_by=by,
        name=name,
        prefix=secret[:12],
        last4=secret[-4:],
        digest=secrets.digest(secret),
        **fields,
    )
    return key, secret

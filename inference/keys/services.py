"""Making keys and taking them out of use."""

import logging
from datetime import date, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.exceptions import RecentSignInRequired
from accounts.models import Organisation, User
from accounts.queries import own_organisations
from audit import services as audit
from contracts.inference import ApiKeyCreated, ApiKeyRevoked
from inference.keys import secrets
from inference.keys.ceilings import ceiling, lets_more_in
from inference.keys.exceptions import ProjectNameTaken
from inference.keys.models import ApiKey, Project
from outbox import publish
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
CHANNEL = "keys"
GRACE = timedelta(days=1)
# A working day; the page asks for the next one by itself.
PLAYGROUND_LIFETIME = timedelta(hours=12)
# What a successor takes over, and what may be changed without a new secret.
RULES = (
    *("allowed_models", "monthly_limit_nano", "is_limit_hard", "expires_at"),
    *("project", "scopes"),
    *("networks", "origins", "requests_per_minute", "tokens_per_minute"),
    *("concurrent_requests", "hidden_data", "cache_seconds"),
)


@transaction.atomic
def create_key(
    organisation: Organisation,
    *,
    name: str,
    by: User,
    is_service: bool = False,
    **rules: Any,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is never seen again.

    ``rules`` are those of ``RULES``; without one a key may what its plan allows.
    """
    kind = ApiKey.Kind.SERVICE if is_service else ApiKey.Kind.STANDARD
    key, secret = _make(organisation, name=name, by=by, kind=kind, **rules)
    audit.record(
        "key.created",
        actor=by,
        organisation=organisation,
        target=str(key),
        after={"name": name, **_told(rules)},
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
        is_service=key.kind == ApiKey.Kind.SERVICE,
        **{rule: getattr(key, rule) for rule in RULES},
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
def set_key_rules(key: ApiKey, *, by: User, **rules: Any) -> ApiKey:
    """Change what a key is called and held to, from its next call on."""
    locked = ApiKey.objects.select_for_update().get(pk=key.pk)
    changed = {
        rule: value for rule, value in rules.items() if getattr(locked, rule) != value
    }
    if not changed:
        return locked
    before = {rule: getattr(locked, rule) for rule in changed}
    for rule, value in changed.items():
        setattr(locked, rule, value)
    locked.save(update_fields=[*changed])
    audit.record(
        "key.changed",
        actor=by,
        organisation=locked.organisation,
        target=str(locked),
        before=_told(before),
        after=_told(changed),
    )
    transaction.on_commit(partial(announce, locked.digest))
    return locked


@transaction.atomic
def create_project(
    organisation: Organisation, *, name: str, monthly_limit_nano: int | None, by: User
) -> Project:
    """Make a project. Raises ``ProjectNameTaken``."""
    project, is_new = Project.objects.get_or_create(
        organisation=organisation,
        name=name,
        defaults={"monthly_limit_nano": monthly_limit_nano},
    )
    if not is_new:
        raise ProjectNameTaken
    audit.record(
        "project.created",
        actor=by,
        organisation=organisation,
        target=name,
        after={"monthly_limit_nano": monthly_limit_nano or 0},
    )
    return project


@transaction.atomic
def set_project(
    project: Project,
    *,
    name: str,
    monthly_limit_nano: int | None,
    by: User,
    is_limit_hard: bool | None = None,
    may_raise: bool = True,
) -> None:
    """Change a project; its keys are held to it from their next call on.

    ``may_raise`` is whether ``by`` has shown lately who they are. Raises
    ``ProjectNameTaken`` or ``RecentSignInRequired``.
    """
    others = Project.objects.filter(organisation_id=project.organisation_id, name=name)
    if others.exclude(pk=project.pk).exists():
        raise ProjectNameTaken
    if is_limit_hard is None:
        is_limit_hard = project.is_limit_hard
    if not may_raise and lets_more_in(
        was=ceiling(project.monthly_limit_nano, is_hard=project.is_limit_hard),
        will_be=ceiling(monthly_limit_nano, is_hard=is_limit_hard),
    ):
        raise RecentSignInRequired
    before = _shown(project)
    project.name = name
    project.monthly_limit_nano = monthly_limit_nano
    project.is_limit_hard = is_limit_hard
    project.save(update_fields=["name", "monthly_limit_nano", "is_limit_hard"])
    audit.record(
        "project.changed",
        actor=by,
        organisation=project.organisation,
        target=name,
        before=before,
        after=_shown(project),
    )
    for digest in project.keys.values_list("digest", flat=True):
        transaction.on_commit(partial(announce, digest))


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


@transaction.atomic
def revoke_keys_of(user: User) -> int:
    """End every key of organisations that are ``user``'s alone; return how many.

    In teams only their playground's: the others are shared.
    """
    mine = own_organisations(user)
    keys = ApiKey.objects.filter(revoked_at=None, organisation__in=mine)
    ended = 0
    for key in keys.select_related("organisation").order_by("pk"):
        ended += revoke_key(key, by=user)
    for organisation_id in user.memberships.values_list("organisation", flat=True):
        ended += revoke_playground_keys(organisation_id, user_id=user.pk)
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
    organisation: Organisation, *, name: str, by: User, **fields: Any
) -> tuple[ApiKey, str]:
    secret = secrets.new_secret()
    is_service = fields.get("kind") == ApiKey.Kind.SERVICE
    key = ApiKey.objects.create(
        organisation=organisation,
        created_by=None if is_service else by,
        name=name,
        prefix=secret[:12],
        last4=secret[-4:],
        digest=secrets.digest(secret),
        **fields,
    )
    return key, secret


def _shown(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "monthly_limit_nano": project.monthly_limit_nano or 0,
        "is_limit_hard": project.is_limit_hard,
    }


def _told(rules: dict[str, Any]) -> dict[str, Any]:
    """Return rules as the audit log takes them: numbers and strings, none empty."""
    return {
        rule: ", ".join(value)
        if isinstance(value, list)
        else value
        if isinstance(value, int)
        else str(value)
        for rule, value in rules.items()
        if value not in (None, [])
    }

"""Choosing that something is kept, and that nothing is any more."""

from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from entitlements.services import announce
from inference.retention.models import ExpiringQuerySet


@transaction.atomic
def set_choice(
    choices: models.QuerySet[Any],
    organisation: Organisation,
    *,
    days: int,
    by: User,
    action: str,
) -> None:
    """Have something kept from now on, each for ``days``.

    ``choices`` are the rows of one kind of ``RetentionChoice``; the audit log has
    ``action``.
    """
    choices.update_or_create(
        organisation=organisation,
        defaults={"days": days, "chosen_by": by, "chosen_at": timezone.now()},
    )
    audit.record(
        action,
        actor=by,
        organisation=organisation,
        target=organisation.slug,
        after={"days": days},
    )
    transaction.on_commit(partial(announce, organisation.pk), robust=True)


@transaction.atomic
def withdraw_choice(
    choices: models.QuerySet[Any],
    kept: ExpiringQuerySet[Any],
    organisation: Organisation,
    *,
    by: User,
    action: str,
) -> int:
    """Keep nothing more and forget what was kept; return how many that were."""
    choices.filter(organisation=organisation).delete()
    count, _ = kept.filter(organisation=organisation).delete()
    audit.record(
        action,
        actor=by,
        organisation=organisation,
        target=organisation.slug,
        after={"deleted": count},
    )
    transaction.on_commit(partial(announce, organisation.pk), robust=True)
    return count

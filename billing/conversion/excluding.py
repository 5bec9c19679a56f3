"""Leaving people and organisations out of every figure, and taking them in again."""

from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.conversion.locks import beside_rebuilds
from billing.conversion.models import Account, Developer
from billing.conversion.services import (
    derive_holder,
    derive_holders_of,
    record_sign_up,
)


@beside_rebuilds
def set_person_excluded(
    user: User, *, is_excluded: bool, reason: str, by: User
) -> Developer:
    """Leave a person out of the figures, or count them again.

    Whom their organisations are put down to is chosen anew. Doing it twice is once.
    """
    record_sign_up(user.pk)
    at = timezone.now() if is_excluded else None
    changed = Developer.objects.filter(
        pk=user.pk, excluded_at__isnull=is_excluded
    ).update(excluded_at=at)
    if changed:
        derive_holders_of(user.pk)
        _record(user.username, is_excluded=is_excluded, reason=reason, by=by)
    return Developer.objects.get(pk=user.pk)


@beside_rebuilds
def set_organisation_excluded(
    account: Account, *, is_excluded: bool, reason: str, by: User
) -> Account:
    """Leave an organisation out of the figures, or count it again.

    Its money is put down to no person then, and stays in the bridge.
    """
    locked = Account.objects.select_for_update().get(pk=account.pk)
    if (locked.excluded_at is not None) != is_excluded:
        locked.excluded_at = timezone.now() if is_excluded else None
        locked.save(update_fields=["excluded_at"])
        derive_holder(locked)
        slug = locked.organisation.slug
        _record(slug, is_excluded=is_excluded, reason=reason, by=by)
    return locked


def _record(target: str, *, is_excluded: bool, reason: str, by: User) -> None:
    action = "figures.excluded" if is_excluded else "figures.included"
    audit.record(action, actor=by, target=target, after={"reason": reason})

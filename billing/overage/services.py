"""Setting how much an organisation lets itself be charged for usage."""

from django.db import transaction
from django.utils import timezone

from accounts.exceptions import RecentSignInRequired
from accounts.models import Organisation, User
from audit import services as audit
from billing.credits.lines import locked, renew_line
from billing.credits.models import ChargeCap
from billing.overage.exceptions import ImpossibleCap
from core.money import NANO

# A million dollars: a typing error is more likely than such a cap.
MOST_CAP_NANO = 1_000_000 * NANO


@transaction.atomic
def set_cap(
    organisation: Organisation,
    *,
    cap_nano: int | None,
    by: User,
    may_raise: bool = True,
) -> None:
    """Set the most that a period's usage may be charged; None: nothing is.

    In billionths of a US dollar. Gateways know of it within a second. What was charged
    stays charged: a cap below it lets nothing more in. ``may_raise`` is whether ``by``
    has shown lately who they are. Raises ``ImpossibleCap`` or ``RecentSignInRequired``.
    """
    if cap_nano is not None and not 0 < cap_nano <= MOST_CAP_NANO:
        raise ImpossibleCap
    locked(organisation.pk)
    before = ChargeCap.objects.filter(pk=organisation.pk).first()
    if cap_nano == (before.cap_nano if before else None):
        return
    if not may_raise and (cap_nano or 0) > (before.cap_nano if before else 0):
        raise RecentSignInRequired
    if cap_nano is None:
        ChargeCap.objects.filter(pk=organisation.pk).delete()
    else:
        ChargeCap.objects.update_or_create(
            pk=organisation.pk,
            defaults={"cap_nano": cap_nano, "set_at": timezone.now(), "set_by": by},
        )
    renew_line(organisation.pk, is_news=True)
    audit.record(
        "charge_cap.set" if cap_nano is not None else "charge_cap.removed",
        actor=by,
        organisation=organisation,
        target=organisation.slug,
        before={"cap_nano": before.cap_nano if before else 0},
        after={"cap_nano": cap_nano or 0},
    )

"""How much one person of staff may give away alone."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.approvals.models import Approval
from core.clock import now
from core.money import minor_per_unit

# What one person gives an organisation within so long is one gift, however many parts
# it has. A month of billing is what most favours are about; an amount
# that is split over more than that leaves a month of audited lines behind.
TOGETHER = timedelta(days=30)


def needs_second_person(kind: str, *, amount: int, currency: str, alone: int) -> bool:
    """Tell whether ``amount``, in minor units of ``currency``, is for two to decide.

    ``alone`` is what the same person gave the same organisation since
    ``counts_since()`` with nobody else: in parts it is as much as at once. The caller
    holds a lock under which nothing more of it is given.

    The limits are whole units of whatever currency it is: a rate of the day would make
    the same act need one person on Monday and two on Tuesday. A currency whose units
    are small is only stricter so.
    """
    limit = {
        Approval.Kind.CREDIT: settings.SECOND_PERSON_CREDIT,
        Approval.Kind.REFUND: settings.SECOND_PERSON_REFUND,
        # Money that is not asked for is as far away as money that is given back.
        Approval.Kind.WRITE_OFF: settings.SECOND_PERSON_REFUND,
    }[Approval.Kind(kind)]
    return alone + amount > limit * minor_per_unit(currency)


def counts_since() -> datetime:
    """Return since when what one person gave counts together."""
    return now() - TOGETHER


def approved_subjects(kind: str, organisation_id: int) -> QuerySet[Approval, str]:
    """Return what two people have decided on: nobody gave it alone."""
    approved = Approval.objects.filter(
        kind=kind, organisation=organisation_id, state=Approval.State.APPROVED
    )
    return approved.values_list("subject", flat=True)


def message_when_asked() -> str:
    """Say to who wanted to give something that a colleague is asked, and why."""
    return _(
        "This takes a second person: with what you gave them alone in the last "
        "%(days)s days it is above the limit. A colleague is asked to decide."
    ) % {"days": TOGETHER.days}


def discount_needs_second_person(basis_points: int) -> bool:
    """Tell whether a discount, in hundredths of a percent, is for two to decide."""
    return basis_points > settings.SECOND_PERSON_DISCOUNT * 100

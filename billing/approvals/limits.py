"""How much one person of staff may give away alone."""

from django.conf import settings

from billing.approvals.models import Approval
from core.money import minor_per_unit


def needs_second_person(kind: str, *, amount: int, currency: str) -> bool:
    """Tell whether ``amount``, in minor units of ``currency``, is for two to decide.

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
    return amount > limit * minor_per_unit(currency)


def discount_needs_second_person(basis_points: int) -> bool:
    """Tell whether a discount, in hundredths of a percent, is for two to decide."""
    return basis_points > settings.SECOND_PERSON_DISCOUNT * 100

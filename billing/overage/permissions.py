"""Who may see what an organisation is charged for usage, and set the most it is."""

from accounts.models import Organisation
from accounts.permissions import Person, can_manage_billing


def can_see_charges(user: Person, organisation: Organisation) -> bool:
    return user.is_staff or can_manage_billing(user, organisation)


def can_set_cap(user: Person, organisation: Organisation) -> bool:
    return can_manage_billing(user, organisation)

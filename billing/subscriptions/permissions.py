"""Who may see and spend an organisation's money."""

from accounts.models import Organisation
from accounts.permissions import Person, can_manage_billing


def can_buy(user: Person, organisation: Organisation) -> bool:
    return can_manage_billing(user, organisation)


def can_see_billing(user: Person, organisation: Organisation) -> bool:
    return user.is_staff or can_manage_billing(user, organisation)

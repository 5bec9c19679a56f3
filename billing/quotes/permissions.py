"""Who may see a quote, and who may sign it."""

from accounts.models import Organisation
from accounts.permissions import Person, can_manage_billing


def can_see(user: Person, organisation: Organisation) -> bool:
    return user.is_staff or can_manage_billing(user, organisation)


def can_buy(user: Person, organisation: Organisation) -> bool:
    return can_manage_billing(user, organisation)

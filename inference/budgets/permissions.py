"""Who sets budgets: who looks after the money. Staff read them."""

from accounts.models import Organisation
from accounts.permissions import Person, can_manage_billing


def can_set_budgets(user: Person, organisation: Organisation) -> bool:
    return can_manage_billing(user, organisation)


def can_see_budgets(user: Person, organisation: Organisation) -> bool:
    return user.is_staff or can_set_budgets(user, organisation)

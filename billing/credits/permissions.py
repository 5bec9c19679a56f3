"""Who may see an organisation's credit; only staff give it and take it back."""

from accounts.models import Organisation
from accounts.permissions import Person, can_manage_billing


def can_see_credit(user: Person, organisation: Organisation) -> bool:
    return user.is_staff or can_manage_billing(user, organisation)

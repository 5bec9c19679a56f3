"""Who may ask for something large, and who may decide it."""

from accounts.models import Membership, Organisation, User
from accounts.permissions import Person
from billing.approvals.models import Approval


def belongs_to(user: Person, organisation: Organisation) -> bool:
    if not isinstance(user, User):
        return False
    members = Membership.objects.filter(organisation=organisation, user=user)
    return members.exists()


def can_ask(user: Person, organisation: Organisation) -> bool:
    return user.is_staff and not belongs_to(user, organisation)


def can_decide(user: Person, approval: Approval) -> bool:
    return can_ask(user, approval.organisation) and user.pk != approval.asked_by_id

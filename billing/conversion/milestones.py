"""Which fact is which step, and which part in a buying group.

``checkout_at`` and ``paid_at`` come from the organisations put down to a person: a
colleague may have opened the checkout.
"""

from billing.conversion.models import GroupMember
from contracts.accounts import EmailVerified, MemberAdded, OrganisationCreated
from contracts.billing import CheckoutStarted, InvoicePaid
from contracts.community import ContributionCredited, ReplyPosted, TopicCreated
from contracts.inference import FirstCallSucceeded

ACTIVITY = "first_activity_at"

MILESTONES: dict[type, tuple[str, ...]] = {
    EmailVerified: ("verified_at",),
    TopicCreated: (ACTIVITY,),
    ReplyPosted: (ACTIVITY,),
    ContributionCredited: (ACTIVITY,),
    FirstCallSucceeded: (ACTIVITY, "first_call_at"),
    CheckoutStarted: (),
}
ROLES: dict[type, GroupMember.Role] = {
    OrganisationCreated: GroupMember.Role.FOUNDER,
    MemberAdded: GroupMember.Role.MEMBER,
    FirstCallSucceeded: GroupMember.Role.CALLER,
    CheckoutStarted: GroupMember.Role.PAYER,
    InvoicePaid: GroupMember.Role.PAYER,
}

"""Which fact is which step. ``paid_at`` comes from the invoice itself."""

from contracts.accounts import EmailVerified
from contracts.billing import CheckoutStarted
from contracts.community import ContributionCredited, ReplyPosted, TopicCreated
from contracts.inference import FirstCallSucceeded

ACTIVITY = "first_activity_at"

MILESTONES: dict[type, tuple[str, ...]] = {
    EmailVerified: ("verified_at",),
    TopicCreated: (ACTIVITY,),
    ReplyPosted: (ACTIVITY,),
    ContributionCredited: (ACTIVITY,),
    FirstCallSucceeded: (ACTIVITY, "first_call_at"),
    CheckoutStarted: ("checkout_at",),
}

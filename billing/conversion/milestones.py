"""Which fact is which step. ``paid_at`` comes from the invoice itself."""

ACTIVITY = "first_activity_at"

MILESTONES: dict[str, tuple[str, ...]] = {
    "EmailVerified": ("verified_at",),
    "TopicCreated": (ACTIVITY,),
    "ReplyPosted": (ACTIVITY,),
    "ContributionCredited": (ACTIVITY,),
    "FirstCallSucceeded": (ACTIVITY, "first_call_at"),
    "CheckoutStarted": ("checkout_at",),
}

"""What subscriptions keep."""

from billing.subscriptions.models.cases import Case, Reconciliation
from billing.subscriptions.models.changes import Cancellation, PlanChange, TrialReminder
from billing.subscriptions.models.checkouts import CheckoutIntent
from billing.subscriptions.models.customers import BillingAccount, FormerCustomer
from billing.subscriptions.models.grants import StaffGrant
from billing.subscriptions.models.movements import MrrMovement
from billing.subscriptions.models.subscriptions import (
    MONTHS,
    TERMINAL,
    Subscription,
    SubscriptionItem,
)

__all__ = [
    "MONTHS",
    "TERMINAL",
    "BillingAccount",
    "Cancellation",
    "Case",
    "CheckoutIntent",
    "FormerCustomer",
    "MrrMovement",
    "PlanChange",
    "Reconciliation",
    "StaffGrant",
    "Subscription",
    "SubscriptionItem",
    "TrialReminder",
]

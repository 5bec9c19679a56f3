"""Publishing what was written, here and then at Stripe."""

import logging

from accounts.models import User
from billing.plans import drafts
from billing.plans.models import Plan, PlanVersion
from billing.stripe.catalogue import sync_plans
from billing.stripe.exceptions import StripeError

logger = logging.getLogger(__name__)


def publish_plan(
    plan: Plan, *, fingerprint: str, reason: str, by: User
) -> tuple[PlanVersion, bool]:
    """Publish a draft and tell Stripe of its prices; return whether Stripe has them.

    Outside any transaction. What Stripe could not be told is told before the first
    purchase, and by ``manage.py stripe_sync_plans``. Raises ``NoDraft`` and
    ``DraftChanged``.
    """
    version = drafts.publish_draft(plan, fingerprint=fingerprint, reason=reason, by=by)
    try:
        for _price in sync_plans():
            pass
    except StripeError as error:
        logger.warning(
            "catalogue.not_synced",
            extra={"plan": plan.key, "error": error.details.get("reason", "")},
        )
        return version, False
    return version, True

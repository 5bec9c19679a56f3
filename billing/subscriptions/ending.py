"""Letting a plan end with its period, keeping it after all, coming back."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from billing.stripe import changes
from billing.stripe.locks import database_now
from billing.subscriptions import mirror
from billing.subscriptions.exceptions import NotChangeable
from billing.subscriptions.models import Cancellation, Subscription
from billing.subscriptions.queries import last_subscription, live_subscription

# Who left this long ago orders anew like anybody else.
COMING_BACK = timedelta(days=90)


def end_plan(
    organisation: Organisation, *, by: User, reason: str, comment: str, offer: str
) -> Subscription:
    """Let the plan end with the period that is paid; until then nothing changes.

    What was to come with the next period is dropped. Raises ``NotChangeable``.
    """
    row = _own_plan(organisation)
    if row.schedule_id:
        changes.release_schedule(row.schedule_id)
    asked_at = database_now()
    answered = changes.set_ending(
        row.stripe_id, ends=True, feedback=reason, comment=comment
    )
    row = mirror.apply_answer(answered, asked_at=asked_at, by=by)
    with transaction.atomic():
        Cancellation.objects.create(
            subscription=row,
            user=by,
            reason=reason,
            comment=comment,
            offer=offer,
            ended_at=row.cancel_at or row.period_end,
        )
        audit.record(
            "subscription.cancelled",
            actor=by,
            organisation=organisation,
            target=row.stripe_id,
            after={"reason": reason},
        )
    return row


def keep_plan(organisation: Organisation, *, by: User) -> Subscription:
    """Take a cancellation back while its plan is still there.

    Raises ``NotChangeable``.
    """
    row = _own_plan(organisation)
    asked_at = database_now()
    answered = changes.set_ending(row.stripe_id, ends=False)
    row = mirror.apply_answer(answered, asked_at=asked_at, by=by)
    with transaction.atomic():
        asked = Cancellation.objects.filter(subscription=row, reactivated_at=None)
        asked.update(reactivated_at=timezone.now())
        audit.record(
            "subscription.kept",
            actor=by,
            organisation=organisation,
            target=row.stripe_id,
        )
    return row


def _own_plan(organisation: Organisation) -> Subscription:
    """Return the plan a buyer may end by themselves. Raises ``NotChangeable``.

    One by contract ends with its term, which is longer than the period that is paid.
    """
    row = live_subscription(organisation)
    if row is None:
        raise NotChangeable
    if row.collection_method == "send_invoice":
        raise NotChangeable(NotChangeable.message_by_contract)
    return row


def plan_to_come_back_to(organisation: Organisation) -> Subscription | None:
    """Return what an organisation without a plan had until lately. Two queries."""
    if live_subscription(organisation) is not None:
        return None
    last = last_subscription(organisation)
    if last is None or last.price is None or last.ended_at is None:
        return None
    return last if timezone.now() - last.ended_at < COMING_BACK else None

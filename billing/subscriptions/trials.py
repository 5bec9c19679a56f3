"""Trials: who gets one, and telling them before it ends."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from billing.growth.occurrences import notice_trial_ending
from billing.plans.models import PlanVersion
from billing.subscriptions import notices
from billing.subscriptions.models import (
    CheckoutIntent,
    StaffGrant,
    Subscription,
    TrialReminder,
)

# Days before the end: time to decide, and the last moment to do something about it.
# Card schemes ask for a notice at least three days before a trial is charged.
REMINDERS = (3, 1)
# Orders that never became a plan use no trial up.
NEVER_BEGAN = (
    Subscription.Status.INCOMPLETE,
    Subscription.Status.INCOMPLETE_EXPIRED,
)


def trial_days_for(organisation: Organisation, user: User, version: PlanVersion) -> int:
    """Return the days of trial this order would have: the plan's, or none.

    A trial is for whom no plan was ever in force: neither in the organisation nor for
    anybody who looks after its money, in whatever organisation they had it before. An
    order of theirs that can still be paid, and has a trial, uses it up as well.
    """
    if not version.trial_days:
        return 0
    people = [user.pk, *purses_of_organisation(organisation)]
    whose = Q(organisation=organisation) | Q(user__in=people)
    had = Subscription.objects.filter(whose, price__isnull=False)
    if had.exclude(status__in=NEVER_BEGAN).exists():
        return 0
    # Without payment, too: by staff, or as an offer that one of them accepted.
    accepted = Q(granted_by__in=people, granted_by__is_staff=False)
    if StaffGrant.objects.filter(Q(organisation=organisation) | accepted).exists():
        return 0
    waiting = CheckoutIntent.objects.payable().filter(user__in=people, trial_days__gt=0)
    if waiting.exclude(organisation=organisation).exists():
        return 0
    return version.trial_days


def lock_people(organisation: Organisation, user: User) -> None:
    """Let two orders of the same people wait for one another, until the commit."""
    people = {user.pk, *purses_of_organisation(organisation)}
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=people)
    list(rows.order_by("pk").values_list("pk", flat=True))


def purses_of_organisation(organisation: Organisation) -> list[int]:
    """Return who looks after an organisation's money. One query."""
    members = Membership.objects.filter(
        organisation=organisation, role__in=notices.PURSE
    )
    return list(members.values_list("user_id", flat=True))


def remind_of_trials() -> int:
    """Tell of each trial that ends soon, once three days before and once one day.

    Return how many were told. One that was begun or found shortly before its end is
    told once.
    """
    now = timezone.now()
    ending = Subscription.objects.live().filter(
        status=Subscription.Status.TRIALING,
        trial_end__gt=now,
        trial_end__lte=now + timedelta(days=max(REMINDERS)),
        cancel_at_period_end=False,
        cancel_at=None,
    )
    # With what Stripe said whole, some kilobytes each.
    rows = ending.order_by("pk").iterator(chunk_size=100)
    return sum(_remind(row, now=now) for row in rows)


@transaction.atomic
def _remind(row: Subscription, *, now: datetime) -> int:
    if row.trial_end is None:
        return 0
    left = row.trial_end - now
    days = min(each for each in REMINDERS if left <= timedelta(days=each))
    _, is_new = TrialReminder.objects.get_or_create(
        subscription=row, trial_end=row.trial_end, days=days
    )
    if is_new:
        notices.notify_trial_ends(row, ends_at=row.trial_end, days=days)
        notice_trial_ending(row.organisation_id, row.pk)
    return int(is_new)

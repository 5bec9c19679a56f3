"""Setting budgets, and telling once of each share of them that was used."""

from datetime import date
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.exceptions import RecentSignInRequired
from accounts.models import Organisation, User
from audit import services as audit
from contracts.inference import BudgetReached
from entitlements.services import announce
from inference.budgets import notices
from inference.budgets.exceptions import UnknownTarget
from inference.budgets.models import Budget, BudgetAlert, BudgetLook, Scope
from inference.budgets.queries import (
    BudgetLine,
    all_targets,
    budget_lines,
    this_month,
)
from inference.keys.ceilings import ceiling, lets_more_in
from inference.keys.models import ApiKey, Project
from inference.keys.services import set_key_rules, set_project
from inference.usage.models import OrganisationMonth
from outbox import publish

# Time to act, little time, and none: the shares in which every cloud tells of them.
ALERTS = (50, 80, 100)


@transaction.atomic
def set_budget(
    organisation: Organisation,
    target: str,
    *,
    limit_nano: int | None,
    is_hard: bool,
    by: User,
    may_raise: bool = True,
) -> BudgetLine:
    """Set what a target may use in a month; None takes the budget away.

    ``target`` is that of a ``BudgetLine``. In force at the gateway within a second.
    The organisation's row is locked. ``may_raise`` is whether ``by`` has shown lately
    who they are. Raises ``UnknownTarget`` or ``RecentSignInRequired``.
    """
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    found = [line for line in all_targets(organisation) if line.target == target]
    if not found:
        raise UnknownTarget
    line = found[0]
    if not may_raise and lets_more_in(
        was=ceiling(line.limit_nano, is_hard=line.is_hard),
        will_be=ceiling(limit_nano, is_hard=is_hard),
    ):
        raise RecentSignInRequired
    if line.scope == Scope.PROJECT:
        project = Project.objects.get(pk=line.target_id)
        set_project(
            project,
            name=project.name,
            monthly_limit_nano=limit_nano,
            is_limit_hard=is_hard,
            by=by,
        )
    elif line.scope == Scope.KEY:
        key = ApiKey.objects.get(pk=line.target_id)
        set_key_rules(key, by=by, monthly_limit_nano=limit_nano, is_limit_hard=is_hard)
    else:
        _set_own(organisation, line, limit_nano=limit_nano, is_hard=is_hard, by=by)
    # What was reached of another budget says nothing of this one.
    BudgetLook.objects.filter(pk=organisation.pk).delete()
    transaction.on_commit(partial(announce, organisation.pk), robust=True)
    return line


def check_budgets() -> int:
    """Tell what this month's usage has newly reached; return how many alerts.

    An organisation that used nothing since the last look is not looked at.
    """
    month = this_month()
    having = (
        Q(pk__in=Budget.objects.values("organisation_id"))
        | Q(
            pk__in=ApiKey.objects.exclude(monthly_limit_nano=None).values(
                "organisation_id"
            )
        )
        | Q(
            pk__in=Project.objects.exclude(monthly_limit_nano=None).values(
                "organisation_id"
            )
        )
    )
    used = dict(
        OrganisationMonth.objects.filter(
            month=month, organisation__in=Organisation.objects.filter(having)
        ).values_list("organisation_id", "price_nano")
    )
    seen = dict(
        BudgetLook.objects.filter(month=month, pk__in=used).values_list(
            "pk", "price_nano"
        )
    )
    moved = sorted(pk for pk, price in used.items() if seen.get(pk) != price)
    return sum(_look(pk, month, used[pk]) for pk in moved)


@transaction.atomic
def _look(organisation_id: int, month: date, price_nano: int) -> int:
    """Look at the budgets of one organisation; its row is locked.

    What comes after ``price_nano`` was read is news for the next look.
    """
    rows = Organisation.objects.select_for_update(no_key=True)
    organisation = rows.get(pk=organisation_id)
    count = 0
    for line in budget_lines(organisation):
        told = set(_alerts_of(organisation, line, month))
        reached = [each for each in ALERTS if each <= line.percent and each not in told]
        if reached:
            _alert(organisation, line, month, reached)
            count += len(reached)
    BudgetLook.objects.update_or_create(
        pk=organisation_id, defaults={"month": month, "price_nano": price_nano}
    )
    return count


def _alerts_of(organisation: Organisation, line: BudgetLine, month: date) -> list[int]:
    alerts = BudgetAlert.objects.filter(
        organisation=organisation,
        scope=line.scope,
        target_id=line.target_id,
        month=month,
        # Only of lines that have one.
        limit_nano=line.limit_nano or 0,
    )
    return list(alerts.values_list("percent", flat=True))


def _alert(
    organisation: Organisation, line: BudgetLine, month: date, reached: list[int]
) -> None:
    """Note and publish every share; people hear of the highest only."""
    assert line.limit_nano is not None  # noqa: S101 - it is of one that has a limit
    now = timezone.now()
    for percent in reached:
        BudgetAlert.objects.create(
            organisation=organisation,
            scope=line.scope,
            target_id=line.target_id,
            month=month,
            limit_nano=line.limit_nano,
            percent=percent,
            reached_at=now,
        )
        publish(
            BudgetReached(
                organisation_id=organisation.pk,
                scope=line.scope,
                target_id=line.target_id,
                month=f"{month:%Y-%m}",
                percent=percent,
                limit_nano=line.limit_nano,
                spent_nano=line.spent_nano,
                is_hard=line.is_hard,
            )
        )
    notices.notify_reached(organisation, line, month=month, percent=max(reached))


def _set_own(
    organisation: Organisation,
    line: BudgetLine,
    *,
    limit_nano: int | None,
    is_hard: bool,
    by: User,
) -> None:
    member_id = line.target_id if line.scope == Scope.MEMBER else None
    if limit_nano is None:
        Budget.objects.filter(organisation=organisation, member_id=member_id).delete()
    else:
        Budget.objects.update_or_create(
            organisation=organisation,
            member_id=member_id,
            defaults={"limit_nano": limit_nano, "is_hard": is_hard},
        )
    audit.record(
        "budget.set" if limit_nano is not None else "budget.removed",
        actor=by,
        organisation=organisation,
        target=line.target,
        before={"limit_nano": line.limit_nano or 0, "is_hard": line.is_hard},
        after={"limit_nano": limit_nano or 0, "is_hard": is_hard},
    )

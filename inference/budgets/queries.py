"""Budgets and what was used of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from django.db.models import Q, Sum
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from inference.budgets.models import Budget, Scope
from inference.keys.models import ApiKey, Project
from inference.usage.models import OrganisationMonth, UsageHour


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One budget beside what was used of it this month; billionths of a dollar.

    ``target`` is its name outside: ``organisation``, ``project:proj_…``,
    ``key:key_…`` or ``member:username``. Without a limit there is no budget.
    """

    scope: str
    target: str
    target_id: int
    name: str
    limit_nano: int | None
    is_hard: bool
    spent_nano: int = 0

    @property
    def percent(self) -> int:
        """How much of it is used, in whole per cent, rounded down."""
        return self.spent_nano * 100 // self.limit_nano if self.limit_nano else 0

    @property
    def warn_at(self) -> int:
        """From where the bar warns, as the second alert does."""
        return (self.limit_nano or 0) * 8 // 10

    @property
    def label(self) -> str:
        return str(Scope(self.scope).label)


def this_month() -> date:
    """Return the first day of the calendar month (UTC)."""
    return timezone.now().date().replace(day=1)


def hard_limits(
    organisation_id: int, member_id: int | None
) -> tuple[int | None, int | None]:
    """Return the budgets of an organisation and of a member that refuse calls."""
    whose = Q(member=None) | Q(member_id=member_id)
    rows = Budget.objects.filter(whose, organisation_id=organisation_id, is_hard=True)
    limits: dict[int | None, int] = {}
    for budget in rows:
        limits[budget.member_id] = budget.limit_nano
    return limits.get(None), limits.get(member_id) if member_id else None


def all_targets(organisation: Organisation) -> list[BudgetLine]:
    """Return everything of an organisation that can have a budget. Four queries."""
    budgets = {
        budget.member_id: budget
        for budget in Budget.objects.filter(organisation=organisation)
    }
    return [
        _of_budget(organisation, None, budgets.get(None)),
        *_of_projects(organisation),
        *_of_keys(organisation),
        *(
            _of_budget(organisation, user, budgets.get(user.pk))
            for user in _members(organisation)
        ),
    ]


def budget_lines(organisation: Organisation) -> list[BudgetLine]:
    """Return the organisation's budgets, with what was used. Six queries."""
    lines = [line for line in all_targets(organisation) if line.limit_nano]
    if not lines:
        return []
    spent = spent_by_target(organisation.pk, this_month())
    return [
        replace(line, spent_nano=spent[line.scope, line.target_id]) for line in lines
    ]


def spent_by_target(organisation_id: int, month: date) -> Counter[tuple[str, int]]:
    """Return what was used in a month, by scope and id. Two queries."""
    start = datetime.combine(month, time.min, UTC)
    hours = UsageHour.objects.filter(
        organisation_id=organisation_id, hour__gte=start, hour__lt=_next(start)
    )
    rows = hours.values_list("key_id", "key__project_id", "key__created_by_id")
    spent: Counter[tuple[str, int]] = Counter()
    for key, project, member, price in rows.annotate(price=Sum("price_nano")):
        for scope, pk in (
            (Scope.KEY, key),
            (Scope.PROJECT, project),
            (Scope.MEMBER, member),
        ):
            if pk is not None:
                spent[scope.value, pk] += price
    whole = OrganisationMonth.objects.filter(
        organisation_id=organisation_id, month=month
    )
    spent[Scope.ORGANISATION.value, organisation_id] = (
        whole.values_list("price_nano", flat=True).first() or 0
    )
    return spent


def _next(start: datetime) -> datetime:
    """Return when the month after begins."""
    is_last = start.month == 12
    return start.replace(
        year=start.year + is_last, month=1 if is_last else start.month + 1
    )


def _of_budget(
    organisation: Organisation, member: User | None, budget: Budget | None
) -> BudgetLine:
    return BudgetLine(
        scope=Scope.MEMBER.value if member else Scope.ORGANISATION.value,
        target=f"member:{member.username}" if member else Scope.ORGANISATION.value,
        target_id=member.pk if member else organisation.pk,
        name=member.name if member else organisation.name,
        limit_nano=budget.limit_nano if budget else None,
        is_hard=budget.is_hard if budget else True,
    )


def _of_projects(organisation: Organisation) -> Iterator[BudgetLine]:
    projects = Project.objects.filter(organisation=organisation)
    for project in projects.order_by("name"):
        yield BudgetLine(
            scope=Scope.PROJECT.value,
            target=f"project:{project.public_id}",
            target_id=project.pk,
            name=project.name,
            limit_nano=project.monthly_limit_nano,
            is_hard=project.is_limit_hard,
        )


def _of_keys(organisation: Organisation) -> Iterator[BudgetLine]:
    keys = ApiKey.objects.managed().usable().filter(organisation=organisation)
    for key in keys.order_by("name", "pk"):
        yield BudgetLine(
            scope=Scope.KEY.value,
            target=f"key:{key.public_id}",
            target_id=key.pk,
            name=f"{key.name} ({key})",
            limit_nano=key.monthly_limit_nano,
            is_hard=key.is_limit_hard,
        )


def _members(organisation: Organisation) -> list[User]:
    memberships = Membership.objects.filter(organisation=organisation)
    return [
        each.user
        for each in memberships.select_related("user").order_by("user__username")
    ]

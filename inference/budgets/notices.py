"""Telling people how much of a budget is used."""

from datetime import date
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import Membership, Organisation, User
from core.money import format_nano
from inference.budgets.models import Scope
from inference.budgets.queries import BudgetLine
from notifications.fan_out import notify_all
from notifications.models import Kind

# Whose business an organisation's money is.
PURSE = (Membership.Role.OWNER, Membership.Role.BILLING)


def notify_reached(
    organisation: Organisation, line: BudgetLine, *, month: date, percent: int
) -> None:
    """Tell who looks after the money, and the member whose budget it is."""
    told = partial(
        notify_all,
        kind=Kind.BILLING,
        dedupe_key=(
            f"budget-{organisation.pk}-{line.scope}-{line.target_id}-{month:%Y%m}"
            f"-{line.limit_nano}-{percent}"
        ),
        title=lambda: _title(organisation, line, percent),
        body=lambda: _body(line, percent),
    )
    purses = User.objects.filter(
        memberships__organisation=organisation, memberships__role__in=PURSE
    )
    told(
        purses,
        url=reverse("budgets:budget-list", args=[organisation.slug]),
        about=("purse", organisation.pk),
    )
    if line.scope == Scope.MEMBER:
        member = User.objects.filter(pk=line.target_id)
        told(
            member.exclude(pk__in=purses.values("pk")),
            url=reverse("usage:usage", args=[organisation.slug]),
        )


def _title(organisation: Organisation, line: BudgetLine, percent: int) -> str:
    if line.scope == Scope.ORGANISATION:
        return gettext("%(organisation)s has used %(percent)s %% of its budget") % {
            "organisation": organisation.name,
            "percent": percent,
        }
    return gettext("%(name)s (%(organisation)s): %(percent)s %% of the budget") % {
        "name": line.name,
        "organisation": organisation.name,
        "percent": percent,
    }


def _body(line: BudgetLine, percent: int) -> str:
    values = {
        "spent": format_nano(line.spent_nano, "usd"),
        "limit": format_nano(line.limit_nano or 0, "usd"),
    }
    if percent < 100:
        return gettext("%(spent)s of %(limit)s this month (UTC).") % values
    if line.is_hard:
        return (
            gettext(
                "%(spent)s of %(limit)s this month (UTC). Calls are refused until next"
                " month or a larger budget."
            )
            % values
        )
    return (
        gettext(
            "%(spent)s of %(limit)s this month (UTC). Calls go on: this budget only"
            " tells."
        )
        % values
    )

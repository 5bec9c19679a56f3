"""The rows that the numbers of a month are made of."""

import re
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from billing.growth.measuring import (
    LISTED,
    Contrast,
    MeasuredUnit,
    measure_each,
    values_of,
)
from billing.growth.models import Decision

_NAMED = re.compile(r"%\((\w+)\)s")


def first_decisions(
    compared: Contrast,
    start: datetime,
    end: datetime,
    *,
    arm: str,
    is_payer: bool = False,
) -> QuerySet[Decision]:
    """Return the decision from which each unit of an arm counts.

    ``is_payer`` leaves only who has paid since and never had before. They are found by
    the statement that measures the arm, so there are as many as the arm counts.
    """
    statement = LISTED.format(arm=compared.arm, only=compared.only)
    values = values_of(compared, start, end) | {"chosen": arm, "payers": is_payer}
    # An expression of Django takes its values by place.
    places = [values[name] for name in _NAMED.findall(statement)]
    chosen = RawSQL(_NAMED.sub("%s", statement), places)  # noqa: S611 - ours
    return Decision.objects.filter(pk__in=chosen)


def money_of(
    decisions: list[Decision], compared: Contrast, start: datetime, end: datetime
) -> list[tuple[Decision, MeasuredUnit]]:
    """Return first decisions, each with what became of its unit."""
    found = {
        unit.organisation_id: unit
        for unit in measure_each(
            compared,
            start,
            end,
            organisation_ids=[each.organisation_id for each in decisions],
        )
    }
    return [(each, found[each.organisation_id]) for each in decisions]

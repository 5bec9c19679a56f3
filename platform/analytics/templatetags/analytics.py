"""How figures of reports are written."""

from dataclasses import dataclass

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from activity.models import Event
from analytics.answers import CohortRow, FunnelAnswer, StepAnswer
from analytics.engines.protocol import Volume
from analytics.forms import OPERATORS
from analytics.judging import UNKNOWN
from analytics.questions import Condition, Operator

register = template.Library()
# A line of the table, and no page of a pasted question.
LONGEST = 80


@register.filter
def share(value: float | None) -> str:
    """Write a share; over nobody there is none, which is not zero."""
    return "–" if value is None else f"{value * 100:.1f} %"


@register.filter
def took(seconds: float | None) -> str:
    """Write how long something took, in its largest useful unit."""
    if seconds is None:
        return "–"
    for size, text in (
        (86_400, _("%(count).1f d")),
        (3_600, _("%(count).1f h")),
        (60, _("%(count).1f min")),
    ):
        if seconds >= size:
            return text % {"count": seconds / size}
    return _("%(count).1f s") % {"count": seconds}


@register.filter
def in_words(condition: Condition) -> str:
    """Write a condition as it reads: plan is pro."""
    words = dict(OPERATORS)[condition.operator]
    if condition.operator in {Operator.SET, Operator.UNSET}:
        return f"{condition.name} {words}"
    return f"{condition.name} {words} {condition.value}"


@dataclass(frozen=True, slots=True)
class DividedLine:
    """One value of a breakdown; ``share`` is of those of it who came to the end."""

    value: str | None
    steps: tuple[StepAnswer, ...]
    share: float | None


@register.filter
def divided(answer: FunnelAnswer) -> list[DividedLine]:
    """Return the lines of a breakdown."""
    return [
        DividedLine(
            value=each.value,
            steps=each.steps,
            share=each.steps[-1].count / each.steps[0].count
            if each.steps[0].count
            else None,
        )
        for each in answer.divisions
    ]


@register.filter
def fault_in_words(volume: Volume) -> str:
    """Write why an event is in quarantine."""
    if volume.fault == UNKNOWN:
        return _("no app lists it")
    return _("“%(name)s” is of another kind") % {
        "name": volume.fault.partition(": ")[2]
    }


@register.filter
def kind_in_words(kind: str) -> str:
    """Write the kind of a property's values."""
    return {
        "integer": _("whole number"),
        "number": _("number"),
        "text": _("text"),
        "boolean": _("yes or no"),
    }.get(kind, _("anything"))


@register.filter
def example_properties(event: Event) -> list[tuple[str, str]]:
    """Return an event's properties without those that say who did it."""
    return [
        (name, "•••" if name.endswith(("_id", "_by")) else str(value)[:LONGEST])
        for name, value in sorted(event.properties.items())
    ]


@register.filter
def number(value: float | None) -> str:
    """Write a value: whole where it is whole, else with two decimals."""
    if value is None:
        return "–"
    places = 0 if float(value).is_integer() else 2
    return number_format(value, places, force_grouping=True)


@register.filter
def share_of(row: CohortRow, count: int) -> str:
    """Write which share of a cohort came back."""
    return share(count / row.size)


@register.filter
def heat(row: CohortRow, count: int) -> int:
    """Return how strong the colour of a share is, from 0 to 5."""
    return -(-count * 5 // row.size)

"""The unit a figure counts: people or organisations."""

from typing import Any

from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.conversion.models import Account, Developer, WayQuerySet
from core.reading import Values


class CountedUnit(models.TextChoices):
    """Who is counted. An organisation's way is that of its first engaged person."""

    PERSON = "person", _("People")
    ORGANISATION = "organisation", _("Organisations")


# Units with a way: rows of either kind have the same steps under the same names.
Population = WayQuerySet[Any]


def population(unit: CountedUnit) -> Population:
    """Return those every figure of ``unit`` is about."""
    if unit == CountedUnit.ORGANISATION:
        return Account.objects.counted()
    return Developer.objects.counted()


def unit_of(request: HttpRequest) -> CountedUnit:
    """Read ``unit``; people unless the address says otherwise."""
    return CountedUnit(
        Values(request.GET).choice(
            "unit", CountedUnit.values, default=CountedUnit.PERSON
        )
    )

"""Telling those who look after an organisation's money what it pays for models."""

from collections.abc import Callable
from datetime import timedelta

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import User
from billing.pricelists.models import BUYERS, PriceList
from core.clock import day_for_all
from notifications.fan_out import notify_all
from notifications.models import Kind


def notify_begun(row: PriceList) -> None:
    """Say that models cost less, from when and until when."""

    def words() -> str:
        start = day_for_all(row.begins_at)
        if row.ends_at is None:
            return gettext("It holds from %(start)s on.") % {"start": start}
        # It holds to before its end: that is midnight after the day staff chose.
        end = day_for_all(row.ends_at - timedelta(microseconds=1))
        return gettext("It holds from %(start)s to %(end)s.") % {
            "start": start,
            "end": end,
        }

    _notify(
        row,
        key=f"price-list-begun-{row.pk}",
        title=lambda: gettext("Your own prices of models"),
        body=words,
    )


def notify_ended(row: PriceList) -> None:
    """Say that everybody's prices apply again."""
    _notify(
        row,
        key=f"price-list-ended-{row.pk}",
        title=lambda: gettext("Your own prices of models have ended"),
        body=lambda: gettext("Calls cost what they cost everybody from now on."),
    )


def _notify(
    row: PriceList, *, key: str, title: Callable[[], str], body: Callable[[], str]
) -> None:
    notify_all(
        User.objects.filter(
            memberships__organisation=row.organisation, memberships__role__in=BUYERS
        ),
        Kind.BILLING,
        dedupe_key=key,
        # By its address: the page is another area's.
        url=reverse("catalog:own-prices", args=[row.organisation.slug]),
        title=title,
        body=body,
        about=("purse", row.organisation_id),
    )

"""Telling those who look after an organisation's money what its usage is charged."""

from django.urls import reverse
from django.utils.translation import gettext

from accounts.models import Organisation, User
from billing.credits.models import PURSE
from billing.overage.models import Statement
from core.clock import day_for_all
from core.money import format_minor
from notifications.fan_out import notify_all
from notifications.models import Kind


def notify_closed(statement: Statement) -> None:
    """Say what a period's usage comes to on the next invoice, if to anything."""
    if not statement.amount:
        return
    organisation = Organisation.objects.get(pk=statement.organisation_id)
    coverage = statement.coverage

    def words() -> str:
        values = {
            "amount": format_minor(abs(statement.amount), statement.currency),
            "start": day_for_all(coverage.starts_at),
            "end": day_for_all(coverage.ends_at),
        }
        if statement.amount < 0:
            return (
                gettext(
                    "%(amount)s are given back with the next invoice: usage was corrected."
                )
                % values
            )
        return (
            gettext(
                "%(amount)s for usage of %(start)s to %(end)s come with the next invoice."
                " The lines are on the page."
            )
            % values
        )

    notify_all(
        User.objects.filter(
            memberships__organisation=organisation, memberships__role__in=PURSE
        ),
        Kind.BILLING,
        dedupe_key=f"usage-charged-{statement.pk}",
        url=reverse(
            "overage:statement-detail", args=[organisation.slug, statement.public_id]
        ),
        title=lambda: (
            gettext("Usage of %(organisation)s beyond the plan")
            % {"organisation": organisation.name}
        ),
        body=words,
        about=("purse", organisation.pk),
    )

"""Organisations nobody in N is behind, and why: their money has a line of its own."""

from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from billing.conversion.models import Account, has_community_way

# Why an organisation has no community way; the first that fits.
REASONS = {
    "excluded": _("left out by staff"),
    "nobody": _("nobody of its people is known"),
    "not_counted": _("staff, test people or people who are gone"),
    "not_active": _("nobody of its people is active yet"),
}


def outside() -> QuerySet[Account]:
    """Return the accounts of the bridge's line, each with its ``reason``."""
    person = Q(developer__user__is_staff=True) | Q(developer__user__is_internal=True)
    gone = Q(developer__user__is_active=False) | Q(developer__excluded_at__isnull=False)
    return Account.objects.exclude(has_community_way()).annotate(
        reason=Case(
            When(excluded_at__isnull=False, then=Value("excluded")),
            When(developer=None, then=Value("nobody")),
            When(person | gone, then=Value("not_counted")),
            default=Value("not_active"),
            output_field=CharField(),
        )
    )


def with_money() -> QuerySet[Account]:
    """Return those of ``outside`` that brought or cost anything."""
    return outside().exclude(revenue=0, cost_nano=0, first_paid_at=None)

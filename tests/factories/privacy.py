"""Copies of a person's data, and subscriptions that keep one from leaving."""

import itertools
from typing import Any

from django.utils import timezone

from accounts.models import Organisation, User
from billing.subscriptions.models import Subscription
from privacy.models import DataExport
from privacy.services import create_export, prepare_export

_numbers = itertools.count(1)


def export_of(user: User) -> DataExport:
    """Make a copy that is ready."""
    export = create_export(user)
    prepare_export(export)
    export.refresh_from_db()
    return export


def subscription_of(organisation: Organisation, **fields: Any) -> Subscription:
    """Mirror a subscription that runs."""
    values = {
        "stripe_id": f"sub_leaving_{next(_numbers)}",
        "status": "active",
        "currency": "usd",
        "collection_method": "charge_automatically",
        "started_at": timezone.now(),
        "fetched_at": timezone.now(),
        **fields,
    }
    return Subscription.objects.create(organisation=organisation, **values)

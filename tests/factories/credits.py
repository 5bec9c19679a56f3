"""Credit and usage that it covers, as small as they can be."""

import itertools
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from accounts.models import Organisation
from billing.credits.models import CreditGrant
from billing.credits.services import grant_credit
from contracts.inference import UsageAggregated

_numbers = itertools.count(1)


def credit_of(
    organisation: Organisation, amount_nano: int, **fields: Any
) -> CreditGrant:
    """Give an organisation credit."""
    values: dict[str, Any] = {
        "kind": CreditGrant.Kind.PROMOTION,
        "key": f"test:{next(_numbers)}",
        "reason": "Welcome",
    }
    return grant_credit(
        organisation.pk, amount_nano=amount_nano, **{**values, **fields}
    )


def usage_of(
    organisation: Organisation, price_nano: int, *, at: datetime | None = None
) -> UsageAggregated:
    """Return what the gateway's report says of one window, each time a new one."""
    hour = (at or timezone.now()).astimezone(UTC)
    return UsageAggregated(
        organisation_id=organisation.pk,
        model=f"model-{next(_numbers)}",
        edition="open",
        window=hour.replace(minute=0, second=0, microsecond=0).isoformat(),
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=price_nano,
        cost_nano=0,
    )

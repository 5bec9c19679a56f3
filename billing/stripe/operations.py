"""Outgoing calls that must happen once, however often they are tried."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from django.db import transaction
from django.utils import timezone

from billing.stripe.exceptions import StripeMissing, StripeRefused
from billing.stripe.models import StripeOperation


class Identified(Protocol):
    """Whatever Stripe made: it has an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Identified)


def run_once(
    kind: str,
    business_key: str,
    params: Mapping[str, object],
    call: Callable[[str], R],
) -> R:
    """Run ``call`` with the idempotency key of this intention and note its result.

    ``params`` say what is intended: when they differ from the last time, or the
    last time was refused, the key is a new one. ``call`` runs outside any
    transaction; should we die before its answer, the next try gets the same one.
    """
    operation = _operation_for(kind, business_key, params)
    try:
        result = call(str(operation.idempotency_key))
    except (StripeRefused, StripeMissing) as error:
        # Under the same key Stripe would repeat its answer for a day.
        _finish(
            operation,
            StripeOperation.State.REFUSED,
            error=error.details.get("reason", ""),
        )
        raise
    _finish(operation, StripeOperation.State.DONE, result_id=result.id)
    return result


@transaction.atomic
def _operation_for(
    kind: str, business_key: str, params: Mapping[str, object]
) -> StripeOperation:
    canonical = json.dumps(params, sort_keys=True, default=str)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    operation, is_new = StripeOperation.objects.select_for_update().get_or_create(
        kind=kind, business_key=business_key, defaults={"params_hash": digest}
    )
    is_refused = operation.state == StripeOperation.State.REFUSED
    if not is_new and (operation.params_hash != digest or is_refused):
        operation.params_hash = digest
        operation.idempotency_key = uuid.uuid4()
        operation.state = StripeOperation.State.PENDING
        operation.created_at = timezone.now()
        operation.save()
    return operation


def _finish(
    operation: StripeOperation, state: str, *, result_id: str = "", error: str = ""
) -> None:
    StripeOperation.objects.filter(
        pk=operation.pk, idempotency_key=operation.idempotency_key
    ).update(
        state=state,
        result_id=result_id,
        last_error=error[:2000],
        finished_at=timezone.now(),
    )

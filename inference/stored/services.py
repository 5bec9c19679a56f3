"""Keeping responses, going on from them, and forgetting them."""

import json
import logging
import re
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import Organisation, User
from core.crypto import decrypt, encrypt
from inference.retention import services as retention
from inference.stored.exceptions import (
    ConversationTooLong,
    ResponseMissing,
    ResponseUnfinished,
    StorageOff,
)
from inference.stored.models import Storage, StoredResponse
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
# Where gateways hear of responses that are to be ended.
CHANNEL = "responses"
# A long day's work of an agent; each turn is a row that is read and decrypted.
MOST_TURNS = 500
# As much as one request may bring along itself.
MOST_BYTES = 20_000_000
# The names this product gives are shorter.
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
PRUNE_BATCH = 1000  # rows of up to megabytes, in one statement
Status = StoredResponse.Status
Item = dict[str, Any]


def set_choice(organisation: Organisation, *, days: int, by: User) -> None:
    """Have responses kept from now on, each for ``days``."""
    retention.set_choice(
        Storage.objects.all(), organisation, days=days, by=by, action="responses.stored"
    )


@transaction.atomic
def withdraw_choice(organisation: Organisation, *, by: User) -> int:
    """Keep nothing more and forget what was kept; return how many that were.

    What runs in the background is ended: nobody could fetch it, and nobody pays for
    it. Who waits for an answer is given it, and it is kept nowhere. The choice is
    locked, so that nothing begins unseen meanwhile.
    """
    list(Storage.objects.select_for_update(of=("self",)).filter(pk=organisation.pk))
    running = StoredResponse.objects.filter(
        organisation=organisation, is_background=True, status=Status.IN_PROGRESS
    )
    for response_id in running.values_list("pk", flat=True):
        transaction.on_commit(partial(_end, response_id), robust=True)
    return retention.withdraw_choice(
        Storage.objects.all(),
        StoredResponse.objects.all(),
        organisation,
        by=by,
        action="responses.not_stored",
    )


@transaction.atomic
def begin(
    response: dict[str, Any],
    items: list[Item],
    *,
    organisation_id: int,
    is_background: bool = False,
) -> None:
    """Keep a response that is about to be written. Raises ``StorageOff``."""
    # Turning storage off waits for this, and then deletes the row.
    storage = (
        Storage.objects.select_for_update(of=("self",))
        .filter(pk=organisation_id)
        .first()
    )
    if storage is None:
        raise StorageOff
    now = timezone.now()
    asked, told = json.dumps(items), json.dumps(response)
    StoredResponse.objects.create(
        id=response["id"],
        organisation_id=organisation_id,
        previous_id=response["previous_response_id"] or "",
        model=response["model"],
        status=Status.IN_PROGRESS,
        is_background=is_background,
        sealed_input=encrypt(asked),
        sealed_response=encrypt(told),
        size=len(asked),
        created_at=now,
        expires_at=now + timedelta(days=storage.days),
    )


def finish(response: dict[str, Any], *, organisation_id: int) -> bool:
    """Keep how a response ended, once; tell whether it still was being written."""
    told = json.dumps(response)
    kept = StoredResponse.objects.filter(
        pk=response["id"], organisation_id=organisation_id, status=Status.IN_PROGRESS
    )
    return bool(
        kept.update(
            status=response["status"],
            sealed_response=encrypt(told),
            size=F("size") + len(told),
        )
    )


def find(response_id: str, *, organisation_id: int) -> StoredResponse:
    """Return a response. Raises ``ResponseMissing``."""
    _require_name(response_id)
    kept = StoredResponse.objects.kept_for(organisation_id).filter(pk=response_id)
    row = kept.first()
    if row is None:
        raise ResponseMissing(response_id)
    return row


def response_of(row: StoredResponse) -> dict[str, Any]:
    """Return the response as it is told, with the status it has now."""
    told: dict[str, Any] = json.loads(decrypt(row.sealed_response))
    return told | {"status": row.status}


def conversation(response_id: str, *, organisation_id: int) -> list[Item]:
    """Return what was said up to a response and in it, in the order it was said.

    Raises ``ResponseMissing``, ``ResponseUnfinished`` and ``ConversationTooLong``.
    """
    turns: list[list[Item]] = []
    for row in _chain(response_id, organisation_id):
        if row.status == Status.IN_PROGRESS:
            raise ResponseUnfinished
        turns.append(_input_of(row) + response_of(row)["output"])
    return [item for turn in reversed(turns) for item in turn]


def input_of(response_id: str, *, organisation_id: int) -> list[Item]:
    """Return everything a response was made from. Raises ``ResponseMissing``."""
    row = find(response_id, organisation_id=organisation_id)
    before: list[Item] = []
    if row.previous_id:
        before = conversation(row.previous_id, organisation_id=organisation_id)
    return before + _input_of(row)


def delete(response_id: str, *, organisation_id: int) -> None:
    """Forget a response and what it answers. Raises ``ResponseMissing``."""
    _require_name(response_id)
    kept = StoredResponse.objects.kept_for(organisation_id).filter(pk=response_id)
    count, _ = kept.delete()
    if not count:
        raise ResponseMissing(response_id)


def prune() -> int:
    """Forget what has been kept long enough; return how many that were."""
    return StoredResponse.objects.prune(batch=PRUNE_BATCH)


def _end(response_id: str) -> None:
    """Have whichever process runs a response end it."""
    try:
        client().publish(prefixed(CHANNEL), response_id)
    except RedisError as error:
        # It comes to its own end, and is kept nowhere.
        logger.warning("responses.not_ended", extra={"error": str(error)})


def _chain(response_id: str, organisation_id: int) -> list[StoredResponse]:
    """Return a response and those before it, newest first, by one statement."""
    _require_name(response_id)
    rows = list(
        StoredResponse.objects.raw(
            """
            WITH RECURSIVE chain AS (
                SELECT r.*, 1 AS turn FROM stored_storedresponse r
                WHERE r.id = %(id)s AND r.organisation_id = %(organisation)s
                    AND r.expires_at > now()
                UNION ALL
                SELECT r.*, c.turn + 1 FROM stored_storedresponse r
                JOIN chain c ON r.id = c.previous_id
                WHERE r.organisation_id = %(organisation)s AND r.expires_at > now()
                    AND c.turn <= %(most)s
            )
            SELECT * FROM chain ORDER BY turn
            """,
            {"id": response_id, "organisation": organisation_id, "most": MOST_TURNS},
        )
    )
    if not rows:
        raise ResponseMissing(response_id)
    if len(rows) > MOST_TURNS or sum(row.size for row in rows) > MOST_BYTES:
        raise ConversationTooLong
    if rows[-1].previous_id:
        # A turn of it was deleted, or is too old.
        raise ResponseMissing(rows[-1].previous_id)
    return rows


def _require_name(response_id: str) -> None:
    """Raise ``ResponseMissing`` for what is no name at all, such as a NUL.

    PostgreSQL refuses to look for that, which is not an outage.
    """
    if not _NAME.fullmatch(response_id):
        raise ResponseMissing(response_id)


def _input_of(row: StoredResponse) -> list[Item]:
    items: list[Item] = json.loads(decrypt(row.sealed_input))
    return items

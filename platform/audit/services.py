"""Writing the chain of records, and reading whether it is whole."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit.models import Record
from core.context import network, request_id

# "audt": a number no other advisory lock has.
_LOCK = 0x61756474


@transaction.atomic
def record(
    action: str,
    *,
    actor: User | None,
    organisation: Organisation | None = None,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> Record:
    """Append what was done, in the transaction that does it.

    A lock held to the end of the transaction keeps the chain in one line. Request
    and network are those of the moment; ``at`` is when it was done, where that is told
    later. Secrets do not belong into ``before`` and ``after``; their values are whole
    numbers, strings and flags.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last = Record.objects.order_by("-pk").values_list("digest", flat=True).first()
    entry = Record(
        # The digest covers it as the database gives it back.
        at=(at or timezone.now()).astimezone(UTC),
        action=action,
        actor=actor,
        organisation=organisation,
        target=target[:200],
        before=before,
        after=after,
        address=network.get(),
        request_id=request_id.get(),
        previous_digest=last or "",
    )
    entry.digest = digest_of(entry)
    entry.save(force_insert=True)
    return entry


def broken_records() -> Iterator[Record]:
    """Yield every record that does not follow from the one before it."""
    previous = ""
    for entry in Record.objects.order_by("pk").iterator():
        if entry.previous_digest != previous or entry.digest != digest_of(entry):
            yield entry
        previous = entry.digest


def head() -> str:
    """Return the digest of the newest record, or nothing.

    Kept outside the database, it shows later whether newer records were cut off.
    """
    return Record.objects.order_by("-pk").values_list("digest", flat=True).first() or ""


def has_record(digest: str) -> bool:
    """Tell whether the chain still holds a head that was noted earlier."""
    return Record.objects.filter(digest=digest).exists()


def digest_of(entry: Record) -> str:
    """Return the digest a record has to carry."""
    content = json.dumps(
        [
            entry.previous_digest,
            entry.at.isoformat(),
            entry.action,
            entry.actor_id,
            entry.organisation_id,
            entry.target,
            entry.before,
            entry.after,
            entry.address,
            entry.request_id,
        ],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(content.encode()).hexdigest()

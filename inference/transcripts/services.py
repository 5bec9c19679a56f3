"""Keeping what calls said, reading it, and forgetting it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from audit import services as audit
from core.crypto import decrypt, encrypt
from inference.retention import services as retention
from inference.transcripts.exceptions import TranscriptMissing
from inference.transcripts.models import Transcript, TranscriptChoice

PRUNE_BATCH = 500  # rows of up to megabytes, in one statement


@dataclass(frozen=True, slots=True)
class TranscriptText:
    """What a call sent and was sent back, as texts, and whether each was cut."""

    request: str
    answer: str
    is_request_cut: bool
    is_answer_cut: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A transcript as the gateway took it."""

    request_id: str
    organisation_id: int
    request: bytes
    answer: bytes
    is_request_cut: bool = False
    is_answer_cut: bool = False


def set_choice(organisation: Organisation, *, days: int, by: User) -> None:
    """Have what is said kept from now on, each call for ``days``."""
    retention.set_choice(
        TranscriptChoice.objects.all(),
        organisation,
        days=days,
        by=by,
        action="transcripts.kept",
    )


def withdraw_choice(organisation: Organisation, *, by: User) -> int:
    """Keep nothing more and forget what was kept; return how many calls that were."""
    return retention.withdraw_choice(
        TranscriptChoice.objects.all(),
        Transcript.objects.all(),
        organisation,
        by=by,
        action="transcripts.not_kept",
    )


@transaction.atomic
def keep(taken: Sequence[Taken]) -> int:
    """Keep transcripts, of those only who chose so; return how many were kept."""
    # Turning it off waits for this, and then deletes the rows.
    choices = (
        TranscriptChoice.objects.select_for_update(of=("self",))
        .filter(pk__in={each.organisation_id for each in taken})
        .order_by("pk")
    )
    days = {choice.pk: choice.days for choice in choices}
    now = timezone.now()
    rows = [
        Transcript(
            request_id=each.request_id,
            organisation_id=each.organisation_id,
            sealed_request=encrypt(each.request.decode("utf-8", "replace")),
            sealed_answer=encrypt(each.answer.decode("utf-8", "replace")),
            is_request_cut=each.is_request_cut,
            is_answer_cut=each.is_answer_cut,
            created_at=now,
            expires_at=now + timedelta(days=days[each.organisation_id]),
        )
        for each in taken
        if each.organisation_id in days
    ]
    Transcript.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@transaction.atomic
def read(request_id: str, *, organisation: Organisation, by: User) -> TranscriptText:
    """Return what a call said, and write down who read it.

    Raises ``TranscriptMissing``.
    """
    row = Transcript.objects.kept_for(organisation.pk).filter(pk=request_id).first()
    if row is None:
        raise TranscriptMissing
    audit.record(
        "transcript.read",
        actor=by,
        organisation=organisation,
        target=request_id,
    )
    return TranscriptText(
        decrypt(row.sealed_request),
        decrypt(row.sealed_answer),
        is_request_cut=row.is_request_cut,
        is_answer_cut=row.is_answer_cut,
    )


@transaction.atomic
def delete(request_id: str, *, organisation: Organisation, by: User) -> None:
    """Forget what one call said. Raises ``TranscriptMissing``."""
    kept = Transcript.objects.kept_for(organisation.pk).filter(pk=request_id)
    count, _ = kept.delete()
    if not count:
        raise TranscriptMissing
    audit.record(
        "transcript.deleted",
        actor=by,
        organisation=organisation,
        target=request_id,
    )


def prune() -> int:
    """Forget what has been kept long enough; return how many calls that were."""
    return Transcript.objects.prune(batch=PRUNE_BATCH)

"""Claiming a case, deciding it and opening it again; appealing."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.moderation.deciding import consequence_of
from community.moderation.exceptions import (
    CannotAppeal,
    CaseClaimed,
    CaseDecided,
    CaseUndecided,
)
from community.moderation.models import Case
from community.standing.models import Sanction

# As long as reading a long topic takes; who went away blocks nobody.
CLAIMED_FOR = timedelta(minutes=30)


def hold_case(case: Case, *, by: User) -> None:
    """Say that ``by`` is at a case, for half an hour. Raises ``CaseClaimed``.

    One statement: of two who claim at once one has it.
    """
    free = Q(claimed_by=None) | Q(claimed_by=by) | Q(claimed_at__lt=_stale())
    claimed = Case.objects.undecided().filter(free, pk=case.pk)
    if not claimed.update(claimed_by=by, claimed_at=timezone.now()):
        raise CaseClaimed


def unclaim_case(case: Case, *, by: User) -> None:
    """Leave a case to others."""
    mine = Case.objects.undecided().filter(pk=case.pk, claimed_by=by)
    mine.update(claimed_by=None, claimed_at=None)


@transaction.atomic
def judge_case(case: Case, *, outcome: str, by: User, note: str = "") -> Case:
    """Decide a case once; what it asks for is done, and those concerned are told.

    What the case is about is locked before the case, as where it is reported. Raises
    ``CaseDecided`` or ``CaseClaimed``.
    """
    consequence = consequence_of(case)
    consequence.lock(case)
    locked = _locked(case)
    if locked.outcome:
        raise CaseDecided
    is_fresh = locked.claimed_at is not None and locked.claimed_at > _stale()
    if is_fresh and locked.claimed_by_id not in {None, by.pk}:
        raise CaseClaimed
    locked.outcome, locked.note = outcome, note
    locked.decided_by, locked.decided_at = by, timezone.now()
    locked.did_change = consequence.apply(locked, by)
    locked.save(
        update_fields=["outcome", "note", "decided_by", "decided_at", "did_change"]
    )
    consequence.notify(locked, by)
    audit.record(
        f"case.{outcome}",
        actor=by,
        target=f"case:{locked.pk}",
        after={"kind": locked.kind, "note": note},
    )
    return locked


@transaction.atomic
def reopen_case(case: Case, *, by: User) -> Case:
    """Undo a decision: what it changed is put back, and the case waits again.

    Raises ``CaseUndecided``, also where new reports have opened another case.
    """
    consequence = consequence_of(case)
    consequence.lock(case)
    locked = _locked(case)
    newer = Case.objects.undecided().filter(
        Q(post=locked.post_id, post__isnull=False)
        | Q(comment=locked.comment_id, comment__isnull=False)
        | Q(message=locked.message, message__isnull=False)
    )
    if not locked.outcome or newer.exists():
        raise CaseUndecided
    if locked.did_change:
        consequence.take_back(locked, by)
    before = locked.outcome
    locked.outcome, locked.did_change = "", False
    locked.decided_by = locked.decided_at = None
    locked.claimed_by = locked.claimed_at = None
    locked.save()
    audit.record(
        "case.reopened",
        actor=by,
        target=f"case:{locked.pk}",
        before={"outcome": before},
    )
    return locked


@transaction.atomic
def appeal_sanction(sanction: Sanction, *, text: str) -> Case:
    """Have a moderator look again at a sanction; once. Raises ``CannotAppeal``."""
    locked = Sanction.objects.select_for_update(of=("self",)).get(pk=sanction.pk)
    appealed = Case.objects.filter(sanction=locked)
    if not locked.is_in_force or appealed.exists():
        raise CannotAppeal
    return Case.objects.create(
        kind=Case.Kind.APPEAL,
        sanction=locked,
        subject_id=locked.user_id,
        text=text,
        # A person waits for it: before what one member alone reported.
        score=5,
    )


def _locked(case: Case) -> Case:
    cases = Case.objects.select_for_update(of=("self",))
    return cases.select_related("post__topic", "comment__post__topic").get(pk=case.pk)


def _stale() -> datetime:
    return timezone.now() - CLAIMED_FOR

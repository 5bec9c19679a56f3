"""Leads: who asked to be spoken with, or should be, until something came of it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.growth.exceptions import LeadClosed
from billing.growth.models import Decision, Lead, LeadNote
from billing.plans.models import Inquiry

# "A person answers by mail": by the same hour of the next working day.
ANSWER_WITHIN = timedelta(days=1)
# Monday is 0.
SATURDAY = 5


def due_after(opened_at: datetime) -> datetime:
    """Return until when a first answer is promised; a weekend does not count."""
    due = opened_at + ANSWER_WITHIN
    while due.weekday() >= SATURDAY:
        due += ANSWER_WITHIN
    return due


def open_by_inquiry(inquiry_id: int) -> Lead:
    """Open the lead of an inquiry; of the same one there is one lead."""
    inquiry = Inquiry.objects.get(pk=inquiry_id)
    lead, _ = Lead.objects.get_or_create(
        inquiry=inquiry,
        defaults={
            "origin": Lead.Origin.INQUIRY,
            "user": inquiry.user,
            "opened_at": inquiry.sent_at,
            "due_at": due_after(inquiry.sent_at),
        },
    )
    return lead


def open_by_office_hour(decision: Decision) -> Lead:
    """Open the lead of a person who accepted an office hour."""
    now = timezone.now()
    return Lead.objects.create(
        origin=Lead.Origin.OFFICE_HOUR,
        organisation_id=decision.organisation_id,
        user=decision.accepted_by,
        opened_at=now,
        due_at=due_after(now),
    )


@transaction.atomic
def open_by_score(organisation_id: int) -> bool:
    """Open a lead for an organisation in need; return whether it is new.

    None while one is open, nor within a quarter after the last one was closed.
    """
    now = timezone.now()
    lately = Lead.objects.filter(
        organisation_id=organisation_id, closed_at__gt=now - timedelta(days=90)
    )
    if lately.exists():
        return False
    _, is_new = Lead.objects.get_or_create(
        origin=Lead.Origin.SCORE,
        organisation_id=organisation_id,
        closed_at=None,
        defaults={"opened_at": now, "due_at": due_after(now)},
    )
    return is_new


@transaction.atomic
def take_lead(lead: Lead, *, by: User) -> Lead:
    """Make a person the one who looks after a lead. Raises ``LeadClosed``."""
    locked = _open(lead)
    locked.owner = by
    locked.save(update_fields=["owner"])
    return locked


@transaction.atomic
def write_note(
    lead: Lead, *, by: User, text: str, next_step: str, is_answer: bool
) -> LeadNote:
    """Add a note; ``is_answer`` says that the person was answered.

    Raises ``LeadClosed``.

    The first answer stops the clock, and who wrote first looks after the lead.
    """
    locked = _open(lead)
    now = timezone.now()
    if is_answer and locked.answered_at is None:
        locked.answered_at = now
    locked.owner = locked.owner or by
    locked.next_step = next_step
    locked.save(update_fields=["answered_at", "owner", "next_step"])
    return LeadNote.objects.create(lead=locked, by=by, text=text, written_at=now)


@transaction.atomic
def close_lead(
    lead: Lead,
    *,
    by: User,
    outcome: Lead.Outcome,
    amount: int | None = None,
    currency: str = "",
) -> Lead:
    """Say what came of a lead. Raises ``LeadClosed`` when a person has said it."""
    locked = _open(lead)
    locked.outcome = outcome
    locked.amount = amount if outcome == Lead.Outcome.WON else None
    locked.currency = currency if locked.amount is not None else ""
    locked.closed_at = timezone.now()
    locked.owner = locked.owner or by
    locked.save(update_fields=["outcome", "amount", "currency", "closed_at", "owner"])
    audit.record(
        "lead.closed",
        actor=by,
        target=str(locked.pk),
        after={"outcome": str(outcome), "amount": locked.amount},
    )
    return locked


def _open(lead: Lead) -> Lead:
    """Return the lead with its row locked, so that two who close it are told apart."""
    locked = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
    if locked.closed_at is not None:
        raise LeadClosed
    return locked

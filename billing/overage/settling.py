"""What staff do about a statement: close again, send again, write off and take back."""

from django.db import connection, transaction
from django.db.models import CharField, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.approvals import services as approvals
from billing.approvals.exceptions import OwnOrganisation
from billing.approvals.limits import (
    approved_subjects,
    counts_since,
    needs_second_person,
)
from billing.approvals.models import Approval
from billing.approvals.permissions import belongs_to
from billing.credits.models import Coverage
from billing.overage.closing import LAST_REPORTS, close_organisation
from billing.overage.exceptions import BeingSent, NothingToSend, NothingToWriteOff
from billing.overage.models import Statement, StatementLine, StatementProblem, WriteOff
from billing.overage.problems import record_problem, remove_problem
from billing.overage.sending import LOCK, alone, send_statement
from billing.stripe.exceptions import StripeError
from contracts.billing import ChargeReinstated, ChargeWrittenOff
from outbox import publish

State = WriteOff.State


def pending_amount(statement: Statement) -> int:
    """Return what of a statement is on no invoice yet, in minor units."""
    lines = StatementLine.objects.filter(statement=statement, item_id=None)
    return sum(lines.values_list("amount", flat=True))


def close_again(coverage: Coverage, *, by: User) -> int:
    """Close what an organisation's ended periods still have; return how many.

    As the job does every five minutes: what is stated is not stated twice.
    """
    closed = close_organisation(
        coverage.organisation_id, until=timezone.now() - LAST_REPORTS
    )
    audit.record(
        "charges.closed_again",
        actor=by,
        organisation=coverage.organisation,
        target=str(coverage.pk),
        after={"statements": len(closed)},
    )
    return len(closed)


def send_again(statement: Statement, *, by: User) -> None:
    """Send what Stripe has not got of a statement; outside any transaction.

    Raises ``BeingSent``, ``NothingToSend``, and ``StripeError``, which is noted.
    """
    with alone() as is_ours:
        if not is_ours:
            raise BeingSent
        if not Statement.objects.unsent().filter(pk=statement.pk).exists():
            raise NothingToSend
        try:
            send_statement(statement)
        except StripeError as error:
            reason = str(error.details.get("reason", error))
            record_problem(statement, StatementProblem.Kind.NOT_SENT, reason)
            raise
    audit.record(
        "charges.sent_again",
        actor=by,
        organisation=statement.organisation,
        target=statement.public_id,
    )


@transaction.atomic
def order_write_off(statement: Statement, *, reason: str, by: User) -> WriteOff:
    """Ask for the rest of a statement no more; above the limit a second person decides.

    What ``by`` wrote off for the organisation before counts with it. The statement's
    row is locked, and nothing is sent meanwhile. Raises ``OwnOrganisation``,
    ``BeingSent`` or ``NothingToWriteOff``.
    """
    locked = _locked(statement)
    if belongs_to(by, locked.organisation):
        raise OwnOrganisation
    amount = pending_amount(locked)
    waits = locked.write_offs.filter(state=State.WAITING).exists()
    if locked.sent_at or locked.written_off_at or amount <= 0 or waits:
        raise NothingToWriteOff
    kind = Approval.Kind.WRITE_OFF
    is_large = needs_second_person(
        kind, amount=amount, currency=locked.currency, alone=_given_alone(locked, by=by)
    )
    row = WriteOff.objects.create(
        statement=locked,
        state=State.WAITING,
        amount=amount,
        reason=reason.strip(),
        by=by,
    )
    if is_large:
        approvals.request_approval(
            kind,
            subject=f"{locked.public_id}:{row.pk}",
            organisation=locked.organisation,
            amount=amount,
            currency=locked.currency,
            details={"write_off": row.pk, "statement": locked.public_id},
            reason=reason,
            by=by,
        )
    else:
        _write_off(row, locked, by=by)
    return row


@transaction.atomic
def carry_out(row_id: int, *, by: User) -> None:
    """Write off what a second person approved. Raises ``NothingToWriteOff``.

    What was sent meanwhile, or came to another sum, is another question.
    """
    row = WriteOff.objects.select_related("statement").get(pk=row_id)
    locked = _locked(row.statement)
    row.refresh_from_db()
    if row.state != State.WAITING or pending_amount(locked) != row.amount:
        raise NothingToWriteOff
    _write_off(row, locked, by=row.by or by)


@transaction.atomic
def take_back(statement: Statement, *, reason: str, by: User) -> None:
    """Ask for a statement again that was written off. Raises ``NothingToSend``."""
    locked = _locked(statement)
    row = locked.write_offs.filter(state=State.DONE).first()
    if row is None or locked.written_off_at is None:
        raise NothingToSend
    WriteOff.objects.filter(pk=row.pk).update(state=State.WITHDRAWN)
    Statement.objects.filter(pk=locked.pk).update(written_off_at=None)
    audit.record(
        "charges.reinstated",
        actor=by,
        organisation=locked.organisation,
        target=locked.public_id,
        after={"amount": row.amount, "reason": reason},
    )
    publish(
        ChargeReinstated(
            statement_id=locked.pk,
            organisation_id=locked.organisation_id,
            amount=row.amount,
            currency=locked.currency,
            user_id=by.pk,
        )
    )


@transaction.atomic
def refuse_unapproved() -> int:
    """Refuse what no second person approved in time, or at all; return how many."""
    waiting = WriteOff.objects.filter(state=State.WAITING).select_related("statement")
    refused = 0
    for row in waiting:
        subject = f"{row.statement.public_id}:{row.pk}"
        asked = Approval.objects.filter(kind=Approval.Kind.WRITE_OFF, subject=subject)
        last = asked.order_by("-pk").first()
        open_states = {Approval.State.WAITING, Approval.State.APPROVED}
        if last is None or last.state not in open_states:
            WriteOff.objects.filter(pk=row.pk).update(state=State.REFUSED)
            refused += 1
    return refused


def _given_alone(statement: Statement, *, by: User) -> int:
    """Return what ``by`` wrote off for the payer with nobody else, in minor units."""
    rows = WriteOff.objects.filter(
        statement__organisation=statement.organisation_id,
        statement__currency=statement.currency,
        by=by,
        at__gte=counts_since(),
        state=State.DONE,
    ).annotate(
        subject=Concat("statement__public_id", Value(":"), Cast("pk", CharField()))
    )
    approved = approved_subjects(Approval.Kind.WRITE_OFF, statement.organisation_id)
    undecided = rows.exclude(subject__in=approved)
    return int(undecided.aggregate(sum=Sum("amount"))["sum"] or 0)


def _write_off(row: WriteOff, statement: Statement, *, by: User) -> None:
    WriteOff.objects.filter(pk=row.pk).update(state=State.DONE)
    row.state = State.DONE
    Statement.objects.filter(pk=statement.pk).update(written_off_at=timezone.now())
    remove_problem(statement, StatementProblem.Kind.NOT_SENT)
    audit.record(
        "charges.written_off",
        actor=by,
        organisation=statement.organisation,
        target=statement.public_id,
        after={"amount": row.amount, "reason": row.reason},
    )
    publish(
        ChargeWrittenOff(
            statement_id=statement.pk,
            organisation_id=statement.organisation_id,
            amount=row.amount,
            currency=statement.currency,
            user_id=by.pk,
        )
    )


def _locked(statement: Statement) -> Statement:
    """Hold a statement that nobody sends before the commit. Raises ``BeingSent``."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise BeingSent
    rows = Statement.objects.select_for_update(of=("self",))
    return rows.select_related("organisation").get(pk=statement.pk)

"""What growth does when others report."""

from datetime import date, datetime

from billing.growth import leads, occurrences, services
from contracts.accounts import EmailVerified
from contracts.billing import InquiryReceived, InvoicePaid, PaymentFailed
from contracts.community import AnswerAccepted, AnswerUnaccepted, ContributionCredited
from contracts.inference import CallRefused, UsageAggregated
from outbox import subscribe, subscribe_dated


@subscribe(UsageAggregated)
def notice_usage(fact: UsageAggregated) -> None:
    occurrences.notice_usage(fact)


@subscribe(UsageAggregated)
def book_trial_usage(fact: UsageAggregated) -> None:
    services.book_trial_usage(
        fact.organisation_id,
        window=datetime.fromisoformat(fact.window),
        cost_nano=fact.cost_nano,
        reference=(
            f"{fact.organisation_id}:{fact.window}:{fact.edition}:{fact.revision}"
            f":{fact.model}"
        ),
    )


@subscribe_dated(AnswerAccepted)
def notice_answer(fact: AnswerAccepted, *, at: datetime) -> None:
    occurrences.notice_answer(fact.answer_id, fact.author_id, is_accepted=True, at=at)


@subscribe_dated(AnswerUnaccepted)
def forget_answer(fact: AnswerUnaccepted, *, at: datetime) -> None:
    occurrences.notice_answer(fact.answer_id, fact.author_id, is_accepted=False, at=at)


@subscribe(ContributionCredited)
def notice_contribution(fact: ContributionCredited) -> None:
    occurrences.notice_contribution(
        fact.contribution_id, fact.user_id, points=fact.points
    )


@subscribe(EmailVerified)
def notice_colleague(fact: EmailVerified) -> None:
    occurrences.notice_colleague(fact.user_id)


@subscribe(PaymentFailed)
def notice_failed_payment(fact: PaymentFailed) -> None:
    occurrences.notice_failed_payment(fact.organisation_id, fact.invoice_id)


@subscribe_dated(InvoicePaid)
def record_payment(fact: InvoicePaid, *, at: datetime) -> None:
    services.record_payment(fact.organisation_id, at=at)


@subscribe(InquiryReceived)
def open_lead(fact: InquiryReceived) -> None:
    leads.open_by_inquiry(fact.inquiry_id)


@subscribe(CallRefused)
def notice_refusal(fact: CallRefused) -> None:
    occurrences.notice_refusal(
        occurrences.REFUSALS[fact.code],
        fact.organisation_id,
        on=date.fromisoformat(fact.day),
    )

"""What referrals do when others report."""

from billing.referrals import services
from contracts.billing import InvoicePaid, PaymentRefunded, PaymentRestored
from outbox import subscribe


@subscribe(InvoicePaid)
def renew_paid(fact: InvoicePaid) -> None:
    services.renew_referrals_of(fact.organisation_id)


@subscribe(PaymentRefunded)
def renew_refunded(fact: PaymentRefunded) -> None:
    services.renew_referrals_of(fact.organisation_id)


@subscribe(PaymentRestored)
def renew_restored(fact: PaymentRestored) -> None:
    services.renew_referrals_of(fact.organisation_id)

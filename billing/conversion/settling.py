"""Entering a day's rate, and counting what had waited for it."""

from datetime import date

from accounts.models import User
from audit import services as audit
from billing.conversion.locks import alone
from billing.conversion.models import DailyRate
from billing.conversion.rates import factor_on, fix, unsettled
from billing.conversion.services import add_money


def record_rate(currency: str, on: date, *, nano: int, by: User | None) -> DailyRate:
    """Enter what a currency is worth on a day; return the rate.

    ``nano`` is billionths of a unit of the reporting currency. Payments of that day,
    and of a week after it that have no newer rate, are counted; a rate that replaces a
    wrong one counts what had its rate again. Nobody adds money meanwhile.
    """
    with alone():
        rate, _ = DailyRate.objects.update_or_create(
            currency=currency, on=on, defaults={"nano": nano}
        )
        for row in unsettled(rate):
            if row.paid_on is None:
                continue
            before = row.converted
            fix(row, factor_on(currency, row.paid_on))
            row.save()
            added = row.converted - before
            add_money(row.account, revenue=added, foreign=added)
        audit.record(
            "rate.entered",
            actor=by,
            target=f"{currency} {on}",
            after={"nano": nano},
        )
    return rate

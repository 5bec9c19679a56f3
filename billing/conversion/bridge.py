"""From the figures to the ledger: where each part of its sums is counted."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.conversion.currency import dollar_rate
from billing.conversion.locks import alone
from billing.conversion.models import (
    Account,
    BridgeCheck,
    ForeignInvoice,
    has_community_way,
)
from billing.conversion.rates import Factor
from billing.conversion.unheard import Unheard, unheard_facts
from billing.conversion.units import CountedUnit
from billing.ledger.models import Invoice, Refund, UsageCost
from core.money import minor_to_nano

# Before the first invoice of anybody.
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the ledger's sums.

    ``amount`` is revenue in minor units of the reporting currency, ``cost_nano``
    billionths of a US dollar.
    """

    key: str
    label: Promise
    amount: int
    cost_nano: int

    @property
    def profit_nano(self) -> int | None:
        """Revenue less cost in the reporting currency; ``None`` without a rate."""
        rate = dollar_rate()
        if rate is None:
            return None
        revenue = minor_to_nano(self.amount, settings.REPORTING_CURRENCY)
        return revenue - rate.convert(self.cost_nano)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Money in one other currency: net, its worth, and what has no rate yet.

    ``net`` and ``unrated`` are in its own minor units, ``converted`` in those of the
    reporting currency.
    """

    currency: str
    net: int
    converted: int
    unrated: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """The parts of the ledger's sums; they add up to ``ledger``.

    The last part is what the ledger holds beyond all accounts: facts on their way, or
    a fault. ``foreign`` says what the part in other currencies is made of.
    """

    parts: tuple[Part, ...]
    ledger: Part
    foreign: tuple[Foreign, ...]

    @property
    def unaccounted(self) -> Part:
        return self.parts[-1]


def bridge(
    start: datetime, end: datetime, *, unit: CountedUnit = CountedUnit.PERSON
) -> Bridge:
    """Return where the ledger's sums are counted, for one range. Five queries.

    By organisation the range is about when each was engaged, by person about when
    the one it is put down to became active.
    """
    ledger_revenue, foreign = _ledger_revenue()
    ledger_cost = UsageCost.objects.aggregate(sum=Sum("cost_nano", default=0))["sum"]
    active = (
        "engaged_at" if unit == CountedUnit.ORGANISATION else "developer__activated_at"
    )
    in_range = Q(**{f"{active}__gte": start, f"{active}__lt": end})
    in_n = has_community_way()
    groups = {"here": in_n & in_range, "elsewhere": in_n & ~in_range, "outside": ~in_n}
    own = F("revenue") - F("foreign")
    sums = Account.objects.aggregate(
        **{name: Sum(own, filter=which, default=0) for name, which in groups.items()},
        **{
            f"{name}_cost": Sum("cost_nano", filter=which, default=0)
            for name, which in groups.items()
        },
        foreign=Sum("foreign", default=0),
    )
    labels = {
        "here": _("Of this range"),
        "elsewhere": _("Active before or after it"),
        "outside": _("No community way: nobody in N is behind it"),
    }
    counted = [
        Part(name, label, int(sums[name]), int(sums[f"{name}_cost"]))
        for name, label in labels.items()
    ]
    counted.append(
        Part(
            "foreign",
            _("In other currencies, at the rate of their day"),
            int(sums["foreign"]),
            0,
        )
    )
    whole = Part("ledger", _("The ledger"), ledger_revenue, int(ledger_cost))
    missing = Part(
        "missing",
        _("On its way, or missing"),
        whole.amount - sum(part.amount for part in counted),
        whole.cost_nano - sum(part.cost_nano for part in counted),
    )
    return Bridge((*counted, missing), whole, foreign)


def check_bridge() -> BridgeCheck:
    """Compare all figures with the ledger and keep what came of it.

    What has been published and not heard here yet is no difference. Everything is
    looked at as of one moment.
    """
    with alone():
        missing = bridge(BEGINNING, timezone.now()).unaccounted
        unheard = unheard_facts()
        abroad = _foreign_unheard(unheard)
    return BridgeCheck.objects.create(
        revenue=missing.amount - sum(unheard.revenue.values()) - abroad,
        cost_nano=missing.cost_nano - sum(unheard.cost_nano.values()),
    )


def _foreign_unheard(unheard: Unheard) -> int:
    """Return what facts on their way will add in our currency, at fixed rates."""
    rated = ForeignInvoice.objects.filter(pk__in=unheard.foreign).exclude(
        factor_nano=None
    )
    return sum(
        Factor(row.factor_nano, row.rate_on).convert(
            row.amount + unheard.foreign[row.pk]
        )
        - row.converted
        for row in rated
        if row.factor_nano is not None and row.rate_on is not None
    )


def _ledger_revenue() -> tuple[int, tuple[Foreign, ...]]:
    """Return the ledger's net revenue in our currency, and what other ones add to it.

    Each foreign invoice is converted by itself, at the rate that is fixed for it.
    """
    own = settings.REPORTING_CURRENCY
    paid = Invoice.objects.paid().filter(currency=own).aggregate(sum=Sum("revenue"))
    refunds = Refund.objects.gone().filter(invoice__currency=own)
    refunded = refunds.aggregate(sum=Sum("revenue"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT paid.currency, sum(net),"
            " coalesce(sum(round(net * factor_nano / 1000000000)), 0),"
            " coalesce(sum(net) FILTER (WHERE factor_nano IS NULL), 0)"
            " FROM (SELECT invoice.id, invoice.currency, invoice.revenue - coalesce("
            "   (SELECT sum(refund.revenue) FROM ledger_refund refund"
            "    WHERE refund.invoice_id = invoice.id"
            "    AND refund.counted_at IS NOT NULL), 0) AS net"
            "  FROM ledger_invoice invoice WHERE invoice.currency <> %s"
            "  AND invoice.paid_at IS NOT NULL AND invoice.revenue > 0) paid"
            " LEFT JOIN conversion_foreigninvoice rated ON rated.invoice_id = paid.id"
            " GROUP BY paid.currency ORDER BY paid.currency",
            [own],
        )
        foreign = tuple(
            Foreign(currency, int(net), int(converted), int(unrated))
            for currency, net, converted, unrated in cursor.fetchall()
        )
    net = int(paid["sum"] or 0) - int(refunded["sum"] or 0)
    return net + sum(each.converted for each in foreign), foreign

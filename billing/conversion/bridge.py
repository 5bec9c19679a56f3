"""From the figures to the ledger: where each part of its sum is counted."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.conversion.models import Account
from billing.ledger.models import Invoice, Refund


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the ledger's revenue, in minor units of the reporting currency."""

    label: Promise
    amount: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """The parts of the ledger's net revenue; they sum to ``ledger``.

    ``foreign`` is money in other currencies (code, minor units), which no figure
    holds.
    """

    parts: tuple[Part, ...]
    ledger: int
    foreign: tuple[tuple[str, int], ...]

    @property
    def unaccounted(self) -> int:
        """What the ledger holds beyond all accounts: only facts on their way."""
        return self.parts[-1].amount


def bridge(start: datetime, end: datetime) -> Bridge:
    """Return where the ledger's revenue of one range is counted. Four queries."""
    net = net_revenue()
    ledger = net.pop(settings.REPORTING_CURRENCY, 0)
    in_range = Q(developer__activated_at__gte=start, developer__activated_at__lt=end)
    in_n = Q(
        developer__activated_at__isnull=False,
        developer__user__is_staff=False,
        developer__user__is_internal=False,
    )
    sums = Account.objects.aggregate(
        here=Sum("revenue", filter=in_n & in_range, default=0),
        elsewhere=Sum("revenue", filter=in_n & ~in_range, default=0),
        outside=Sum("revenue", filter=~in_n, default=0),
    )
    counted = sums["here"] + sums["elsewhere"] + sums["outside"]
    parts = (
        Part(_("Developers of this range"), sums["here"]),
        Part(_("Developers active before or after it"), sums["elsewhere"]),
        Part(_("Outside N: not active yet, staff and test people"), sums["outside"]),
        Part(_("Put down to nobody, or on its way"), ledger - counted),
    )
    return Bridge(parts, ledger, tuple(sorted(net.items())))


def net_revenue() -> dict[str, int]:
    """Return paid less refunded, without tax, by currency in minor units."""
    paid = Invoice.objects.paid().values_list("currency").annotate(Sum("revenue"))
    refunded = (
        Refund.objects.filter(counted_at__isnull=False)
        .values_list("invoice__currency")
        .annotate(Sum("revenue"))
    )
    net = {currency: int(amount) for currency, amount in paid.order_by()}
    for currency, amount in refunded.order_by():
        net[currency] = net.get(currency, 0) - int(amount)
    return net

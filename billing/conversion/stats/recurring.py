"""What became of the recurring revenue between two moments: growth, churn, retention.

All amounts are in minor units a month, of one currency; losses are positive numbers.
"""

from dataclasses import dataclass
from fractions import Fraction

from billing.conversion.reasons import Missing

# Days of an average month: 365.25 / 12.
MONTH = Fraction(36_525, 1_200)
Ratio = Fraction | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """The five movements, and what those who paid at the start pay at the end.

    ``kept`` is the sum of what they pay now, ``kept_at_most`` with nobody above where
    they began; ``payers_start``, ``payers_lost`` and ``payers_end`` count organisations
    that paid then, of those the ones that pay nothing now, and all that pay now.
    """

    start: int
    new: int
    reactivation: int
    expansion: int
    contraction: int
    churn: int
    end: int
    kept: int
    kept_at_most: int
    payers_start: int
    payers_lost: int
    payers_end: int

    @property
    def is_whole(self) -> bool:
        """Whether the start and the movements give the end."""
        gained = self.new + self.reactivation + self.expansion
        return self.start + gained - self.contraction - self.churn == self.end

    @property
    def net_retention(self) -> Ratio:
        """NRR: of who paid at the start. Who is new since has no part in it."""
        return self._of_start(self.kept)

    @property
    def gross_retention(self) -> Ratio:
        """GRR: the same, without what anybody pays more."""
        return self._of_start(self.kept_at_most)

    @property
    def revenue_churn(self) -> Ratio:
        """The part of the start that was lost or reduced."""
        return self._of_start(self.churn + self.contraction)

    @property
    def logo_churn(self) -> Ratio:
        """Organisations lost, of those that paid at the start."""
        if not self.payers_start:
            return Missing.NO_START
        return Fraction(self.payers_lost, self.payers_start)

    @property
    def revenue_per_payer(self) -> Ratio:
        """ARPA at the end, in minor units a month."""
        if not self.payers_end:
            return Missing.NOBODY_PAID
        return Fraction(self.end, self.payers_end)

    @property
    def quick_ratio(self) -> Ratio:
        """What was gained for each unit that was lost; who came back is gained."""
        lost = self.contraction + self.churn
        if not lost:
            return Missing.NO_LOSS
        return Fraction(self.new + self.reactivation + self.expansion, lost)

    def lifetime_value(self, *, margin: Fraction, days: int) -> Ratio:
        """LTV: ARPA times gross margin over the monthly churn of revenue.

        ``days`` is how long it was looked at; its churn is spread over months evenly.
        """
        churn, per_payer = self.revenue_churn, self.revenue_per_payer
        if isinstance(churn, Missing) or isinstance(per_payer, Missing):
            return churn if isinstance(churn, Missing) else per_payer
        if not churn:
            return Missing.NO_LOSS
        return per_payer * margin / (churn * MONTH / days)

    def _of_start(self, amount: int) -> Ratio:
        return Fraction(amount, self.start) if self.start else Missing.NO_START

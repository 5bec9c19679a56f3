"""What became of the units that decisions were about: one statement, sums per arm.

The same statement lists the units themselves (``measure_each``), so that a number on a
page opens to the rows that it is the sum of.

A unit counts from its first decision that is compared, whatever was decided for it
afterwards, in the arm of that decision: so nobody chooses an arm by what they did.
Money is from the ledger: revenue without tax, less what went back, in the reporting
currency; model cost in US dollars; both in billionths here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from billing.growth.models import Decision
from billing.growth.stats.cuped import PairSample
from billing.growth.stats.samples import Sums
from core.money import NANO, minor_per_unit

Reason = Decision.Reason

# Each part is worked out once: inlined, a part that is read in nine sums is worked out
# nine times for each unit, and on tables not analysed yet for each pair of units.
_EACH = """
WITH first AS (
  SELECT DISTINCT ON (organisation_id) organisation_id, id AS decision_id,
         decided_at AS since, {arm} AS arm,
         coalesce((context->>'held_chance')::float, 0) AS held_chance
    FROM growth_decision
   WHERE reason = ANY (%(compared)s)
     AND decided_at >= %(start)s AND decided_at < %(end)s {only}
   ORDER BY organisation_id, decided_at, id
), given AS MATERIALIZED (
  SELECT organisation_id,
         sum(cost.amount_nano) FILTER (WHERE cost.kind = 'trial_usage') AS trial_usage,
         sum(cost.amount_nano) FILTER (WHERE cost.kind = 'credits') AS credits
    FROM first
    JOIN growth_decision AS decision USING (organisation_id)
    JOIN growth_cost AS cost ON cost.decision_id = decision.id
   WHERE decision.decided_at >= first.since
   GROUP BY organisation_id
), unit AS MATERIALIZED (
  SELECT first.organisation_id, first.decision_id, first.since, first.arm,
         first.held_chance,
         EXISTS (SELECT 1 FROM ledger_invoice
                  WHERE organisation_id = first.organisation_id
                    AND paid_at <= first.since AND revenue > 0) AS was_customer,
         EXISTS (SELECT 1 FROM ledger_invoice
                  WHERE organisation_id = first.organisation_id
                    AND paid_at > first.since AND revenue > 0) AS has_paid,
         %(factor)s * coalesce((
           SELECT sum(revenue - told_returned) FROM ledger_invoice
            WHERE organisation_id = first.organisation_id
              AND paid_at > first.since AND currency = %(currency)s), 0) AS revenue,
         coalesce((SELECT sum(cost_nano) FROM ledger_usagecost
                    WHERE organisation_id = first.organisation_id
                      AND "window" > first.since), 0) AS usage,
         coalesce(given.trial_usage, 0) AS trial_usage,
         coalesce(given.credits, 0) AS credits,
         coalesce((SELECT sum(price_nano) FROM ledger_usagecost
                    WHERE organisation_id = first.organisation_id
                      AND "window" <= first.since
                      AND "window" > first.since - interval '28 days'), 0) AS before
    FROM first LEFT JOIN given USING (organisation_id)
), money AS (
  SELECT unit.*, (usage + credits) * %(rate)s AS cost,
         revenue - (usage + credits) * %(rate)s AS profit
    FROM unit
)
"""
_MEASURE = (
    _EACH
    + """
SELECT arm, count(*), sum(held_chance),
       count(*) FILTER (WHERE NOT was_customer),
       count(*) FILTER (WHERE has_paid AND NOT was_customer),
       sum(revenue), sum(usage) * %(rate)s, sum(trial_usage) * %(rate)s,
       sum(credits) * %(rate)s,
       sum(cost), sum((cost / %(unit)s)::float ^ 2),
       sum(profit), sum((profit / %(unit)s)::float ^ 2),
       sum(before), sum((before / %(unit)s)::float ^ 2),
       sum((profit / %(unit)s)::float * (before / %(unit)s)::float)
  FROM money GROUP BY arm
"""
)
_LIST = (
    _EACH
    + """
SELECT organisation_id, since, arm, was_customer, has_paid,
       round(revenue), round(usage * %(rate)s), round(trial_usage * %(rate)s),
       round(credits * %(rate)s)
  FROM money
"""
)
# The first decisions of an arm's units: all of them, or those of who became payers.
LISTED = (
    _EACH
    + """
SELECT decision_id FROM money
 WHERE arm = %(chosen)s AND (NOT %(payers)s OR (has_paid AND NOT was_customer))
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What became of one arm; money in billionths of the reporting currency.

    ``new`` are the units that had never paid before; the share of payers is theirs.
    ``usage`` is everything that serving the arm cost, ``trial_usage`` the part of it
    that is booked to trials. ``cost`` and ``profit`` are per unit, in whole units of
    money; ``pairs`` has the profit beside the usage of the 28 days before.
    """

    units: int
    held_chance: float
    new: int
    payers: int
    revenue: int
    usage: int
    trial_usage: int
    credits: int
    cost: Sums
    profit: Sums
    pairs: PairSample

    @property
    def paying(self) -> Sums:
        return Sums.of_share(self.payers, self.new)

    @property
    def mean_cost_nano(self) -> int | None:
        """What one unit cost on average; None of nobody."""
        return round(self.cost.mean * NANO) if self.units else None

    @property
    def mean_profit_nano(self) -> int | None:
        """What one unit brought on average; None of nobody."""
        return round(self.profit.mean * NANO) if self.units else None

    @property
    def offer_cost(self) -> int:
        """What the offers cost: what was given, and what trials used."""
        return self.trial_usage + self.credits

    @property
    def other_usage(self) -> int:
        return self.usage - self.trial_usage


NOBODY = Measured(
    units=0,
    held_chance=0.0,
    new=0,
    payers=0,
    revenue=0,
    usage=0,
    trial_usage=0,
    credits=0,
    cost=Sums(0, 0, 0),
    profit=Sums(0, 0, 0),
    pairs=PairSample(0, 0, 0, 0, 0, 0),
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """Which decisions are compared, and what puts a unit into an arm.

    ``arm`` and ``only`` are SQL of ours over ``growth_decision``; nothing of them is
    from outside, which comes by ``values``.
    """

    arm: str
    only: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredUnit:
    """What became of one organisation since its first decision that is compared.

    Money in billionths of the reporting currency; ``usage`` is all that serving it
    cost, ``trial_usage`` the part of it that is booked to offers. ``is_payer`` is
    true of who has paid since and never had before.
    """

    organisation_id: int
    since: datetime
    arm: str
    was_customer: bool
    is_payer: bool
    revenue: int
    usage: int
    trial_usage: int
    credits: int

    @property
    def offer_cost(self) -> int:
        return self.trial_usage + self.credits

    @property
    def other_usage(self) -> int:
        return self.usage - self.trial_usage

    @property
    def profit(self) -> int:
        return self.revenue - self.usage - self.credits


# Everything that was decided: who was treated, and the permanent holdout.
ENGINE = Contrast("CASE WHEN reason = 'holdout' THEN 'holdout' ELSE 'treated' END")


def of_offer(offer_id: int) -> Contrast:
    """Compare whom an offer was made to with whom it was kept from, by any holdout."""
    return Contrast(
        "CASE WHEN reason = 'offered' THEN 'treated' ELSE 'holdout' END",
        # Whom a campaign keeps out is compared with that campaign alone: an offer that
        # several campaigns make would have as many splits.
        "AND intended_id = %(offer)s AND reason <> 'campaign_holdout'",
        {"offer": offer_id},
    )


def measure_engine(start: datetime, end: datetime) -> dict[str, Measured]:
    """Return ``treated`` and ``holdout`` of everything that was decided in a range."""
    return _measure(ENGINE, start, end)


def measure_offer(offer_id: int, start: datetime, end: datetime) -> dict[str, Measured]:
    """Return whom an offer was made to, and from whom it was kept, by any holdout."""
    return _measure(of_offer(offer_id), start, end)


def measure_campaign(
    campaign_id: int, start: datetime, end: datetime
) -> dict[str, Measured]:
    """Return ``treated`` and ``holdout`` of a campaign: whom it was meant for or not.

    Whom an offer's own holdout kept from one of its offers was meant, so they are
    treated. Who is held out for ever meets none of the other offers either, and is in
    neither.
    """
    compared = Contrast(
        "CASE WHEN reason = 'campaign_holdout' THEN 'holdout' ELSE 'treated' END",
        """AND reason <> 'holdout' AND step_id IN (
            SELECT id FROM growth_campaignstep WHERE campaign_id = %(campaign)s)""",
        {"campaign": campaign_id},
    )
    return _measure(compared, start, end)


def measure_experiment(key: str, start: datetime, end: datetime) -> dict[str, Measured]:
    """Return each variant of an experiment; in none is who is held out for ever."""
    compared = Contrast(
        "split_part(variant, ':', 2)",
        "AND variant LIKE %(variant)s AND reason <> 'holdout'",
        {"variant": f"{key.replace('_', chr(92) + '_')}:%"},
    )
    return _measure(compared, start, end)


def measure_each(
    compared: Contrast,
    start: datetime,
    end: datetime,
    *,
    organisation_ids: Sequence[int] | None = None,
) -> list[MeasuredUnit]:
    """Return the units of a comparison, each with its own money; one statement.

    ``organisation_ids`` leaves out all others, such as those of other pages.
    """
    few = "" if organisation_ids is None else "AND organisation_id = ANY(%(units)s)"
    narrowed = Contrast(
        compared.arm,
        f"{compared.only} {few}",
        {**compared.values, "units": list(organisation_ids or ())},
    )
    return [
        MeasuredUnit(
            organisation_id=row[0],
            since=row[1],
            arm=row[2],
            was_customer=row[3],
            is_payer=row[4] and not row[3],
            revenue=int(row[5]),
            usage=int(row[6]),
            trial_usage=int(row[7]),
            credits=int(row[8]),
        )
        for row in _ask(_LIST, narrowed, start, end)
    ]


def dollar_rate() -> float | None:
    """Return what a US dollar is worth in the reporting currency, if that is known."""
    if settings.REPORTING_CURRENCY == "usd":
        return 1.0
    rate = settings.REPORTING_USD_RATE
    return float(rate[0]) if rate else None


def _measure(compared: Contrast, start: datetime, end: datetime) -> dict[str, Measured]:
    return {row[0]: _measured(row) for row in _ask(_MEASURE, compared, start, end)}


def _ask(
    statement: str, compared: Contrast, start: datetime, end: datetime
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(arm=compared.arm, only=compared.only),
            values_of(compared, start, end),
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def values_of(compared: Contrast, start: datetime, end: datetime) -> dict[str, Any]:
    """Return the values of the statement, by the names it has for them."""
    currency = settings.REPORTING_CURRENCY
    return {
        **compared.values,
        "compared": [str(reason) for reason in Decision.COMPARED],
        "start": start,
        "end": end,
        "currency": currency,
        "factor": NANO // minor_per_unit(currency),
        "rate": dollar_rate() or 0,
        "unit": NANO,
    }


def _measured(row: tuple[Any, ...]) -> Measured:
    units, unit = int(row[1]), float(NANO)
    cost, profit, before = (float(row[i]) / unit for i in (9, 11, 13))
    return Measured(
        units=units,
        held_chance=float(row[2]),
        new=row[3],
        payers=row[4],
        revenue=int(row[5]),
        usage=round(row[6]),
        trial_usage=round(row[7]),
        credits=round(row[8]),
        cost=Sums(units, cost, float(row[10])),
        profit=Sums(units, profit, float(row[12])),
        pairs=PairSample(
            units, profit, before, float(row[12]), float(row[14]), float(row[15])
        ),
    )

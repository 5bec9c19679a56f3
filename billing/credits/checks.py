"""What must be true of credit at any time."""

from collections.abc import Callable, Iterator

from django.db import connection

# Each returns the rows that break its rule: whose, what was found, what is right.
Check = Callable[[], Iterator[str]]

_GRANTS = """
SELECT g.public_id, g.remaining_nano, coalesce(sum(e.delta_nano), 0)
FROM credits_creditgrant g LEFT JOIN credits_creditentry e ON e.grant_id = g.id
GROUP BY g.id HAVING g.remaining_nano <> coalesce(sum(e.delta_nano), 0)
"""

_BALANCES = """
SELECT id, balance_nano, sum(delta_nano) OVER (PARTITION BY grant_id ORDER BY id)
FROM credits_creditentry
"""

_DRAWN = """
SELECT coalesce(c.organisation_id, e.organisation_id), coalesce(c.month, e.month),
    coalesce(c.drawn, 0), coalesce(e.drawn, 0)
FROM (
    SELECT organisation_id, month, sum(from_credit_nano) AS drawn
    FROM credits_coverage GROUP BY 1, 2
) c FULL JOIN (
    SELECT organisation_id, month, -sum(delta_nano) AS drawn
    FROM credits_creditentry WHERE month IS NOT NULL GROUP BY 1, 2
) e ON e.organisation_id = c.organisation_id AND e.month = c.month
WHERE coalesce(c.drawn, 0) <> coalesce(e.drawn, 0)
"""

_USED = """
SELECT coalesce(c.organisation_id, u.organisation_id), coalesce(c.used_nano, 0),
    coalesce(u.price_nano, 0)
FROM (
    SELECT organisation_id, sum(used_nano) AS used_nano
    FROM credits_coverage GROUP BY 1
) c FULL JOIN (
    SELECT organisation_id, sum(price_nano) AS price_nano
    FROM ledger_usagecost WHERE is_covered GROUP BY 1
) u ON u.organisation_id = c.organisation_id
WHERE coalesce(c.used_nano, 0) <> coalesce(u.price_nano, 0)
"""

_PARTS = """
SELECT u.id, u.price_nano,
    c.from_allowance_nano + c.from_credit_nano + c.charged_nano + c.uncovered_nano
FROM credits_coveredusage c JOIN ledger_usagecost u ON u.id = c.usage_id
WHERE u.price_nano <>
    c.from_allowance_nano + c.from_credit_nano + c.charged_nano + c.uncovered_nano
    OR NOT u.is_covered
"""

_PERIODS = """
SELECT c.organisation_id, c.starts_at,
    (c.from_allowance_nano, c.from_credit_nano, c.charged_nano, c.uncovered_nano)::text,
    (coalesce(r.plan, 0), coalesce(r.credit, 0), coalesce(r.charged, 0),
        coalesce(r.uncovered, 0))::text
FROM credits_coverage c LEFT JOIN (
    SELECT coverage_id, sum(from_allowance_nano) AS plan, sum(from_credit_nano) AS credit,
        sum(charged_nano) AS charged, sum(uncovered_nano) AS uncovered
    FROM credits_coveredusage GROUP BY 1
) r ON r.coverage_id = c.id
WHERE (c.from_allowance_nano, c.from_credit_nano, c.charged_nano, c.uncovered_nano)
    <> (coalesce(r.plan, 0), coalesce(r.credit, 0), coalesce(r.charged, 0),
        coalesce(r.uncovered, 0))
"""

_APART = """
SELECT a.organisation_id, a.starts_at, b.starts_at
FROM credits_coverage a JOIN credits_coverage b
    ON b.organisation_id = a.organisation_id AND b.starts_at > a.starts_at
    AND b.starts_at < a.ends_at
"""

_LINES = """
SELECT l.organisation_id, l.month, l.settled_nano, coalesce(sum(u.price_nano), 0)
FROM entitlements_creditline l LEFT JOIN ledger_usagecost u
    ON u.organisation_id = l.organisation_id AND u.is_covered
    AND to_char(u."window" AT TIME ZONE 'UTC', 'YYYYMM') = l.month
GROUP BY l.organisation_id, l.month, l.settled_nano
HAVING l.settled_nano <> coalesce(sum(u.price_nano), 0)
"""


def grants_are_their_entries() -> Iterator[str]:
    """What is left of a grant is the sum of its entries."""
    for grant, left, entries in _rows(_GRANTS):
        yield f"{grant}: {left} left, entries {entries}"


def balances_follow_each_other() -> Iterator[str]:
    """Each entry's balance is the one before it and its own movement."""
    sql = f"SELECT * FROM ({_BALANCES}) b (id, told, right_) WHERE told <> right_"  # noqa: S608 - a constant of ours
    for entry, told, right in _rows(sql):
        yield f"entry {entry}: balance {told}, expected {right}"


def what_was_drawn_covered_usage() -> Iterator[str]:
    """What credit covered of a month is what was drawn for it."""
    for organisation, month, told, entries in _rows(_DRAWN):
        yield f"organisation {organisation} {month}: covered {told}, drawn {entries}"


def periods_are_the_ledgers() -> Iterator[str]:
    """What was covered in all periods is the usage the ledger knows of."""
    for organisation, covered, ledger in _rows(_USED):
        yield f"organisation {organisation}: covered {covered}, ledger {ledger}"


def rows_are_covered_whole() -> Iterator[str]:
    """What covered a row of the ledger sums to its price."""
    for usage, price, parts in _rows(_PARTS):
        yield f"usage {usage}: covered {parts}, price {price}"


def periods_are_their_rows() -> Iterator[str]:
    """Each part of a period is that of its rows."""
    for organisation, start, told, rows in _rows(_PERIODS):
        yield f"organisation {organisation} {start}: told {told}, rows {rows}"


def periods_do_not_overlap() -> Iterator[str]:
    """No hour of an organisation is in two periods."""
    for organisation, one, other in _rows(_APART):
        yield f"organisation {organisation}: {one} reaches into {other}"


def lines_are_the_ledgers() -> Iterator[str]:
    """What gateways know to be settled of a month is what the ledger has of it."""
    for organisation, month, told, ledger in _rows(_LINES):
        yield f"organisation {organisation} {month}: line {told}, ledger {ledger}"


def _rows(sql: str) -> Iterator[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        yield from cursor.fetchall()


CHECKS: tuple[Check, ...] = (
    grants_are_their_entries,
    balances_follow_each_other,
    what_was_drawn_covered_usage,
    periods_are_the_ledgers,
    rows_are_covered_whole,
    periods_are_their_rows,
    periods_do_not_overlap,
    lines_are_the_ledgers,
)

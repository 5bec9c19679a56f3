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
SELECT c.organisation_id, c.month, c.from_credit_nano, coalesce(-sum(e.delta_nano), 0)
FROM credits_coverage c LEFT JOIN credits_creditentry e
    ON e.organisation_id = c.organisation_id AND e.month = c.month
GROUP BY c.id HAVING c.from_credit_nano <> coalesce(-sum(e.delta_nano), 0)
"""

_USED = """
SELECT coalesce(c.organisation_id, u.organisation_id), coalesce(c.month, u.month),
    coalesce(c.used_nano, 0), coalesce(u.price_nano, 0)
FROM credits_coverage c FULL JOIN (
    SELECT organisation_id, date_trunc('month', "window" AT TIME ZONE 'UTC')::date AS month,
        sum(price_nano) AS price_nano
    FROM ledger_usagecost WHERE is_covered GROUP BY 1, 2
) u ON u.organisation_id = c.organisation_id AND u.month = c.month
WHERE coalesce(c.used_nano, 0) <> coalesce(u.price_nano, 0)
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


def months_are_the_ledgers() -> Iterator[str]:
    """A month that was covered is the usage the ledger knows of it."""
    for organisation, month, covered, ledger in _rows(_USED):
        yield f"organisation {organisation} {month}: covered {covered}, ledger {ledger}"


def _rows(sql: str) -> Iterator[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        yield from cursor.fetchall()


CHECKS: tuple[Check, ...] = (
    grants_are_their_entries,
    balances_follow_each_other,
    what_was_drawn_covered_usage,
    months_are_the_ledgers,
)

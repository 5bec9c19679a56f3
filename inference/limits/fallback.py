"""Limits while Redis is away: a share of each, from this process's memory.

PostgreSQL's own sums guard the money.
"""

import time

from inference.directory.callers import Caller
from inference.directory.spent import read_spent
from inference.limits.words import OF_THE_KEY, billing_url, budget_used_up
from inference.protocol import errors
from stores.gcra import LocalArrivals

MINUTE = 60_000_000  # in the limiter's microseconds
# Without Redis each process gives this share of a limit: others may run too.
FALLBACK_SHARE = 0.25
FALLBACK_SPENT_SECONDS = 2.0

# Whose limits and money: ("organisation" | "key" | "project" | "member:…", its id).
Account = tuple[str, int]


def _accounts_of(caller: Caller) -> tuple[Account, Account, Account, Account]:
    return (
        ("organisation", caller.organisation_id),
        ("key", caller.key_id),
        # Of those without one there is one more in each organisation.
        ("project", caller.rules.project_id or -caller.organisation_id),
        # A member has a budget of their own in each of their organisations.
        (f"member:{caller.organisation_id}", caller.rules.member_id or 0),
    )


class FallbackLimits:
    """Limits from this process's memory, while Redis is away."""

    def __init__(self) -> None:
        self.arrivals = LocalArrivals(most_names=20_000)
        # By organisation, and by ("key", id) and ("project", id).
        self.running: dict[Account, int] = {}
        self.held: dict[Account, int] = {}
        self.spent: dict[Account, tuple[float, int]] = {}

    async def admit(
        self, caller: Caller, *, hold_nano: int, month: str, tokens: int
    ) -> None:
        """Admit within a share of the limits. Raises ``APIError``, ``Unavailable``."""
        features, rules = caller.features, caller.rules
        accounts = _accounts_of(caller)
        organisation, key, *_others = accounts
        self._check_running(caller)
        for account, what, amount, per_minute in (
            (organisation, "requests", 1, features.requests_per_minute),
            (organisation, "tokens", tokens, features.tokens_per_minute),
            (key, "requests", 1, rules.requests_per_minute),
            (key, "tokens", tokens, rules.tokens_per_minute),
        ):
            if per_minute is not None:
                limit = max(1, int(per_minute * FALLBACK_SHARE))
                self._take(account, what, amount, limit)
        if hold_nano:
            await self._read_spent(caller)
            # Others may have come in meanwhile; from here on nobody does.
            self._check_running(caller)
            self._check_money(caller, hold_nano, month)
        for account in accounts:
            self.running[account] = self.running.get(account, 0) + 1
            self.held[account] = self.held.get(account, 0) + hold_nano

    def release(self, caller: Caller, *, hold_nano: int, price_nano: int) -> None:
        """Give back what was held, and count what it came to."""
        for account in _accounts_of(caller):
            self.running[account] = max(0, self.running.get(account, 0) - 1)
            self.held[account] = max(0, self.held.get(account, 0) - hold_nano)
            read_at, spent = self.spent.get(account, (0.0, 0))
            self.spent[account] = (read_at, spent + price_nano)

    def _check_running(self, caller: Caller) -> None:
        organisation, key, *_others = _accounts_of(caller)
        limit = max(1, int(caller.features.concurrent_requests * FALLBACK_SHARE))
        if self.running.get(organisation, 0) >= limit:
            raise errors.rate_limited("concurrency", 1, limit)
        own = caller.rules.concurrent_requests
        if own is not None:
            own = max(1, int(own * FALLBACK_SHARE))
            if self.running.get(key, 0) >= own:
                raise errors.rate_limited("concurrency", 1, own, of=OF_THE_KEY)

    def _take(self, account: Account, what: str, amount: int, limit: int) -> None:
        wait, _ahead = self.arrivals.arrive(
            (account, what),
            increment=min(amount, limit) * MINUTE // limit,
            window=MINUTE,
        )
        if wait:
            of = OF_THE_KEY if account[0] == "key" else "your plan"
            raise errors.rate_limited(what, wait / 1_000_000, limit, of=of)

    def _check_money(self, caller: Caller, hold: int, month: str) -> None:
        organisation, key, project, member = _accounts_of(caller)
        rules = caller.rules
        if self._is_beyond(organisation, hold, caller.most_of(month)):
            refusal = errors.quota_exhausted(billing_url(caller))
            raise refusal.hinting(caller.hint, organisation_id=caller.organisation_id)
        if self._is_beyond(key, hold, caller.monthly_limit_nano):
            raise budget_used_up(caller, "key_quota")
        if self._is_beyond(project, hold, rules.project_limit_nano):
            raise budget_used_up(caller, "project_quota")
        if self._is_beyond(member, hold, rules.member_limit_nano):
            raise budget_used_up(caller, "member_quota")
        if self._is_beyond(organisation, hold, rules.organisation_limit_nano):
            raise budget_used_up(caller, "organisation_quota")

    def _is_beyond(self, account: Account, hold: int, limit: int | None) -> bool:
        _read_at, spent = self.spent.get(account, (0.0, 0))
        return limit is not None and spent + self.held.get(account, 0) + hold > limit

    async def _read_spent(self, caller: Caller) -> None:
        """Know what was spent, as of two seconds ago at most."""
        accounts = _accounts_of(caller)
        oldest = min(self.spent.get(each, (0.0, 0))[0] for each in accounts)
        if time.monotonic() - oldest > FALLBACK_SPENT_SECONDS:
            sums = await read_spent(caller)
            read_at = time.monotonic()
            for account, spent in zip(accounts, sums, strict=True):
                self.spent[account] = (read_at, spent)

"""What callers are told of their limits, in headers and refusals."""

from django.conf import settings

from inference.directory.callers import Caller
from inference.protocol import errors

OF_THE_KEY = "the limit of this API key"


def limit_headers(caller: Caller, numbers: list[int]) -> dict[str, str]:
    """Return the headers that say how much of each limit is left."""
    remaining_requests, reset_requests, remaining_tokens, reset_tokens = numbers
    features, rules = caller.features, caller.rules
    requests = _narrower(features.requests_per_minute, rules.requests_per_minute)
    tokens = _narrower(features.tokens_per_minute, rules.tokens_per_minute)
    return {
        "x-ratelimit-limit-requests": str(requests),
        "x-ratelimit-limit-tokens": str(tokens),
        "x-ratelimit-remaining-requests": str(remaining_requests),
        "x-ratelimit-remaining-tokens": str(remaining_tokens),
        "x-ratelimit-reset-requests": duration(reset_requests),
        "x-ratelimit-reset-tokens": duration(reset_tokens),
    }


def _narrower(of_plan: int, of_key: int | None) -> int:
    return of_plan if of_key is None else min(of_plan, of_key)


def duration(microseconds: int) -> str:
    """Write a wait as ``12ms``, ``3.5s`` or ``1m0s``."""
    if microseconds < 1_000_000:
        return f"{microseconds // 1000}ms"
    minutes, seconds = divmod(microseconds / 1_000_000, 60)
    return f"{int(minutes)}m{int(seconds)}s" if minutes else f"{seconds:.3g}s"


def billing_url(caller: Caller) -> str:
    return f"{settings.SITE_URL}/console/{caller.organisation_slug}/billing/"


def budget_used_up(
    caller: Caller, verdict: str, headers: dict[str, str] | None = None
) -> errors.APIError:
    whose, where = {
        "key_quota": ("this API key", "keys"),
        "project_quota": (f"the project “{caller.rules.project_name}”", "projects"),
        "member_quota": ("the member whose key this is", "budgets"),
        "organisation_quota": ("the organisation", "budgets"),
    }[verdict]
    url = f"{settings.SITE_URL}/console/{caller.organisation_slug}/{where}/"
    return errors.budget_exhausted(whose, url, headers)

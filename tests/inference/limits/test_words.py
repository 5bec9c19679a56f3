"""What a caller reads of their limits."""

import pytest

from inference.directory.callers import KeyRules
from inference.limits.words import budget_used_up, duration, limit_headers
from tests.inference.gateway.exchanges import caller


@pytest.mark.parametrize(
    ("microseconds", "said"),
    [(0, "0ms"), (999_999, "999ms"), (1_000_000, "1s"), (60_000_000, "1m0s")],
)
def test_waits_are_told_as_openai_tells_them(microseconds: int, said: str) -> None:
    assert duration(microseconds) == said


def test_the_narrower_of_plan_and_key_is_told() -> None:
    who = caller(rules=KeyRules(requests_per_minute=3, tokens_per_minute=10**9))

    headers = limit_headers(who, [2, 500_000, 7, 1_500_000])

    assert headers["x-ratelimit-limit-requests"] == "3"
    assert headers["x-ratelimit-limit-tokens"] == str(who.features.tokens_per_minute)
    assert headers["x-ratelimit-reset-requests"] == "500ms"
    assert headers["x-ratelimit-reset-tokens"] == "1.5s"


def test_a_used_up_budget_names_whose_it_is_and_where_it_is_set() -> None:
    who = caller(rules=KeyRules(project_id=1, project_name="night"))

    refusal = budget_used_up(who, "project_quota")

    assert "“night”" in refusal.message
    assert f"/console/{who.organisation_slug}/projects/" in refusal.message

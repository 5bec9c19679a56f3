from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitlements.features import FREE, Features

NUMBERS = st.integers(0, 10**15)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requests_per_minute", -1),
        ("requests_per_minute", "60"),
        ("tokens_per_minute", 1.5),
        ("concurrent_requests", None),
        ("monthly_allowance_nano", True),
        ("premium_models", "yes"),
        ("premium_models", 1),
        ("audit_log", None),
        ("seats", 0),
        ("plan", ""),
        ("plan", None),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Features(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("seats", -3), ("audit_log", "true")])
def test_it_is_refused_when_it_comes_from_storage_too(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Features.from_dict({**FREE.to_dict(), name: value})


@given(
    premium_models=st.booleans(),
    requests_per_minute=NUMBERS,
    tokens_per_minute=NUMBERS,
    monthly_allowance_nano=NUMBERS,
    seats=st.integers(1, 10_000),
    audit_log=st.booleans(),
)
def test_features_survive_being_stored(**values: Any) -> None:
    features = Features(plan="team", **values)

    assert Features.from_dict(features.to_dict()) == features

import pytest

from tools.lint.private_parts import Part, complaints
from tools.lint.sources import source

FILE = "platform/accounts/views.py"
TOLD = "is private to its library; tools/lint/private_parts.toml has one file for each"


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        (
            "from allauth.usersessions.internal import flows",
            "allauth.usersessions.internal.flows",
        ),
        ("from stripe._error import CardError", "stripe._error.CardError"),
        ("import stripe._base_address", "stripe._base_address"),
        ("import stripe\nbase: stripe._base_address.X", "_base_address"),
        ("print(STATS._error_cache)", "_error_cache"),
        (
            "patch('allauth.mfa.totp.internal.auth.time')",
            "allauth.mfa.totp.internal.auth.time",
        ),
    ],
)
def test_a_reach_into_a_library_is_named(planted: str, name: str) -> None:
    line = len(planted.splitlines())

    assert list(complaints([source(FILE, planted)], [])) == [
        f"{FILE}:{line}: {name} {TOLD}"
    ]


@pytest.mark.parametrize(
    "planted",
    [
        "from accounts.internal import rows",
        "from __future__ import annotations",
        "print(Model._meta.db_table)",
        "class A:\n    def f(self):\n        return self._rows",
    ],
)
def test_what_is_ours_or_documented_is_fine(planted: str) -> None:
    assert list(complaints([source(FILE, planted)], [])) == []


def test_only_the_file_that_is_listed_may_reach_there() -> None:
    part = Part("allauth.account.internal.flows.login", ("pop",), FILE, "Look.")
    planted = "from allauth.account.internal.flows.login import pop"
    other = "platform/accounts/limits.py"

    found = list(complaints([source(FILE, planted), source(other, planted)], [part]))

    assert found == [f"{other}:1: {part.path}.pop {TOLD}"]


def test_what_nothing_reaches_for_any_more_is_named() -> None:
    part = Part("allauth.account.internal.flows.login", ("pop",), FILE, "Look.")

    assert list(complaints([source(FILE, "x = 1")], [part])) == [
        f"tools/lint/private_parts.toml: {FILE} needs no {part.path}"
    ]


def test_every_reach_of_ours_is_listed() -> None:
    assert list(complaints()) == []

import pytest
from django import forms

from tools.lint.private_parts import Part, complaints, inherited
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
        ("getattr(stripe, '_base_address')", "_base_address"),
        ("setattr(request, '_read_started', False)", "_read_started"),
        ("operator.attrgetter('_error_cache')(STATS)", "_error_cache"),
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
        "getattr(request, 'user', None) or getattr(Model, '_meta')",
        "class A(Enum):\n    @classmethod\n    def _missing_(cls, value): ...",
    ],
)
def test_what_is_ours_or_documented_is_fine(planted: str) -> None:
    assert list(complaints([source(FILE, planted)], [])) == []


INHERITED = """
class Rows(forms.ModelForm):
    def _clean_rows(self): ...

class Names(forms.ModelForm):
    def _post_clean(self):
        self._clean_names()
        self._clean_form()

    def _clean_names(self): ...

class Places(Rows):
    def show(self):
        super()._get_validation_exclusions()
        return self._clean_rows(), self._meta, self._places
"""


def test_what_a_class_takes_over_from_a_librarys_is_named() -> None:
    planted = source("community/planted.py", INHERITED)
    defined = {"forms": forms, "__name__": "community.planted"}
    exec(INHERITED, defined)  # noqa: S102 - the text above

    assert list(inherited(planted.tree, defined, ["community"])) == [
        ("_post_clean", 6),
        ("_clean_form", 8),
        ("_get_validation_exclusions", 14),
    ]


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

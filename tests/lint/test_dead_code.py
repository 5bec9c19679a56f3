from pathlib import Path

import pytest

from tools.lint.dead_code import allowances, dead

PRODUCT = """
class Price:
    def shown(self):
        return "1"

    @property
    def forgotten_sum(self):
        return 1


def used():
    return Price()


def forgotten():
    return used()


def by_path():
    return 1


class Form:
    def clean_title(self):
        return ""


TASKS = ["shop.prices.by_path"]
FORMS = [Form]
"""


@pytest.fixture
def found(tmp_path: Path) -> tuple[list[str], set[str]]:
    (tmp_path / "prices.py").write_text(PRODUCT)
    template = tmp_path / "price.html"
    template.write_text('{{ price.shown }} {% include "forgotten_sum" %} forgotten')
    items, needed = dead([tmp_path], [template], {"clean_*": "", "never": ""})
    return [item.name for item in items], needed


def test_what_nothing_calls_is_named(found: tuple[list[str], set[str]]) -> None:
    assert found[0] == ["forgotten_sum", "forgotten"]


def test_an_allowance_that_is_needed_no_more_can_be_told(
    found: tuple[list[str], set[str]],
) -> None:
    assert found[1] == {"clean_*"}


def test_every_allowance_has_a_reason() -> None:
    assert all(len(reason.split()) > 2 for reason in allowances().values())

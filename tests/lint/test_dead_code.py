from pathlib import Path

import pytest

from tools.lint.dead_code import allowances, dead, unused_templates

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
FORGOTTEN_LIMIT = 7


class Kind:
    PLAIN = "plain"


print(TASKS, FORMS, Kind)
"""


@pytest.fixture
def found(tmp_path: Path) -> tuple[list[str], set[str]]:
    (tmp_path / "prices.py").write_text(PRODUCT)
    template = tmp_path / "price.html"
    template.write_text('{{ price.shown }} {% include "forgotten_sum" %} forgotten')
    items, needed = dead([tmp_path], [template], {"clean_*": "", "never": ""})
    return [item.name for item in items], needed


def test_what_nothing_calls_is_named(found: tuple[list[str], set[str]]) -> None:
    assert found[0] == ["forgotten_sum", "forgotten", "FORGOTTEN_LIMIT"]


def test_a_template_that_nothing_renders_is_named() -> None:
    names = ["shop/old.html", "shop/_row.html", "shop/list.html", "404.html"]
    names += ["mail/paid.txt", "mail/deep/paid.txt", "parts/time.html"]
    code = """
render(request, "shop/list.html")
render(request, f"{status}.html")
render_to_string(f"mail/{kind}.txt", {})
link = f"{owner}/{name}"
"""
    template = "{% include 'shop/_row.html' %} shop/old.html parts/time.html"

    unused = unused_templates(names, [code], [template])

    assert unused == ["shop/old.html", "mail/deep/paid.txt", "parts/time.html"]


def test_an_allowance_that_is_needed_no_more_can_be_told(
    found: tuple[list[str], set[str]],
) -> None:
    assert found[1] == {"clean_*"}


def test_every_allowance_has_a_reason() -> None:
    assert all(len(reason.split()) > 2 for reason in allowances().values())

"""Numbers as pages show them."""

import pytest
from django.template import Context, Template
from django.utils import translation


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_digits_are_grouped_by_thousands_in_every_language(language: str) -> None:
    template = Template("{% load humanize %}{{ n|intcomma }} {{ n }}")

    with translation.override(language):
        shown = template.render(Context({"n": 1_060_000}))

    assert shown == "1,060,000 1060000"


def test_code_needs_no_language() -> None:
    template = Template(
        '{% include "components/code_block.html" with code=code only %}'
    )

    html = template.render(Context({"code": "<b>"}))

    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(
    ("amount", "html"),
    [
        (13_108_812_000, '<span title="$13.108812">$13.11</span>'),
        (4_200_000, "$0.0042"),
        (2_500_000_000.4, "$2.50"),
        (0, "$0.00"),
        (None, "no data"),
    ],
)
def test_an_amount_of_usage_keeps_its_exact_value_in_a_title(
    amount: float | None, html: str
) -> None:
    template = Template('{% load doorstone %}{{ amount|amount:"usd" }}')

    assert template.render(Context({"amount": amount})) == html

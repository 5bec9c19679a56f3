from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import NoReverseMatch, get_resolver

from design.navigation import links, sections
from edge.menus import Menu, MenuEntry, StaffSection, all_entries
from tools.lint.pages import (
    added_queries,
    complaints,
    filtered_sentences,
    page_names,
    styled_names,
    unasked_inputs,
    unknown_names,
    unstyled_classes,
)

NOWHERE = MenuEntry(
    Menu.STAFF, 90, "Growth", "conversion:growth", section=StaffSection.GROWTH
)


@pytest.fixture
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps.get_app_config("forum"), "menu", (NOWHERE,))


@pytest.mark.usefixtures("_planted")
def test_a_menu_entry_that_leads_nowhere_is_an_error_of_every_command() -> None:
    with pytest.raises(SystemCheckError, match="no page is called conversion:growth"):
        call_command("check")


@pytest.mark.usefixtures("_planted")
def test_a_menu_entry_that_leads_nowhere_is_named_by_lint() -> None:
    assert list(complaints()) == [
        "“Growth” in the staff menu leads nowhere: no page is called conversion:growth."
    ]


@pytest.mark.usefixtures("_planted")
def test_a_menu_entry_that_leads_nowhere_does_not_vanish_in_silence() -> None:
    with pytest.raises(NoReverseMatch):
        links(Menu.STAFF, "/staff/conversion/")


def test_a_template_that_names_no_page_is_named() -> None:
    known = set(page_names(get_resolver().url_patterns))
    planted = (
        "{% url 'forum:topic-list' as a %}{% url \"forum:nowhere\" as b %}"
        "{% way_in 'account_gone' %}{% url a_variable %}"
    )

    assert unknown_names(planted, known) == ["forum:nowhere", "account_gone"]


def test_a_query_put_together_by_hand_is_named() -> None:
    planted = (
        "{{ url|add:'?step=paid&'|add:query }}\n{{ count|add:3 }}\n"
        '{% include "x.html" with href=url|add:"&a=b" only %}\n'
        "{% query url query step='paid' %}"
    )

    assert added_queries(planted) == [1, 3]


def test_entries_stand_in_their_order_and_the_longest_address_is_current() -> None:
    shown = links(Menu.CONSOLE, "/console/acme/keys/new/", org="acme")

    assert [link.url for link in shown[:3]] == [
        "/console/acme/",
        "/playground/",
        "/console/acme/keys/",
    ]
    assert [link.url for link in shown if link.is_current] == ["/console/acme/keys/"]


def test_no_two_entries_of_a_menu_have_one_place() -> None:
    places = [(entry.menu, entry.place) for entry in all_entries()]

    assert len(places) == len(set(places)) >= 20


@pytest.mark.parametrize(
    "entry",
    [
        MenuEntry(Menu.STAFF, 90, "Lost", "conversion:home"),
        MenuEntry(Menu.SITE, 90, "Lost", "docs:home", section=StaffSection.GROWTH),
    ],
)
def test_an_entry_that_would_be_shown_nowhere_is_an_error(
    monkeypatch: pytest.MonkeyPatch, entry: MenuEntry
) -> None:
    monkeypatch.setattr(apps.get_app_config("forum"), "menu", (entry,))

    with pytest.raises(SystemCheckError, match=r"design\.E002"):
        call_command("check")


def test_the_staff_menu_opens_the_section_of_the_page() -> None:
    shown = sections("/staff/quotes/new/")
    (current,) = [part for part in shown if part.is_current]

    assert [part.label for part in shown] == [
        str(section.label) for section in StaffSection
    ]
    assert all(part.url == part.links[0].url for part in shown)
    assert current.label == "Billing"
    assert [link.url for link in current.links if link.is_current] == ["/staff/quotes/"]


def test_every_staff_page_stands_in_one_section() -> None:
    addresses = [f"/{each}" for each in staff_addresses(get_resolver().url_patterns)]
    lost = [
        address
        for address in addresses
        if sum(part.is_current for part in sections(address)) != 1
    ]

    assert len(addresses) >= 100
    # The first leads on to the first section; the other is an old address.
    assert lost == ["/staff/", "/staff/contributions/deliveries/"]


def staff_addresses(patterns: list[Any], before: str = "") -> Iterator[str]:
    """Yield the addresses of staff pages as they are routed, parameters in brackets."""
    for each in patterns:
        address = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from staff_addresses(each.url_patterns, address)
        elif address.startswith("staff/"):
            yield address


@pytest.mark.parametrize(
    ("written", "unknown"),
    [
        ("badge", []),
        ("badge badge--warn", []),
        ("badge badge--warning", ["badge--warning"]),
        ("badge badge--{{ kind }}", []),
        ("badge{% if kind == 'x' %} badge--{{ kind }}{% endif %} oops", ["oops"]),
        ("hit", []),
        ("hit__text hit__words", ["hit__words"]),
    ],
)
def test_a_class_that_no_stylesheet_knows_is_named(
    written: str, unknown: list[str]
) -> None:
    known = styled_names(".badge { top: 0; }\n.badge--warn,\n.hit__text { top: 0; }")

    assert unstyled_classes(f'<p class="{written}"></p>', known) == unknown


@pytest.mark.parametrize(
    ("given", "unasked"),
    [
        ("text=text", []),
        ('tone="warn" text=text only', []),
        ('kind="warn" text=text only', [("alert.html", "kind")]),
        ('text="a kind=b"', []),
    ],
)
def test_an_input_that_the_included_template_does_not_ask_for_is_named(
    tmp_path: Path, given: str, unasked: list[tuple[str, str]]
) -> None:
    (tmp_path / "alert.html").write_text("{# Inputs: text; tone (optional). #}\n")

    found = unasked_inputs(f'{{% include "alert.html" with {given} %}}', tmp_path)

    assert list(found) == unasked


def test_a_template_of_a_library_is_not_asked(tmp_path: Path) -> None:
    assert list(unasked_inputs('{% include "a.html" with b=1 %}', tmp_path)) == []


@pytest.mark.parametrize(
    ("tag", "lines"),
    [
        ("{% translate plan.name %}", []),
        ('{% translate "A plan" as title %}{{ title|capfirst }}', []),
        ("{% translate plan.key|capfirst %}", [2]),
        ("{%trans key|capfirst context 'plan' as name%}", [2]),
    ],
)
def test_a_filter_that_comes_after_its_translation_is_named(
    tag: str, lines: list[int]
) -> None:
    assert filtered_sentences(f"<p>\n{tag}</p>") == lines

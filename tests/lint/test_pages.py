import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import NoReverseMatch, get_resolver

from design.navigation import links
from edge.menus import Menu, MenuEntry, all_entries
from tools.lint.pages import added_queries, complaints, page_names, unknown_names

NOWHERE = MenuEntry(Menu.STAFF, 90, "Growth", "conversion:growth")


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

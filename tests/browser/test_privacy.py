"""Taking one's data along and closing an account in a browser, errors included."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import services as accounts
from accounts.models import User
from accounts.queries import personal_organisation
from accounts.tokens import create_token
from privacy import services
from privacy.models import DataExport
from tests.browser.helpers import (
    collect_console_and_csp,
    enter,
)
from tests.browser.screens import Screen, look, three_screens
from tests.factories import forum
from tests.factories.accounts import with_seats
from tests.factories.credits import credit_of
from tests.factories.privacy import export_of, subscription_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What a browser says of a page that answers with the status of a refusal.
ANSWERED = "the server responded with a status of 4"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def other_session_of(user: User) -> None:
    """Sign somebody in at another machine, with an address as long as they get."""
    client = Client()
    client.force_login(user)
    UserSession.objects.create(
        user=user,
        session_key=client.cookies[settings.SESSION_COOKIE_NAME].value,
        ip="2001:db8:85a3:8d3:1319:8a2e:370:7344",
        user_agent=FIREFOX,
    )


def send(page: Page, form: str, path: str) -> None:
    """Press a form's button, and wait for what answers it."""
    with page.expect_navigation(url=f"**{path}"):
        page.locator(f"form[action$='{form}'] button[type=submit]").click()


@three_screens
def test_a_copy_is_asked_for_and_told_of_in_every_state(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ben = person("ben", locale=screen.language)
    context = open_context(screen=screen, user=ben)
    page = context.new_page()
    complaints = collect_console_and_csp(page)

    page.goto("/settings/data/")
    look(page, "data-none", screen)
    export_of(ben)
    send(page, "/settings/data/", "/settings/data/")
    expect(page.locator("tbody tr")).to_have_count(2)
    look(page, "data-two", screen)
    # Of one that is being made no second one is begun; of two that are there, a third.
    services.prepare_export(DataExport.objects.get(ready_at=None))
    send(page, "/settings/data/", "/settings/data/")
    expect(page.locator("[role=alert]")).to_be_visible()
    look(page, "data-refused", screen)

    assert not [line for line in complaints.lines if ANSWERED not in line]


@pytest.mark.parametrize(
    ("address", "button"),
    [
        ("/settings/data/", "form[action$='/download/'] button"),
        ("/settings/tokens/", "form[action$='/revoke/'] button"),
        ("/accounts/sessions/", "td form[action$='/sessions/end/'] button"),
    ],
)
@three_screens
def test_what_a_row_of_ones_settings_is_for_is_in_sight(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
    address: str,
    button: str,
) -> None:
    ada = person("ada", locale=screen.language)
    export_of(ada)
    create_token(ada, name="Continuous integration", scopes=["read", "forum:write"])
    other_session_of(ada)
    page = open_context(screen=screen, user=ada).new_page()

    page.goto(address)
    shown = address.strip("/").replace("/", "-")
    look(page, shown, screen)

    row = page.locator("tbody tr", has=page.locator(button)).first
    where = row.locator(button).bounding_box()
    table = page.locator(".table-scroll").bounding_box()
    assert where is not None
    assert table is not None
    if screen.width < 640:
        # Nothing of it lies outside, not even where one could scroll to.
        around = page.locator(".table-scroll")
        assert around.evaluate("el => el.scrollWidth <= el.clientWidth")
    assert where["x"] >= table["x"]
    assert where["x"] + where["width"] <= table["x"] + table["width"]
    if screen.width < 640:
        # What is hidden with the head of the table is said beside each value.
        said = row.locator("td[data-label]").first
        name = "el => getComputedStyle(el, '::before').content"
        assert said.get_attribute("data-label") in said.evaluate(name)


@three_screens
def test_what_stands_in_the_way_is_read_with_its_ways_out(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada = person("ada", locale=screen.language, is_moderator=True)
    team = with_seats(
        accounts.create_organisation("Northwind Traders of the Far North", owner=ada), 5
    )
    accounts.add_member(team, user=person("ben"))
    home = personal_organisation(ada)
    subscription_of(home)
    credit_of(home, 5_000_000_000, kind="bought")
    context = open_context(screen=screen, user=ada)
    page = context.new_page()
    complaints = collect_console_and_csp(page)

    page.goto("/settings/close/")

    expect(page.locator("[aria-labelledby=first] .button")).to_have_count(4)
    look(page, "close-held", screen)
    assert complaints.lines == []


@three_screens
def test_an_account_is_closed_and_taken_back(
    open_context: Callable[..., BrowserContext],
    live_server: LiveServer,
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ben = person("ben", locale=screen.language)
    category = forum.category()
    context = open_context(screen=screen, user=ben, minutes_ago=60)
    page, other = context.new_page(), context.new_page()
    complaints = collect_console_and_csp(page)
    other.goto("/forum/new/")
    other.locator("#id_title").fill("How do I rotate a key?")
    other.locator("#id_text").fill("It is in use.\n它正在使用中。")
    other.locator("#id_category").select_option(str(category.pk))

    # Whose password was typed long ago types it again; a wrong one is told. Then what
    # they had sent is sent again by itself.
    page.goto("/settings/close/")
    look(page, "close-free", screen)
    page.locator("#id_username").fill("bem")
    with page.expect_navigation():
        page.locator("#id_username").press("Enter")
    look(page, "close-password", screen)
    page.locator("input[name=password]").fill("wrong horse")
    with page.expect_navigation():
        page.locator("input[name=password]").press("Enter")
    expect(page.locator(".field__error").first).to_be_visible()
    look(page, "close-password-wrong", screen)
    page.locator("input[name=password]").fill("correct horse")
    page.locator("input[name=password]").press("Enter")
    expect(page.locator("#id_username")).to_have_value("bem")
    look(page, "close-wrong", screen)
    page.locator("#id_username").fill("ben")
    with page.expect_navigation(url="**/accounts/closed/"):
        page.locator("#id_username").press("Enter")
    look(page, "close-done", screen)

    # What was typed in another window before is not lost.
    enter(context, ben, live_server.url)
    with other.expect_navigation():
        other.locator("form:has(#id_title) .button--primary").click()
    expect(other.locator("textarea[readonly]").first).to_be_visible()
    look(other, "close-sent", screen)
    page.goto("/forum/")
    page.wait_for_url("**/settings/close/")
    look(page, "close-closed", screen)
    send(page, "/settings/close/undo/", "/settings/profile/")
    look(page, "close-back", screen)

    ben.refresh_from_db()
    assert ben.closes_at is None
    assert not [line for line in complaints.lines if ANSWERED not in line]

"""Staff add a server's model and retire it, in Chromium, by hand alone."""

import time
from collections.abc import Callable
from typing import Any, Literal

import httpx
import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import BrowserContext, Page, expect

from accounts.queries import personal_organisation
from core.crypto import decrypt
from inference.catalog.models import Deployment, Model
from inference.keys.services import create_key
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, look
from tests.fakes.compatible import Compatible, running_compatible

Window = Callable[..., BrowserContext]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = "vendor/qwen2.5-7b:free"


def sign_in(page: Page, user: Any) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", user.email)
    page.fill("input[name=password]", "correct horse")
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def ask(site: str, secret: str) -> httpx.Response:
    return httpx.post(
        f"{site}/v1/chat/completions",
        json={"model": NAME, "messages": [{"role": "user", "content": "Hello"}]},
        headers={"authorization": f"Bearer {secret}"},
    )


def answered_again(site: str, secret: str) -> bool:
    """Wait for the first answer: a server that refused us is let alone for seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if ask(site, secret).status_code == 200:
            return True
        time.sleep(0.2)
    return False


def check(page: Page, name: str, locale: Literal["en-US", "zh-CN"] = "en-US") -> None:
    """See that a page as it stands holds narrow and dark, for everybody."""
    for screen in (Screen(1280, "light", locale), Screen(320, "dark", locale)):
        page.set_viewport_size({"width": screen.width, "height": 900})
        page.emulate_media(color_scheme=screen.theme)
        look(page, f"offering-{name}", screen)
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_server_is_added_called_and_retired_without_a_shell(
    window: Window, site: str, person: Callable[..., Any], scripts: bool
) -> None:
    staff = person("staff", is_staff=True)
    EmailAddress.objects.create(
        user=staff, email=staff.email, verified=True, primary=True
    )
    ada = person("ada")
    _key, secret = create_key(personal_organisation(ada), name="Ada's", by=ada)
    server = Compatible(
        models=[{"id": "Qwen/Qwen2.5-7B", "max_model_len": 32_768}],
        key="sk-first",
        tools=True,
    )
    page = window(java_script_enabled=scripts).new_page()
    complaints = collect_console_and_csp(page)
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, staff)

    with running_compatible(server):
        page.goto("/staff/models/")
        if scripts:
            check(page, "list")
        page.get_by_role("link", name="Add a model").first.click()
        page.fill("#id_address", server.origin)
        page.fill("#id_secret", "sk-wrong")
        page.fill("#id_name", NAME)
        page.fill("#id_title", "Qwen 2.5 7B")
        page.fill("#id_price_in", "0.2")
        page.fill("#id_price_out", "0.6")
        page.get_by_role("button", name="Test and add").click()
        expect(page.get_by_text("refused the key (401")).to_be_visible()
        assert page.input_value("#id_secret") == ""
        assert page.input_value("#id_name") == NAME
        if scripts:
            check(page, "refused")
        page.fill("#id_secret", "sk-first")
        page.get_by_role("button", name="Test and add").click()

        expect(page.get_by_text("It keeps to the longest answer")).to_be_visible()
        expect(page.get_by_text("It calls a function.")).to_be_visible()
        assert ask(site, secret).status_code == 404
        if scripts:
            check(page, "tested")
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("is on the list.")).to_be_visible()
        answered = ask(site, secret)
        assert answered.status_code == 200, answered.text

        # Its page, by the name it has.
        page.get_by_role("link", name="Its public page").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Qwen 2.5 7B")
        page.go_back()

        # Another key: the server takes the new one only.
        server.key = "sk-second"
        assert ask(site, secret).status_code == 502
        page.locator("article").get_by_role("link", name="Edit").click()
        page.fill("#id_secret", "sk-second")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The changes are in force.")).to_be_visible()
        assert decrypt(Deployment.objects.get().credential) == "sk-second"
        assert answered_again(site, secret)
        expect(page.get_by_text("Not tested since it was changed.")).to_be_visible()
        page.get_by_role("button", name="Test this deployment").click()
        expect(page.get_by_text("It streams.")).to_be_visible()

        page.get_by_role("button", name="Retire").click()
        expect(page.get_by_text("is off the list.")).to_be_visible()
        assert ask(site, secret).status_code == 404

    assert Model.objects.get().status == "retired"
    assert not Deployment.objects.exists()
    assert "sk-" not in page.content()
    assert [line for line in complaints.lines if "422" not in line] == []


def test_the_pages_are_whole_in_chinese(
    window: Window, person: Callable[..., Any]
) -> None:
    staff = person("staff", is_staff=True)
    EmailAddress.objects.create(
        user=staff, email=staff.email, verified=True, primary=True
    )
    page = window(locale="zh-CN").new_page()
    sign_in(page, staff)

    page.goto("/staff/models/new/")

    expect(page.get_by_role("heading", level=1)).to_have_text("添加模型")
    check(page, "new", "zh-CN")

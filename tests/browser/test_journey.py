"""The whole way, by one person in a real browser against the real product."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.stack import Stack, running_stack
from tests.fakes.servers import ROOT, passable_folder

pytestmark = pytest.mark.browser

PASSWORD = "a long and odd sentence"
CREATE_STAFF = """
from allauth.account.models import EmailAddress
from accounts.services import create_user
user = create_user("staff@journey.test", "staff", "a long and odd sentence", is_staff=True)
EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with (
        passable_folder() as folder,
        running_stack(folder, is_prepared=False, MODELS="1") as running,
    ):
        running.manage("shell", "-c", CREATE_STAFF)
        yield running


def open_window(browser: Browser, stack: Stack) -> BrowserContext:
    context = browser.new_context(
        base_url=stack.site, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(20_000)
    return context


def sign_up(page: Page, stack: Stack, name: str, *, first_page: str = "/") -> None:
    page.goto(first_page)
    page.goto("/accounts/signup/")
    page.locator("main input[name=email]").fill(f"{name}@journey.test")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("form:has(input[name=password1]) button[type=submit]").first.click()
    mail = stack.wait_for_mail(f"{name}@journey.test", "/accounts/confirm-email/")
    link = re.search(r"https?://\S+/accounts/confirm-email/\S+", mail["text"])
    assert link
    page.goto(link[0])
    page.locator("form[action*='confirm-email'] button[type=submit]").click()
    page.wait_for_load_state()
    if "/login" in page.url:
        sign_in(page, name)


def sign_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(f"{name}@journey.test")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_load_state()


def run_readme_snippet(stack: Stack, key: str) -> str:
    """Run what the README prints, on this product's port; return what it says."""
    found = re.search(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert found
    done = subprocess.run(
        [sys.executable, "-c", found[1].replace("http://127.0.0.1:8000", stack.site)],
        env={**os.environ, "DOORSTONE_API_KEY": key},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def figures(page: Page) -> dict[str, str]:
    """Return the figures staff see, once they have been counted."""
    page.goto("/staff/conversion/?range=30d")
    names = ("developers", "share", "paid", "revenue")
    return {
        name: page.locator(f"[data-figure={name}] .figure-card__value")
        .inner_text()
        .strip()
        for name in names
    }


def funnel(page: Page) -> dict[str, int]:
    rows = page.locator("tr[data-step]")
    return {
        str(row.get_attribute("data-step")): int(row.locator("td").nth(1).inner_text())
        for row in rows.all()
    }


def test_the_whole_way(browser: Browser, stack: Stack) -> None:
    staff = open_window(browser, stack).new_page()
    sign_in(staff, "staff")
    before = figures(staff)
    assert before == {
        "developers": "0",
        "share": "no data: nobody is counted here",
        "paid": "0",
        "revenue": "$0.00",
    }

    # Join, by the mail that was caught.
    ada = open_window(browser, stack).new_page()
    sign_up(ada, stack, "ada", first_page="/?utm_source=newsletter")

    # Ask.
    ada.goto("/forum/new/")
    ada.locator("input[name=title]").fill("How do I stream an answer in Python?")
    ada.locator("textarea[name=text]").fill("I see the answer only **at the end**.")
    ada.get_by_role("button", name="Post topic").click()
    expect(ada.locator("h1")).to_have_text("How do I stream an answer in Python?")
    topic = ada.url

    # Somebody answers.
    ben = open_window(browser, stack).new_page()
    sign_up(ben, stack, "ben")
    ben.goto(topic)
    ben.locator("textarea[name=text]").fill("Set `stream=True` and read the chunks.")
    ben.get_by_role("button", name="Post answer").click()
    expect(ben.locator(".post").last).to_contain_text("stream=True")

    # Accept.
    ada.goto(topic)
    ada.get_by_role("button", name="Accept answer").click()
    expect(ada.get_by_text("Accepted answer").first).to_be_visible()

    # Create a key.
    ada.goto("/console/ada/keys/")
    ada.locator("#new input[name=name]").fill("Journey")
    ada.get_by_role("button", name="Create key").click()
    found = re.search(r"ds_live_[0-9A-Za-z]{49}", ada.content())
    assert found
    client = OpenAI(base_url=f"{stack.site}/v1", api_key=found[0], max_retries=0)

    # Call the open model, streaming.
    with client.chat.completions.create(
        model="doorstone-docs",
        messages=[{"role": "user", "content": "How do I stream an answer?"}],
        stream=True,
    ) as stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert len(text) > 20

    # The README's snippet, pasted as it is printed: a model writes, another embeds.
    said = run_readme_snippet(stack, found[0])
    written, _, dimensions = said.strip().rpartition("\n")
    assert len(written) > 20
    assert dimensions == "384"

    # Be refused the premium one.
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(
            model="doorstone-docs-pro", messages=[{"role": "user", "content": "Hello"}]
        )
    assert refused.value.code == "model_requires_plan"
    assert refused.value.param == "model"
    assert refused.value.request_id

    # Subscribe on the hosted page.
    ada.goto("/billing/checkout/pro/")
    ada.locator(
        "form[action*='/billing/checkout/'] button[type=submit], main form button.button--primary"
    ).last.click()
    ada.wait_for_url(re.compile(r"/c/pay/|checkout|pay"))
    ada.wait_for_load_state()
    ada.locator(
        "button[type=submit]", has_text=re.compile("Subscribe|Pay")
    ).first.click()
    ada.wait_for_url(re.compile(re.escape(stack.site) + "/billing/return/.*"))
    paid_at = time.monotonic()

    # The same key opens the premium model within two seconds.
    while True:
        try:
            answer = client.chat.completions.create(
                model="doorstone-docs-pro",
                messages=[{"role": "user", "content": "Hello"}],
            )
            break
        except openai.PermissionDeniedError:
            assert time.monotonic() - paid_at < 2
            time.sleep(0.05)
    assert time.monotonic() - paid_at < 2
    assert answer.choices[0].message.content
    client.close()

    # Staff see exactly these two people arrive, and this one pay.
    deadline = time.monotonic() + 30
    expected = {"developers": "2", "share": "50.0 %", "paid": "1", "revenue": "$20.00"}
    while (after := figures(staff)) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert after == expected
    whole_way = {
        "first_visit_at": 2,
        "signed_up_at": 2,
        "verified_at": 2,
        "first_call_at": 1,
        "checkout_at": 1,
        "paid_at": 1,
    }
    # The first call is told some seconds after it was made, with its own time.
    while (steps := funnel(staff)) != whole_way and time.monotonic() < deadline:
        time.sleep(0.5)
        staff.reload()
    assert steps == whole_way
    staff.goto("/staff/conversion/people/?step=converters&range=30d")
    expect(staff.locator("tbody tr")).to_have_count(1)
    expect(staff.locator("tbody tr")).to_contain_text("newsletter")

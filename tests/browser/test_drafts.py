"""Nothing typed is lost or shown to another: every form under every interruption."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import (
    BrowserContext,
    Dialog,
    Page,
    Request,
    Route,
    expect,
)

from community.forum.models import Post, Topic
from tests.browser.helpers import collect_console_and_csp, enter
from tests.factories import forum
from tests.factories.inference import offered_model

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FORMS = ("topic", "reply", "edit", "contact", "playground", "profile")
MENU = "summary[aria-label='Language and theme']"


def every_run(*held: str) -> list[Any]:
    """Return every form: those of ``held`` for each run, the rest for ``make faults``.

    Six forms under twelve interruptions take minutes; one of each kind, seconds.
    """
    return [
        pytest.param(
            name,
            marks=[pytest.mark.faults, *([pytest.mark.smoke] if name in held else [])],
        )
        for name in FORMS
    ]


@dataclass
class Desk:
    """Somebody's browser at a form: where it is, and the field that is typed into."""

    context: BrowserContext
    origin: str
    page: Page
    address: str
    field: str

    def enter(self, user: Any) -> None:
        """Sign ``user`` in, in a session that was not there before."""
        enter(self.context, user, self.origin)

    def open(self) -> None:
        self.page.goto(self.address)

    def type(self) -> str:
        text = f"Words of {uuid.uuid4().hex}, typed once. 写一次。"
        self.page.locator(self.field).fill(text)
        return text

    def send(self) -> None:
        """Press the form's button, with something in whatever the browser requires."""
        form = self.page.locator(self.field).locator("xpath=ancestor::form")
        for required in form.locator("input[required]:visible").all():
            if not required.input_value():
                required.fill("A title of some words")
        button = form.locator("button[type=submit]")
        button.filter(visible=True).filter(has_not_text="Discard").first.click(
            no_wait_after=True
        )

    def expects(self, text: str) -> None:
        expect(self.page.locator(self.field)).to_have_value(text)


@pytest.fixture
def desk(
    open_context: Callable[..., BrowserContext], live_server: Any, person: Any
) -> Callable[[str, Any], Desk]:
    def open_one(name: str, user: Any) -> Desk:
        offered_model("tiny")
        topic = forum.topic(user, category=forum.category(name="Help"))
        opening = topic.posts.get(number=1)
        address, field = {
            "topic": ("/forum/new/", "textarea[name=text]"),
            "reply": (topic.get_absolute_url(), "#reply textarea[name=text]"),
            "edit": (f"/forum/p/{opening.pk}/edit/", "textarea[name=text]"),
            "contact": ("/pricing/talk/", "textarea[name=message]"),
            "playground": ("/playground/", "textarea[name=prompt]"),
            "profile": ("/settings/profile/", "textarea[name=bio]"),
        }[name]
        context = open_context()
        made = Desk(context, live_server.url, context.new_page(), address, field)
        made.enter(user)
        return made

    return open_one


def reload(desk: Desk, who: Any) -> None:
    desk.page.reload()


def back(desk: Desk, who: Any) -> None:
    desk.page.goto("/models/")
    desk.page.go_back()


def closed_tab(desk: Desk, who: Any) -> None:
    # A tab closed by the driver says no goodbye, as a crash does not.
    desk.page.wait_for_timeout(300)
    desk.page.close()
    desk.page = desk.context.new_page()
    desk.open()


def expired_session(desk: Desk, who: Any) -> None:
    desk.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    _send_and_see(desk)
    desk.enter(who)
    desk.open()


def broken_token(desk: Desk, who: Any) -> None:
    desk.context.clear_cookies(name=settings.CSRF_COOKIE_NAME)
    _send_and_see(desk)
    desk.open()


def refused(status: int) -> Callable[[Desk, Any], None]:
    def interrupt(desk: Desk, who: Any) -> None:
        def answer(route: Route) -> None:
            if route.request.method != "POST":
                return route.fallback()
            return route.fulfill(status=status, body="<h1>Not now</h1>")

        desk.page.route("**/*", answer)
        _send_and_see(desk)
        desk.page.unroute("**/*")
        desk.open()

    return interrupt


def network_down(desk: Desk, who: Any) -> None:
    desk.context.set_offline(True)
    _send_and_see(desk)
    desk.context.set_offline(False)
    desk.open()


def _send_and_see(desk: Desk) -> None:
    """Send the form and wait until its answer, or an error, is on the page."""
    # A page is left only once its answer begins: opening another one before that would
    # race with the answer.
    desk.page.evaluate("window.isLeft = false")
    with desk.page.expect_request(_is_sent_form) as sent:
        desk.send()
    # None when nobody answers.
    sent.value.response()
    desk.page.wait_for_function("window.isLeft === undefined")
    desk.page.wait_for_load_state()


def _is_sent_form(request: Request) -> bool:
    """Whether a form was sent, and not just its draft saved."""
    return request.method == "POST" and "/drafts/" not in request.url


def language(desk: Desk, who: Any) -> None:
    for name in ("简体中文", "English"):
        desk.page.locator("summary:has(svg use[href*='languages'])").click()
        desk.page.get_by_role("button", name=name).click()
        desk.page.wait_for_load_state()


def theme(desk: Desk, who: Any) -> None:
    desk.page.locator(MENU).click()
    desk.page.get_by_role("button", name="Dark").click()
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "dark")


def other_tab(desk: Desk, who: Any) -> None:
    desk.page.wait_for_timeout(200)
    other = desk.context.new_page()
    other.goto(desk.address)
    desk.page.close()
    desk.page = other


INTERRUPTIONS = {
    "reload": reload,
    "back": back,
    "closed tab": closed_tab,
    "expired session": expired_session,
    "broken token": broken_token,
    "429": refused(429),
    "500": refused(500),
    "503": refused(503),
    "network down": network_down,
    "language": language,
    "theme": theme,
    "other tab": other_tab,
}


# Visitors may write to us as well, so that message arrives.
TAKEN_IN = {("contact", "expired session")}


@pytest.mark.parametrize("name", every_run())
def test_no_interruption_costs_a_character(
    name: str, desk: Callable[[str, Any], Desk], person: Any
) -> None:
    ada = person("ada")
    at = desk(name, ada)
    at.open()
    lost = []

    for what, interrupt in INTERRUPTIONS.items():
        if (name, what) in TAKEN_IN:
            continue
        text = at.type()
        interrupt(at, ada)
        field = at.page.locator(at.field)
        try:
            expect(field).to_have_value(text, timeout=15_000)
        except AssertionError:
            lost.append((what, at.page.url, field.count() and field.input_value()))
            at.open()

    assert lost == []
    assert not Post.objects.exclude(topic__author=ada).exists()


@pytest.mark.parametrize("name", every_run("contact"))
def test_signing_out_leaves_nothing_to_the_next_and_all_to_its_owner(
    name: str, desk: Callable[[str, Any], Desk], person: Any
) -> None:
    ada, ben = person("ada"), person("ben")
    at = desk(name, ada)
    complaints = collect_console_and_csp(at.page)
    at.open()
    text = at.type()

    at.page.locator("summary[aria-label='Your menu']").click()
    at.page.get_by_role("button", name="Sign out").click()
    expect(at.page.get_by_role("link", name="Sign in").first).to_be_visible()
    left = at.page.evaluate("JSON.stringify(localStorage)")
    at.enter(ben)
    at.open()
    seen = at.page.content() + at.page.evaluate("JSON.stringify(localStorage)")
    at.enter(ada)
    at.open()

    assert text not in left
    assert text not in seen
    if name == "edit":
        # Ben may not edit the post at all.
        complaints.lines = [line for line in complaints.lines if "403" not in line]
    at.expects(text)
    assert complaints.lines == []


def test_whoever_signs_in_after_a_session_ended_does_not_see_the_text(
    desk: Callable[[str, Any], Desk], person: Any
) -> None:
    ada, ben = person("ada"), person("ben")
    at = desk("topic", ada)
    at.open()
    at.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    text = at.type()

    expect(at.page.locator("form.form [data-draft-note]")).to_contain_text("signed out")
    at.enter(ben)
    at.open()

    assert text not in at.page.content()
    assert text not in at.page.evaluate("JSON.stringify(localStorage)")


def test_a_post_that_was_accepted_leaves_no_draft(
    desk: Callable[[str, Any], Desk], person: Any
) -> None:
    ada = person("ada")
    at = desk("topic", ada)
    at.open()
    at.page.get_by_label("Title").fill("Is a draft gone once it is posted?")
    text = at.type()

    at.page.get_by_role("button", name="Post topic").dblclick(no_wait_after=True)
    expect(at.page.locator("h1")).to_have_text("Is a draft gone once it is posted?")
    at.open()

    at.expects("")
    assert at.page.evaluate("Object.keys(localStorage).length") == 0
    assert Topic.objects.filter(posts__source_md=text).count() == 1


def test_leaving_a_new_key_asks_once(
    desk: Callable[[str, Any], Desk], person: Any
) -> None:
    at = desk("profile", person("ada"))
    at.page.goto("/console/ada/keys/")
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    at.page.on("dialog", accept)
    at.page.locator("#new input[name=name]").fill("Website")
    at.page.get_by_role("button", name="Create key").click()
    password = at.page.locator("input[name=password]")
    expect(password.or_(at.page.locator("#secret"))).to_be_visible()
    if password.is_visible():
        password.fill("correct horse")
        password.press("Enter")
    expect(at.page.locator("#secret")).to_be_visible()
    secret = at.page.locator("#secret").inner_text()

    at.page.locator(MENU).click()
    at.page.get_by_role("button", name="简体中文").click()
    expect(at.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(at.page.locator("#secret")).to_have_text(secret)
    assert asked == []
    # It is a script that asks, and the page is there before its scripts.
    at.page.wait_for_load_state()
    at.page.goto("/models/")

    assert asked == ["beforeunload"]

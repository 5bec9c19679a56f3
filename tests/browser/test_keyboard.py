"""The product by keyboard alone: every stop is seen, none is a trap."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

# What holds the focus, whether a person can see that it does, and where it is.
STOP = """async () => {
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const box = e.getBoundingClientRect();
    const style = getComputedStyle(e);
    const frame = e.closest('.composer, .field') ?? e;
    const outlined = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none';
    const framed = getComputedStyle(frame).boxShadow !== 'none';
    const x = Math.min(innerWidth - 1, Math.max(0, box.x + Math.min(box.width / 2, 20)));
    const y = Math.min(innerHeight - 1, Math.max(0, box.y + box.height / 2));
    const top = document.elementFromPoint(x, y);
    if (!e.dataset.walked) e.dataset.walked = String(window.walked = (window.walked ?? 0) + 1);
    return {
        id: Number(e.dataset.walked),
        name: e.tagName + ' '
          + (e.getAttribute('aria-label') ?? e.textContent ?? '').trim().slice(0, 40),
        isSeen: outlined || framed,
        isInside: box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0,
        isOnTop: !top || e.contains(top) || top.contains(e) || !!top.closest('label')?.contains(e),
    };
}"""


def walk(page: Page) -> list[dict[str, Any]]:
    """Press Tab until the page has been round once; return every stop."""
    stops: list[dict[str, Any]] = []
    seen: set[int] = set()
    for _ in range(250):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or stop["id"] in seen:
            break
        seen.add(stop["id"])
        stops.append(stop)
    else:
        raise AssertionError("Tab never came round.")
    return stops


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/forum/", "/playground/", "/console/ada/keys/"])
def test_every_stop_is_seen_and_none_is_a_trap(
    open_demo: Callable[..., BrowserContext], path: str, width: int
) -> None:
    context = open_demo("ada", width=width)
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    page.goto(path)
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_load_state("networkidle")

    stops = walk(page)

    assert stops[0]["name"].endswith("Skip to content")
    unseen = [
        stop
        for stop in stops
        if not (stop["isSeen"] and stop["isInside"] and stop["isOnTop"])
    ]
    assert unseen == []
    assert len(stops) > 8


def test_the_skip_link_goes_past_the_menus(
    open_demo: Callable[..., BrowserContext],
) -> None:
    page = open_demo().new_page()
    page.goto("/forum/")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    inside = page.evaluate(
        "document.querySelector('main').contains(document.activeElement)"
    )
    assert inside is True


def test_where_no_motion_is_wanted_nothing_is_on_its_way(
    open_demo: Callable[..., BrowserContext],
) -> None:
    page = open_demo().new_page()
    page.emulate_media(reduced_motion="reduce")
    page.goto("/forum/")

    moving = page.evaluate("""() => {
        const link = document.querySelector('.skip-link');
        link.getBoundingClientRect();
        link.focus();
        link.getBoundingClientRect();
        const counts = [document.getAnimations().length];
        link.blur();
        link.getBoundingClientRect();
        return [...counts, document.getAnimations().length];
    }""")

    assert moving == [0, 0]


def test_every_menu_closes_with_escape_and_gives_the_focus_back(
    open_demo: Callable[..., BrowserContext],
) -> None:
    page = open_demo("ada", width=390).new_page()
    page.goto("/forum/")

    for label in ("Menu", "Language and theme", "Your menu"):
        menu = page.locator(f"summary[aria-label='{label}']")
        menu.focus()
        page.keyboard.press("Enter")
        expect(menu.locator("xpath=..")).to_have_attribute("open", "")
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(menu.locator("xpath=..")).not_to_have_attribute("open", "")
        expect(menu).to_be_focused()


def test_a_question_is_asked_and_quoted_by_keyboard(
    open_demo: Callable[..., BrowserContext],
) -> None:
    page = open_demo("ada").new_page()
    page.goto("/forum/new/")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("Can I do this by keyboard alone?")
    page.get_by_label("Text").focus()
    page.keyboard.type("Without touching a mouse.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("Can I do this by keyboard alone?")

    page.get_by_role("link", name="Quote").first.focus()
    page.keyboard.press("Enter")

    area = page.locator("#reply textarea")
    expect(area).to_be_focused()
    expect(area).to_have_value("> @ada:\n>\n> Without touching a mouse.\n\n")

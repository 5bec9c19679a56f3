"""The screens cover what they say, and looking at a page finds what is wrong."""

from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import screens
from tests.browser.screens import SCREENS, Screen, keep_picture, look, wanted

PHONE = Screen(390, "dark", "zh-CN")
# It is no element that sticks out.
BESIDE = (
    "<style>main::after {content: ''; position: absolute; left: 600px;"
    " width: 9px; height: 9px}</style>"
)
WHOLE = "<!doctype html><html lang=en><title>Door</title><main><h1>Door</h1>{}</main>"


def test_each_two_of_width_theme_and_language_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCREENSHOTS", "anywhere")
    every = wanted(SCREENS)
    assert len(set(every)) == 12

    for pair in combinations(("width", "theme", "locale"), 2):
        met = {tuple(getattr(screen, name) for name in pair) for screen in SCREENS}
        assert met == {tuple(getattr(one, name) for name in pair) for one in every}


def test_without_pictures_only_the_named_screens_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SCREENSHOTS", raising=False)

    assert wanted([PHONE]) == (PHONE,)


def test_a_screen_is_named_as_a_browser_and_a_person_name_it() -> None:
    assert str(PHONE) == "390-dark-zh"
    assert (PHONE.locale, PHONE.language) == ("zh-CN", "zh-hans")
    assert Screen(1280, "light", "en-US").language == "en"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("<p style='width: 500px'>wide</p>", "too wide: P"),
        (BESIDE, "too wide: HTML"),
        ("<img src='data:,'>", "image-alt"),
    ],
)
def test_a_fault_is_told_with_its_page_and_screen(
    browser: Browser, wrong: str, fault: str
) -> None:
    page = browser.new_context(**PHONE.window).new_page()
    page.set_content(WHOLE.format("<p>whole</p>"))
    look(page, "door", PHONE)

    page.set_content(WHOLE.format(wrong))
    with pytest.raises(AssertionError, match=f"door on 390-dark-zh.*{fault}"):
        look(page, "door", PHONE)


@pytest.mark.browser
def test_a_page_whose_heading_is_hidden_is_not_whole(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is hidden from the beginning; nobody waits for it here.
    monkeypatch.setattr(screens, "HEADING_SECONDS", 0.1)
    page = browser.new_context(**PHONE.window).new_page()
    page.set_content(WHOLE.format("").replace("<h1>", "<h1 hidden>"))

    with pytest.raises(AssertionError, match="door on 390-dark-zh"):
        look(page, "door", PHONE)


@pytest.mark.browser
def test_a_window_is_as_its_screen_says(browser: Browser) -> None:
    page = browser.new_context(**PHONE.window).new_page()

    assert page.evaluate("[innerWidth, navigator.language]") == [390, "zh-CN"]
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.browser
def test_a_picture_is_kept_where_one_is_asked_for(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.new_context(**PHONE.window).new_page()
    page.set_content(WHOLE.format("<p>whole</p>"))

    monkeypatch.delenv("SCREENSHOTS", raising=False)
    keep_picture(page, "nothing", PHONE)
    monkeypatch.setenv("SCREENSHOTS", str(tmp_path))
    look(page, "door", PHONE)

    assert [file.name for file in tmp_path.iterdir()] == ["door-390-dark-zh.png"]

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from design.stylesheet import FOLDER, stylesheet

TOKENS = (FOLDER / "tokens.css").read_text()


COLOURS = re.findall(
    r"--([\w-]+): light-dark\((#[0-9a-f]{3,6}), (#[0-9a-f]{3,6})\);", TOKENS
)
LIGHT = {name: light for name, light, _dark in COLOURS}
DARK = {name: dark for name, _light, dark in COLOURS}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "colour",
    ["code-text", "text-2", "text-3", "c1", "c2", "c3", "c4", "c5", "c6", "c8"],
)
def test_every_colour_of_code_can_be_read(theme: dict[str, str], colour: str) -> None:
    assert contrast(theme[colour], theme["code-bg"]) >= 4.5


def test_each_colour_is_written_once_for_both_themes() -> None:
    # Another way to write one would be another palette to keep.
    assert len(COLOURS) == len(LIGHT) >= 38
    assert TOKENS.count("#") == 2 * len(COLOURS)
    assert "prefers-color-scheme" not in TOKENS


def test_every_file_of_the_folder_is_in_the_stylesheet() -> None:
    listed = set(re.findall(r'url\("([^"]+)"\)', (FOLDER / "app.css").read_text()))
    present = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.css")}

    assert listed == present - {"app.css"}


def test_the_stylesheet_is_one_file_within_its_budget() -> None:
    sheet = stylesheet()

    assert b"@import" not in sheet.text
    assert len(sheet.compressed) <= 16 * 1024


def test_production_builds_the_stylesheet_once(settings: Settings) -> None:
    del settings.WHITENOISE_AUTOREFRESH

    assert stylesheet() is stylesheet()


def test_a_browser_keeps_the_stylesheet_for_ever(client: Client) -> None:
    url = reverse("design:stylesheet", args=[stylesheet().digest])

    response = client.get(url, headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.content == stylesheet().compressed


def test_an_old_address_gives_the_new_text_but_is_not_kept(client: Client) -> None:
    response = client.get(reverse("design:stylesheet", args=["0000"]))

    assert response.content == stylesheet().text
    assert response["Cache-Control"] == "no-cache"


def test_a_known_stylesheet_is_not_sent_again(client: Client) -> None:
    url = reverse("design:stylesheet", args=[stylesheet().digest])

    response = client.get(url, headers={"If-None-Match": f'"{stylesheet().digest}"'})

    assert response.status_code == 304


def test_no_template_has_inline_code_or_style() -> None:
    templates = Path(__file__).resolve().parents[2] / "templates"
    inline = re.compile(
        r"\sstyle=|\son[a-z]+=|hx-on|<style|<script(?![^>]*(src=|json))"
    )

    wrong = [
        str(path.relative_to(templates))
        for path in templates.rglob("*.html")
        if "email" not in path.parts and inline.search(path.read_text())
    ]

    assert wrong == []

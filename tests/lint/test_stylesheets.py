from pathlib import Path

import pytest

from tools.lint.stylesheets import FOLDER, complaints, formatted, write

CLEAN = ".card {\n  color: var(--text);\n  top: 0;\n}\n"


@pytest.mark.parametrize(
    "planted",
    [
        ".card { color: var(--text); top: 0; }\n",
        ".card {\n  color: var(--text); top: 0;\n}\n",
        ".card {\n    color: var(--text);\n}\n",
        ".card {\n  color: var(--text);\n}\n.badge {\n  top: 0;\n}\n",
        ".card {\n  color: var(--text);\n}",
    ],
    ids=["one line", "two declarations", "indent", "rules together", "no last line"],
)
def test_a_stylesheet_that_is_not_formatted_is_named(
    tmp_path: Path, planted: str
) -> None:
    (tmp_path / "card.css").write_text(planted)

    assert list(complaints(tmp_path, [])) == [
        "card.css: not formatted; make format writes it"
    ]
    assert (tmp_path / "card.css").read_text() == planted


def test_a_line_too_long_to_review_is_named(tmp_path: Path) -> None:
    long = f"  --font: {', '.join(['sans-serif'] * 10)};"
    (tmp_path / "card.css").write_text(f":root {{\n{long}\n}}\n")

    assert list(complaints(tmp_path, [])) == [
        f"card.css:2: {len(long)} characters, at most 100"
    ]


@pytest.mark.parametrize(
    "value",
    [
        *("#fff", "#0b5fd7", "rgb(9 12 16 / .5)", "RGBA(0, 0, 0, .1)", "hsl(0 0% 0%)"),
        *("white", "1px solid RebeccaPurple", "oklab(40% 0 0)"),
        *("color(display-p3 1 0 0)", "light-dark(var(--a), var(--b))"),
    ],
)
def test_a_colour_outside_the_tokens_is_named(tmp_path: Path, value: str) -> None:
    text = f".card {{\n  color: {value};\n}}\n"
    (tmp_path / "card.css").write_text(text)
    (tmp_path / "tokens.css").write_text(text)

    assert list(complaints(tmp_path, [])) == [
        "card.css:2: a colour of its own; tokens.css names them"
    ]


@pytest.mark.parametrize(
    "value", ["var(--white)", "currentcolor", "transparent", "Canvas", "tan(45deg)"]
)
def test_a_colour_that_is_given_is_none_of_its_own(tmp_path: Path, value: str) -> None:
    (tmp_path / "card.css").write_text(f".red {{\n  color: {value};\n}}\n")

    assert list(complaints(tmp_path, [])) == []


def test_a_stylesheet_that_stands_apart_has_its_colours_and_our_form(
    tmp_path: Path,
) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "style.css").write_text(".card {\n  color: #fff;\n}\n")
    (apart / "more.css").write_text(".card { color: #fff; top: 0; }\n")

    assert list(complaints(tmp_path / "none", [apart])) == [
        "more.css: not formatted; make format writes it"
    ]


def test_a_second_palette_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokens.css").write_text(
        "@media (prefers-color-scheme: dark) {\n  a {\n    top: 0;\n  }\n}\n"
    )

    assert list(complaints(tmp_path, [])) == [
        "tokens.css:1: light-dark() in tokens.css says both palettes"
    ]


def test_writing_leaves_nothing_to_complain_about(tmp_path: Path) -> None:
    (tmp_path / "card.css").write_text(".card { color: var(--text); top: 0; }")

    write(tmp_path)

    assert list(complaints(tmp_path, [])) == []
    assert (tmp_path / "card.css").read_text() == CLEAN


def test_formatting_twice_is_formatting_once() -> None:
    for path in FOLDER.rglob("*.css"):
        text = path.read_text()
        assert formatted(text) == formatted(formatted(text)) == text

"""Sections, ids and links come of the one parse, whatever the spelling."""

import re

import pytest

from design import markdown


def test_a_page_is_cut_at_every_heading_and_not_in_code() -> None:
    text = (
        "Before.\n\n## B\n\n```sh\n# no heading\n```\n\n##### deep\n\nInside.\n\n"
        "## C #\n\nOf C.\n\nSetext\n------\n\n> # quoted\n>\n> x\n\n## Empty\n"
    )

    parts = markdown.sections(text)

    assert [(part.heading, part.id) for part in parts] == [
        ("", ""),
        ("B", "b"),
        ("deep", "deep"),
        ("C", "c"),
        ("Setext", "setext"),
        ("Empty", "empty"),
    ]
    assert [part.source for part in parts] == [
        "Before.",
        "```sh\n# no heading\n```",
        "Inside.",
        "Of C.",
        "> # quoted\n>\n> x",
        "",
    ]
    assert parts[4].prose == "quoted\n\nx"


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("## C#", "C#"),
        ("## Use `#`", "Use #"),
        ("## F# and C# ##", "F# and C#"),
        ("### Issue \\#", "Issue #"),
        ("C#\n--", "C#"),
    ],
)
def test_a_sign_that_ends_a_heading_is_part_of_its_name(
    line: str, heading: str
) -> None:
    page = f"{line}\n\nText."

    assert [part.heading for part in markdown.sections(page)][1:] == [heading]
    shown = markdown.render(page, top_level=1, origin=markdown.TextOrigin.HOUSE)
    assert [part.text for part in shown.outline] == [heading]


def test_comments_are_told_beside_a_section_and_are_none_of_its_source() -> None:
    text = (
        "<!-- of the page -->\nBefore. <!-- in a line -->\n\n## B\n<!-- two\nlines -->\n\n"
        "Text.\n\n{/* another */}\n\n```html\n<!-- shown -->\n```\n\n> <!-- quoted -->\n> x\n"
    )

    first, second = markdown.sections(text)

    assert [each.text for each in first.comments] == [" of the page "]
    assert first.source == "Before. <!-- in a line -->"
    assert first.prose == "Before."
    assert [(each.start, each.end, each.text) for each in second.comments] == [
        (4, 6, " two\nlines "),
        (9, 10, " another "),
    ]
    assert second.source == (
        "Text.\n\n\n```html\n<!-- shown -->\n```\n\n> <!-- quoted -->\n> x"
    )


@pytest.mark.parametrize(
    "text",
    [
        "## Install { #setup }\n\n## Install\n\n## Install\n\n## Install 2\n",
        "## main\n\n##### deep\n\n- # in a list\n\nTitle\n=====\n",
        "## 安装\n\n## C++ & C#\n\n## `code`\n\n## ?!\n\n## ?!\n",
        "!!! note\n    # inside\n\n> [!TIP]\n> # inside\n",
    ],
)
def test_the_ids_are_those_of_the_page(text: str) -> None:
    html = markdown.render(text, top_level=1, origin=markdown.TextOrigin.HOUSE).html
    on_page = re.findall(r'<h\d id="([^"]+)"', html)

    assert markdown.ids(text) == set(on_page)
    assert len(on_page) == len(set(on_page))
    assert {part.id for part in markdown.sections(text)} <= {"", *on_page}


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("A **bold** and\n*wrapped* line.\n", "A bold and wrapped line."),
        ("一行文字，\n换行之后。\n", "一行文字，换行之后。"),
        ("`insufficient_quota` and `_x_`", "insufficient_quota and _x_"),
        ("a `code\nover lines` b", "a code over lines b"),
        ("[`code`](a.md): see ![a picture](a.png)", "code: see a picture"),
        ("[ref][r] &amp; <https://a.test>\n\n[r]: b.md", "ref & https://a.test"),
        ("1. one\n2. two\n   more\n", "one\ntwo more"),
        ("> said\n", "said"),
        ("one\\\ntwo<br>three", "one two three"),
        ("| Code | Cause |\n| --- | --- |\n| `a_b` | It broke. |\n", "a_b: It broke"),
        (
            "| | Free | Pro |\n| --- | --- | ---: |\n| Requests | 60 | 300 |\n",
            "Requests: Free 60, Pro 300",
        ),
        ("```sh\na_b | c\n```\n", "```sh\na_b | c\n```"),
        ("1. a\n\n   ```\n   b\n   ```\n", "a\n\n```\nb\n```"),
        ("a\n\n---\n\nb\n", "a\n\nb"),
        (":::note\nMind *this*.\n:::\n\nafter", "Mind this.\n\nafter"),
        ("> [!TIP] Own title\n> text", "Own title\ntext"),
        ("a<!-- hidden -->b\n\n<!--\nhidden\n-->\n", "ab"),
    ],
)
def test_markdown_becomes_prose_for_search(text: str, prose: str) -> None:
    (part,) = markdown.sections(text)

    assert part.prose == prose


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[a](b.md)", 0),
        ('x\n\n[a](b.md "A title")', 2),
        ("x\ny [a](<b.md>)", 1),
        ("[a][r]\n\n[r]: b.md 'T'", 0),
        ("[r]\n\n[r]:\n  b.md", 0),
        ("- x\n\n  > [a](b.md)", 2),
        ("| a | b |\n|---|---|\n| x | [**a**](b.md) |", 2),
        ("!!! note\n    [a](b.md)", 1),
        ("```{tip}\n:class: x\n\n[a](b.md)\n```", 3),
        ("[![a](x.png)](b.md)", 0),
        ("[a](b.m&#100;)", 0),
        ("# [a](b.md)", 0),
        ("`[x](b.md)` [a](b.md)", 0),
        ("[a\nb](b.md)", 0),
    ],
)
def test_every_spelling_of_a_link_is_seen_and_can_be_changed(
    text: str, line: int
) -> None:
    changed = markdown.with_addresses(text, {"b.md": "/b/"}.get)

    assert [(link.line, link.address) for link in markdown.links(text)] == [
        (line, "b.md")
    ]
    assert [link.address for link in markdown.links(changed)] == ["/b/"]
    assert markdown.with_addresses(changed, {"/b/": "b.md"}.get) == text.replace(
        "<b.md>", "b.md"
    ).replace("&#100;", "d")


@pytest.mark.parametrize(
    "text",
    [
        "`[a](b.md)`",
        "``[a](b.md) ` ``",
        "`code over\n[a](b.md) lines`",
        "```\n[a](b.md)\n```",
        "    [a](b.md)",
        "\\[a](b.md)",
        "<!-- [a](b.md) -->",
        "https://a.test/b.md <https://a.test/b.md>",
        "![a](b.md)",
        "$[a](b.md)$",
    ],
)
def test_what_is_no_link_is_left_as_it_is(text: str) -> None:
    assert "b.md" not in [link.address for link in markdown.links(text)]
    assert markdown.with_addresses(text, {"b.md": "/b/"}.get) == text


def test_nothing_but_addresses_changes() -> None:
    text = "# T\r\n\n*  [a]( b.md  'x' )\t\n\n\n[b]: <b.md>\n`b.md` b.md [b] \n"

    assert markdown.with_addresses(text, lambda _address: None) == text
    assert markdown.with_addresses(text, {"b.md": "/b/"}.get) == text.replace(
        "( b.md", "( /b/"
    ).replace("<b.md>", "/b/")

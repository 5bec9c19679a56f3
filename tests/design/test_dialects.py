"""What people bring from other systems is laid out, never shown raw."""

import pytest
from django.utils import translation

from design import markdown
from design.markdown.dialects import read_info

NOTE = '<div class="callout callout--note">'


def html_of(text: str) -> str:
    return markdown.render(text, id_prefix="p").html


@pytest.mark.parametrize(
    "text",
    [
        ":::note\n**Mind** this.\n:::",
        "::: info\n**Mind** this.\n:::",
        ":::{note}\n**Mind** this.\n:::",
        ":::note{.wide}\n**Mind** this.\n:::",
        "!!! note\n    **Mind** this.",
        '!!! note ""\n    **Mind** this.',
        "/// note\n**Mind** this.\n///",
        "> [!NOTE]\n> **Mind** this.",
        "> [!note]\n>\n> **Mind** this.",
        "```{note}\n**Mind** this.\n```",
        "```{note}\n:class: wide\n**Mind** this.\n```",
    ],
)
def test_a_box_is_the_same_in_every_spelling(text: str) -> None:
    html = html_of(text)

    assert html.split() == [
        *NOTE.split(),
        "<p",
        'class="callout__title">',
        "Note</p>",
        "<p><strong>Mind</strong>",
        "this.</p>",
        "</div>",
    ]


@pytest.mark.parametrize(
    "text",
    [
        ":::warning[Read *this*]\nx\n:::",
        ":::warning Read *this*\nx\n:::",
        '!!! warning "Read *this*"\n    x',
        "/// warning | Read *this*\nx\n///",
        "> [!WARNING] Read *this*\n> x",
        "```{warning} Read *this*\nx\n```",
    ],
)
def test_a_box_may_have_a_title_of_its_own(text: str) -> None:
    html = html_of(text)

    assert '<div class="callout callout--warning">' in html
    assert '<p class="callout__title">Read <em>this</em></p>' in html


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("<details>\n<summary>More</summary>\n\nx\n\n</details>", "details"),
        ("<details open><summary><b>More</b></summary>\nx\n</details>", 'open="open"'),
        ('??? tip "More"\n    x', "callout--tip"),
        ('???+ tip "More"\n    x', 'open="open"'),
        (":::details More\nx\n:::", "callout--details"),
    ],
)
def test_a_box_may_be_folded(text: str, opening: str) -> None:
    html = html_of(text)

    assert '<summary class="callout__title">More</summary>' in html
    assert opening in html.partition(">")[0]
    assert "<p>x</p>" in html


def test_boxes_hold_boxes_and_lists_hold_boxes() -> None:
    html = html_of("- a\n\n  ::::tip\n  :::danger\n  b\n  :::\n  c\n  ::::\n\nd")

    assert html.index("<li>") < html.index("callout--tip") < html.index("--danger")
    assert html.index("<p>b</p>") < html.index("<p>c</p>") < html.index("</ul>")


@pytest.mark.parametrize(
    "text", ["!!! Wow, this works", ":::shout\nx\n:::", "> [!wow]\n> x", "/// x\n///"]
)
def test_what_is_no_box_stays_text(text: str) -> None:
    assert "callout" not in html_of(text)


def test_a_box_is_named_in_the_language_of_its_page() -> None:
    with translation.override("zh-hans"):
        assert "提示</p>" in html_of(":::tip\nx\n:::")


@pytest.mark.parametrize(
    ("heading", "anchor", "words"),
    [
        ("Install { #setup }", "p-setup", "Install"),
        ("Install {#setup .wide}", "p-setup", "Install"),
        ("Install {: #setup }", "p-setup", "Install"),
        ("Install {/* #setup */}", "p-setup", "Install"),
        ("Install {.wide}", "p-install", "Install"),
        ("Install {#Set.Up_2}", "p-Set.Up_2", "Install"),
        ("Use {braces}", "p-use-braces", "Use {braces}"),
    ],
)
def test_a_heading_may_ask_for_its_id(heading: str, anchor: str, words: str) -> None:
    rendered = markdown.render(f"## {heading}\n", id_prefix="p")

    assert [(h.id, h.text) for h in rendered.outline] == [(anchor, words)]
    assert f'<h3 id="{anchor}">{words}<a' in rendered.html


def test_comments_are_not_shown_and_what_is_none_is() -> None:
    html = html_of(
        "a <!-- x --> b {/* y */} c\n\n<!--\nz\n\nz -->\n\nd <!-- open {/* open\n\n"
        "`<!-- code -->`"
    )

    assert html.splitlines() == [
        "<p>a  b  c</p>",
        "<p>d &lt;!-- open {/* open</p>",
        "<p><code>&lt;!-- code --&gt;</code></p>",
    ]


def test_the_few_tags_people_know_work_and_no_other() -> None:
    html = html_of(
        "<kbd>Ctrl</kbd> H<sub>2</sub>O<br/>x <KBD>b</KBD> <kbd id=x> <u>y</u>"
    )

    assert "<kbd>Ctrl</kbd> H<sub>2</sub>O<br>x <kbd>b</kbd>" in html
    assert "&lt;kbd id=x&gt; &lt;u&gt;y&lt;/u&gt;" in html


@pytest.mark.parametrize(
    ("info", "language", "title", "marked"),
    [
        ("python", "python", "", set()),
        ("{.python .wide}", "python", "", set()),
        ("{.python title='a b.py'}", "python", "a b.py", set()),
        ('py title="main.py" hl_lines="1 3-4"', "py", "main.py", {1, 3, 4}),
        ("js {1,3-4} title='a.js'", "js", "a.js", {1, 3, 4}),
        ("ts{2} [a.ts]", "ts", "a.ts", {2}),
        ("{code-block} python", "python", "", set()),
        ("jsx title=src/a.jsx", "jsx", "src/a.jsx", set()),
        ('py title="a {2}.py"', "py", "a {2}.py", set()),
        ("js {99999-1}", "js", "", set()),
        ("", "", "", set()),
    ],
)
def test_a_block_of_code_says_its_language_title_and_lines(
    info: str, language: str, title: str, marked: set[int]
) -> None:
    read = read_info(info)

    assert (read.language, read.title) == (language, title)
    assert set(read.marked) == marked


def test_marked_lines_are_marked_and_colours_stay_whole() -> None:
    html = html_of('```py hl_lines=\'2\' title=\'<a>\'\nx = """a\nb"""\nc\n```')

    assert '<p class="code-title">&lt;a&gt;</p>' in html
    marked = [line for line in html.splitlines() if "hl-line" in line]
    assert len(marked) == 1
    assert marked[0].startswith('<span class="hl-line">')
    assert "b" in marked[0]
    assert all(
        line.count("<span") == line.count("</span>") for line in html.splitlines()
    )


def test_a_long_page_of_ours_is_laid_out() -> None:
    text = "".join(f"## Release {n}\n\n- Mended: `x{n}`\n\n" for n in range(9_000))

    rendered = markdown.render(text, origin=markdown.TextOrigin.HOUSE)

    assert len(text) > 250_000
    assert len(rendered.outline) == 9_000
    assert markdown.render(text, id_prefix="p").outline == ()


@pytest.mark.parametrize("quote", [">", "> \n>", "> <!-- later -->", "> [a]: /b"])
def test_a_text_may_end_in_a_quote_of_nothing(quote: str) -> None:
    html = html_of(f"*Hello.*\n\n{quote}")

    assert "<em>Hello.</em>" in html
    assert "<blockquote>" in html

import re
import time
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

import pytest

from design import markdown

PEOPLE = {"ada": "ada", "ben": "Ben", "ada-lovelace": "ada-lovelace", "小明": "小明"}


def among(names: Collection[str]) -> dict[str, str]:
    return {name: PEOPLE[name] for name in names if name in PEOPLE}


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](vbscript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        '[x](https://example.com "onmouseover=alert(1) \\"")',
        "<a href='x' hx-get='/secret'>x</a>",
        "[x]: javascript:alert(1)\n\n[x]",
        "`<script>alert(1)</script>`",
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\ncode\n```',
        "# <img src=x onerror=alert(1)>",
        "$\\text{<script>alert(1)</script>}$",
        "$\\href{javascript:alert(1)}{x}$",
        "<style>body{display:none}</style>",
        "<form action=/logout><button>x</button></form>",
        "@<script>",
    ],
)
def test_hostile_input_stays_words(hostile: str) -> None:
    html = markdown.render(hostile).html.lower()

    assert "<script" not in html
    assert "<style" not in html
    assert "<form" not in html
    assert 'href="javascript' not in html
    assert 'href="vbscript' not in html
    assert 'href="data' not in html
    assert 'src="data' not in html
    assert "<img" not in html
    assert " onerror=" not in html.replace("&lt;img src=x onerror=", "")
    assert " hx-get=" not in html.replace("&lt;a href='x' hx-get=", "")


LONG = 40_000
ORDINARY = (
    "## Rotating a key\n\nMake the **second** key, put it into `OPENAI_API_KEY`, then"
    " [revoke](/docs/1.0/api/) the first one.\n\n- one thing at a time\n- 两把密钥可以并存\n\n"
    "| Plan | Calls |\n|---|---:|\n| Free | 60 |\n\n```python\nprint(1)\n```\n\n"
)
BOMBS = {
    "quotes": ">",
    "brackets": "[",
    "links": "[a](",
    "pictures": "![a",
    "footnotes": "^[a",
    "stars": "*a **b ",
    "lists": "- a\n",
    "headings": "# a\n",
    "table": "|a|b|c|d\n|-|-|-|-\n|1|2|3|4\n",
    "cells": "|a" * 1_000 + "\n" + "|-" * 1_000 + "\n" + "|b\n" * 1_000,
    "ticks": "`",
    "tags": "<a ",
    "mentions": "@a",
    "formulas": "$x^{2}$ ",
    "long formulas": "$" + "x^{2}+" * 150 + "1$ ",
    "urls": "https://a.b ",
    "addresses that are none": "http://a",
    "addresses in one word": "http://a.com/(",
    "addresses of another kind": "ftp://中",
    "code": "```scala\n" + "{[(<\"'%q$@" * 1_000 + "\n```\n",
    "blocks of code": "```python\nx=1\n```\n",
    "one address": "[x]: /" + "y" * 20_000 + "\n\n" + "[x]" * 7_000,
}


def seconds_of(text: str) -> float:
    """Return the processor's time for a text, the better of two."""
    taken = []
    for _ in range(2):
        before = time.thread_time()
        markdown.render(text, id_prefix="post-7", people=among)
        taken.append(time.thread_time() - before)
    return min(taken)


@pytest.mark.parametrize("name", BOMBS)
def test_no_text_costs_much_more_than_prose_of_its_length(name: str) -> None:
    bomb = (BOMBS[name] * LONG)[:LONG]

    # Five times, and as much again for a machine that is busy; a slow moment of it
    # is not slow three times running.
    ordinary = (ORDINARY * LONG)[:LONG]
    assert any(seconds_of(bomb) < 10 * seconds_of(ordinary) for _turn in range(3))
    assert len(markdown.render(bomb, id_prefix="post-7").html) < 20 * LONG


def test_a_text_too_intricate_is_shown_as_typed_and_says_so() -> None:
    html = markdown.render("![a" * 10_000).html

    assert html.startswith("<p><em>Shown as typed: it is too long or too intricate")
    assert html.endswith("![a</pre>")


def test_formulas_beyond_what_a_text_may_cost_are_shown_as_typed() -> None:
    html = markdown.render("$x^2$ " * 2_000).html

    assert 100 < html.count("<math") < 1_000
    assert html.count('<code class="math">x^2</code>') == 2_000 - html.count("<math")
    assert "Some formulas are shown as typed" in html


def test_a_formula_cannot_define_what_doubles() -> None:
    bomb = r"$\newcommand{\a}{xx}\newcommand{\b}{\a\a\a\a}\b\b$"

    assert "<math" not in markdown.render(bomb).html


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**重点：**后面", "<p><strong>重点：</strong>后面</p>\n"),
        ("这是**“引号”**的", "<p>这是<strong>“引号”</strong>的</p>\n"),
        ("前**（括号）**后", "<p>前<strong>（括号）</strong>后</p>\n"),
        ("*foo**bar**baz*", "<p><em>foo<strong>bar</strong>baz</em></p>\n"),
        ("a * b * c", "<p>a * b * c</p>\n"),
        ("snake_case_name", "<p>snake_case_name</p>\n"),
        ("第一行\n第二行", "<p>第一行第二行</p>\n"),
        ("one\ntwo", "<p>one\ntwo</p>\n"),
    ],
)
def test_emphasis_and_lines_suit_both_languages(source: str, html: str) -> None:
    assert markdown.render(source).html == html


def test_links_of_people_carry_no_weight() -> None:
    html = markdown.render("https://example.com").html

    assert 'rel="nofollow ugc noopener"' in html


def test_a_strangers_picture_becomes_a_link() -> None:
    html = markdown.render("![a cat](https://tracker.example/p.png)").html

    assert html == (
        '<p><a href="https://tracker.example/p.png" rel="nofollow ugc noopener">'
        "Picture: a cat</a></p>\n"
    )


def test_a_picture_of_this_site_is_shown() -> None:
    html = markdown.render("![a cat](/static/cat.png)").html

    assert html == '<p><img src="/static/cat.png" alt="a cat"></p>\n'


def test_a_picture_without_a_scheme_is_still_a_strangers() -> None:
    assert "<img" not in markdown.render("![x](//tracker.example/p.png)").html


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/logout/",
        "/static/../accounts/logout/",
        "/static/%2e%2e/accounts/logout/",
        "/static/\\../x",
        "http://testserver.evil.test/static/x.png",
        "x.png",
        "",
    ],
)
def test_a_picture_that_is_no_file_of_ours_is_not_fetched(address: str) -> None:
    assert "<img" not in markdown.render(f"![x]({address})").html


def test_a_linked_picture_keeps_its_link() -> None:
    html = markdown.render("[![build](https://ci.test/b.svg)](https://x.test)").html

    assert html == (
        '<p><a href="https://x.test" rel="nofollow ugc noopener">Picture: build</a></p>\n'
    )


@pytest.mark.parametrize("origin", markdown.TextOrigin)
def test_ids_of_people_stay_within_their_text(origin: markdown.TextOrigin) -> None:
    text = "# Main\n\nx[^1]\n\n[^1]: y"
    ids = re.findall(r'id="([^"]+)"', markdown.render(text, origin=origin).html)

    is_ours = origin is markdown.TextOrigin.HOUSE
    assert ids == (["main-section", "fnref1", "fn1"] if is_ours else [])
    with_prefix = markdown.render(text, id_prefix="post-7", origin=origin).html
    assert all("post-7-" in each for each in re.findall(r'id="([^"]+)"', with_prefix))


def test_our_own_headings_leave_the_ids_of_the_page_alone() -> None:
    page = Path("templates/docs/page_detail.html").read_text()
    shell = Path("templates/base.html").read_text()
    used = re.findall(r'\bid="([a-z0-9-]+)"', page + shell)

    assert used
    for name in used:
        outline = markdown.render(f"# {name}", origin=markdown.TextOrigin.HOUSE).outline
        assert outline[0].id != name


def test_links_of_our_own_carry_their_weight() -> None:
    html = markdown.render("https://example.com", origin=markdown.TextOrigin.HOUSE).html

    assert 'rel="noopener"' in html


def test_money_is_no_formula() -> None:
    assert "<math" not in markdown.render("costs $5 and then $10").html


def test_a_formula_becomes_mathml() -> None:
    assert "<msup><mi>a</mi><mn>2</mn></msup>" in markdown.render("$a^2$").html


def test_an_unreadable_formula_is_shown_as_typed() -> None:
    assert '<code class="math">\\frac{</code>' in markdown.render("$\\frac{$").html


def test_headings_get_ids_that_do_not_collide() -> None:
    rendered = markdown.render("# Same\n\n# Same\n\n# 中文 标题", id_prefix="post-7")

    assert rendered.outline == (
        markdown.Heading(2, "post-7-same", "Same"),
        markdown.Heading(2, "post-7-same-2", "Same"),
        markdown.Heading(2, "post-7-中文-标题", "中文 标题"),
    )
    assert '<h2 id="post-7-same-2">' in rendered.html


def test_footnotes_of_two_posts_do_not_collide() -> None:
    html = markdown.render("x[^1]\n\n[^1]: note", id_prefix="post-7").html

    assert 'href="#fn-post-7-1"' in html
    assert 'id="fn-post-7-1"' in html


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("@ada and @小明 and @ada `@ben`", ("ada", "小明")),
        ("谢谢@ada的回答", ("ada",)),
        ("@ada你好", ("ada",)),
        ("＠ada，你好", ("ada",)),
        ("@小明你好", ("小明",)),
        ("@BEN, (@ada)", ("Ben", "ada")),
        ("@ada-lovelace", ("ada-lovelace",)),
        ("@ada-lovelace你好", ("ada-lovelace",)),
        ("@ada-", ("ada",)),
        ("**@ada**, @ada/@ben", ("ada",)),
        ("@adam @ada_ @ada-loveless @nobody @", ()),
        ("carl@ada.test x@ada /@ada [@ada](/x/) `@ada`", ()),
        ("```\n@ada\n```\n", ()),
        (f"@{'ada' * 20}", ()),
    ],
)
def test_a_mention_is_the_longest_name_there_is(
    source: str, called: tuple[str, ...]
) -> None:
    html = markdown.render(source, people=among).html

    assert markdown.mentioned(source, among) == called
    assert html.count('class="mention"') == len(re.findall(r'href="/u/', html))
    assert set(re.findall(r'href="/u/([^/]+)/"', unquote(html))) == set(called)


def test_without_people_an_at_sign_is_an_at_sign() -> None:
    assert "<a" not in markdown.render("Install @scope/pkg, says @ada.").html


def test_a_task_is_a_box_that_cannot_be_ticked() -> None:
    html = markdown.render("- [x] done").html

    assert '<label><input type="checkbox" disabled="" checked=""> done</label>' in html


def test_code_is_coloured_with_classes() -> None:
    html = markdown.render("```python\ndef f(): pass\n```").html

    assert '<pre tabindex="0" data-language="python">' in html
    assert '<span class="hl-k">def</span>' in html
    assert "style=" not in html


def test_an_unknown_language_is_plain() -> None:
    html = markdown.render("```klingon\n<b>\n```").html

    assert "<code>&lt;b&gt;\n</code>" in html


def test_numbers_of_a_table_stand_to_the_right() -> None:
    html = markdown.render("|a|b|\n|-|-:|\n|1|2|").html

    assert '<td class="num">2</td>' in html


def test_text_that_is_too_long_is_shown_as_typed() -> None:
    html = markdown.render("*" + "a" * 64_000 + "*").html

    assert html.startswith("<p><em>Shown as typed")
    assert "<pre>*aaa" in html


def test_direction_overrides_are_removed() -> None:
    assert markdown.render("a\u202eb").html == "<p>ab</p>\n"


def test_plain_text_has_the_words_and_no_marks() -> None:
    plain = markdown.render("# Hi `x`\n\n**b** [c](/d) ![e](/f.png)").plain

    assert plain == "Hi x\nb c e"


def test_a_failure_shows_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_html: str, **_how: object) -> str:
        raise ValueError

    monkeypatch.setattr("design.markdown.rendering.clean", fail)

    assert markdown.render("<b>").html.endswith("<pre>&lt;b&gt;</pre>")


def test_one_line_keeps_no_block() -> None:
    assert markdown.render_inline("# a **b** <i>") == "# a <strong>b</strong> &lt;i&gt;"

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import asking
from search.snippets import readable, without_fences
from search.snippets import snippet as snippet_of


def snippet(source: str, wanted: str, **choices: int) -> str:
    marked = asking.read(wanted, filters=()).marked
    return snippet_of(source, marked, **choices)


@pytest.mark.parametrize(
    ("source", "wanted", "expected"),
    [
        ("Rotate your keys.", "rotating", "<mark>Rotate</mark> your keys."),
        ("Rotate new keys.", "new key", "Rotate <mark>new</mark> <mark>keys</mark>."),
        ("Rotate your keys.", "what are your keys", "Rotate your <mark>keys</mark>."),
        ("臺灣的軟體", "台湾软件", "<mark>臺灣</mark>的軟體"),
        ("臺灣的軟體", "台湾 软件", "<mark>臺灣</mark>的<mark>軟體</mark>"),
        ("請用流式輸出", "怎么流式输出", "請用<mark>流式輸出</mark>"),
        ("set max_tokens", "max_tokens", "set <mark>max</mark>_<mark>tokens</mark>"),
        ("中文搜索引擎", "搜索", "中文<mark>搜索</mark>引擎"),
        ("用GPT模型写", "gpt 模型", "用<mark>GPT</mark><mark>模型</mark>写"),
        ("<b>keys</b> & co", "keys", "&lt;b&gt;<mark>keys</mark>&lt;/b&gt; &amp; co"),
        ("mark this", "mark", "<mark>mark</mark> this"),
        ("nothing here", "else", "nothing here"),
        ("", "keys", ""),
    ],
)
def test_matches_are_marked_and_the_rest_escaped(
    source: str, wanted: str, expected: str
) -> None:
    assert snippet(source, wanted) == expected


def test_a_snippet_is_cut_around_the_first_match() -> None:
    source = "before " * 100 + "the needle lies here " + "after " * 100

    found = snippet(source, "needle", length=100)

    assert found.startswith("… ")
    assert found.endswith(" …")
    assert "<mark>needle</mark>" in found
    assert len(found) < 140


def test_a_snippet_is_cut_where_most_of_the_words_stand() -> None:
    source = "One key. " + "before " * 60 + "rotate the key yearly " + "after " * 60

    found = snippet(source, "rotate key", length=100)

    assert "<mark>rotate</mark> the <mark>key</mark> yearly" in found


def test_a_match_deep_in_an_unbroken_chinese_paragraph_is_shown() -> None:
    source = "这是一段很长的中文" * 60 + "搜索引擎" + "后面还有很多内容" * 60

    found = snippet(source, "搜索引擎", length=80)

    assert "<mark>搜索引擎</mark>" in found
    assert len(found) < 120


@given(source=st.text(), wanted=st.text(max_size=60))
def test_whatever_was_written_and_typed_a_snippet_holds_no_markup_of_theirs(
    source: str, wanted: str
) -> None:
    found = str(snippet(source, wanted))

    bare = re.sub(r"</?mark>", "", found)
    assert "<" not in bare
    assert found.count("<mark>") == found.count("</mark>")
    text = unescape(bare).removeprefix("… ").removesuffix(" …")
    assert text in source or len(source) > 220


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Call:\n```python\nstream=True\n```\nDone.", "Call:\nstream=True\nDone."),
        ("1. Run\n   ~~~sh\n   make run\n   ~~~", "1. Run\n   make run\n"),
        ("Wrap it in ``` signs.", "Wrap it in ``` signs."),
        ("```inline``` code", "```inline``` code"),
        ("```", ""),
        ("流式：\n```json\n{}\n```\n", "流式：\n{}\n"),
    ],
)
def test_a_snippet_shows_code_without_its_fences(source: str, text: str) -> None:
    assert without_fences(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "Limits:\n| Plan | Calls |\n|---|---:|\n| Free | 20 |\n| Pro | 200 |\nThat is all.",
            "Limits:\nPlan · Calls\nFree · 20\nPro · 200\nThat is all.",
        ),
        ("| 设置 | 作用 |\n| --- | --- |\n| 限额 |  |", "设置 · 作用\n限额"),
        (
            "| Sign | Means |\n| :-- | --- |\n| a \\| b | or |",
            "Sign · Means\na | b · or",
        ),
        ("cat log \\\n| grep error |\n| wc -l", "cat log \\\n| grep error |\n| wc -l"),
        ("Either a | b.", "Either a | b."),
    ],
)
def test_a_snippet_reads_a_table_as_text(source: str, text: str) -> None:
    assert readable(source) == text


HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize("wanted", ["img", "alert", HOSTILE, "<mark>", "'\"><script>"])
def test_hostile_text_stays_text(wanted: str) -> None:
    found = snippet(HOSTILE * 3, wanted)

    assert "<img" not in found
    assert "<script" not in found

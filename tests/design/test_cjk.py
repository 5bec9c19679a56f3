"""Emphasis beside Chinese, Japanese and Korean, by the amendments to CommonMark.

The sentences are those the specification is tested with
(github.com/tats-u/markdown-cjk-friendly, testcases); what they render to follows from
its text, and for the sentences without ``_`` it is that every ``**`` is a tag.
"""

import pytest
from markdown_it import MarkdownIt

from design.markdown.cjk import is_cjk, use_cjk

STRONG = """
これは**私のやりたかったこと。**だからするの。
**[製品ほげ](./product-foo)**と**[製品ふが](./product-bar)**をお試しください
単語と**[単語と](word-and)**単語
**これは太字になりません。**ご注意ください。
カッコに注意**（太字にならない）**文が続く場合に要警戒。
**[リンク](https://example.com)**も注意。（画像も同様）
先頭の**`コード`も注意。**
**末尾の`コード`**も注意。
税込**¥10,000**で入手できます。
正解は**④**です。
太郎は**「こんにちわ」**といった
太郎は**"こんにちわ"**といった
太郎は**こんにちわ**といった
太郎は**"Hello"**といった
太郎は**「Oh my god」**といった
**C#**や**F#**は**「.NET」**というプラットフォーム上で動作します。
IDが**００１号**になります。
Go**「初心者」**を対象とした記事です。
**⻲田太郎**と申します
・**㋐**:選択肢１つ目
**真，**她
**真。**她
**真、**她
**真；**她
**真：**她
**真？**她
**真！**她
**真“**她
**真”**她
**真‘**她
**真’**她
**真（**她
真**（她**
**真）**她
**真【**她
真**【她**
**真】**她
**真《**她
真**《她**
**真》**她
**真—**她
**真～**她
**真…**她
**真·**她
**真〃**她
**真-**她
**真々**她
**真**她
**真，** 她
**真**，她
選択肢**㋐**: 1つ目の選択肢
**さようなら︙**と太郎はいった。
.NET**（.NET Frameworkは不可）**では、
「禰󠄀」の偏は示ではなく**礻**です。
Git**（注：不是GitHub）**
𰻞𰻞**（ビャンビャン）**麺
𰻞𰻞**(ビャンビャン)**麺
ハイパーテキストコーヒーポット制御プロトコル**(HTCPCP)**
﨑**(崎)**
国際規格**[ECMA-262](https://tc39.es/ecma262/)**
𠮟**(こちらが正式表記)**
𪜈**(トモの合略仮名)**
谺𬤲**(こだま)**石神社
**推荐几个框架：**React、Vue等前端框架。
葛󠄀**(こちらが正式表記)**城市
𱟛**(U+317DB)**
阿寒湖アイヌシアターイコㇿ**(Akanko Ainu Theater Ikor)**
あ𛀙**(か)**よろし
大塚︀**(U+585A U+FE00)** 大塚**(U+FA10)**
〽︎**(庵点)**は、
**“︁Git”︁**Hub
**이 [링크](https://example.kr/)**만을 강조하고 싶다.
**스크립트(script)**라고
패키지를 발행하려면 **`npm publish`**를 실행하십시오.
**안녕(hello)**하세요.
ᅡ**(a)**
**(k)**ᄏ
""".strip().splitlines()


def render(text: str) -> str:
    parser = MarkdownIt("commonmark")
    use_cjk(parser)
    return str(parser.render(text))


@pytest.mark.parametrize("text", STRONG)
def test_the_specifications_sentences_are_strong_where_they_say(text: str) -> None:
    html = render(text)

    assert "**" not in html
    assert html.count("<strong>") == text.count("**") // 2


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("__注意__：注意事項", "<strong>注意</strong>：注意事項"),
        ("注意：__注意事項__", "注意：<strong>注意事項</strong>"),
        ("正體字。︁_Traditional._", "正體字。︁<em>Traditional.</em>"),
        ("正體字。︁__Hong Kong.__", "正體字。︁<strong>Hong Kong.</strong>"),
        ("新字体。︀_Simplified._", "新字体。︀<em>Simplified.</em>"),
        # Within a word of any script an underscore is an underscore.
        ("变量_名称_在这里", "变量_名称_在这里"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_underscores_follow_the_same_rule_and_split_no_word(
    text: str, html: str
) -> None:
    assert render(text) == f"<p>{html}</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        "a**(b)**c",
        "**a.**b",
        'a**"b"**c',
        "**Git”**Hub",
        "a * b * c",
        "⌚**(a)**b",
        "🍸**(a)**b",
        "💳**(a)**",
        "_a_b",
        "**a**b **c**.",
        "“*a*”",
    ],
)
def test_a_text_without_chinese_is_as_in_commonmark(text: str) -> None:
    assert render(text) == MarkdownIt("commonmark").render(text)


def test_chinese_quotation_marks_need_no_selector_beside_chinese() -> None:
    assert render("请看**“模型”**API") == "<p>请看<strong>“模型”</strong>API</p>\n"


@pytest.mark.parametrize(
    ("character", "expected"),
    [(c, True) for c in "真あア한ᅡ。（：？！～￥㋐⻲〽︙"]
    + [("\U00030ede", True), ("🈂", True)]
    + [(c, False) for c in "aé“—…·¥1 -"]
    + [("⌚", False), ("⭐", False), ("🍸", False), ("🈚", False), ("🈁", False)],
)
def test_what_counts_as_chinese_japanese_or_korean(
    character: str, expected: bool
) -> None:
    assert is_cjk(character) is expected


def test_lines_of_korean_are_joined_by_a_space_and_those_of_chinese_are_not() -> None:
    assert render("안녕\n하세요") == "<p>안녕\n하세요</p>\n"
    assert render("第一行\n第二行") == "<p>第一行第二行</p>\n"

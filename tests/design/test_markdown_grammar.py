"""Whatever is written, only what our Markdown can make comes out.

``python -m tests.design.test_markdown_grammar 100000`` tries more than the suite does.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Collection
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from tests.design.grammar import HTML, Grammar

SOME = 2_000
PREFIX = "post-7"
VOID = {"br", "hr", "img", "input"}
MATH = re.compile(r"m[a-z]+|none")
PLAIN = {
    *("em", "strong", "s", "br", "blockquote", "ul", "thead", "tbody"),
    *("table", "tr", "label", "kbd", "sub"),
}
BOX = "callout callout--(note|tip|important|warning|danger|details)"
# Every attribute our own rules write, and what it may hold.
ATTRIBUTES = {
    "a": {
        "href": r"(https?://|mailto:|/|#|\?)?[^\s<>\"]*",
        "title": r"[^<>]*|.*",
        "class": r"mention|heading-link|footnote-backref",
        "rel": r"nofollow ugc noopener",
        "id": rf"fnref-?{PREFIX}-[\w:-]+",
        "aria-label": r".*",
    },
    "hr": {"class": "footnotes-sep"},
    "img": {"src": r"/static/[^\s]*", "alt": r".*"},
    "input": {"type": "checkbox", "disabled": r"(disabled)?", "checked": r"(checked)?"},
    "li": {"id": rf"fn-?{PREFIX}-[\w:-]+", "class": r"task|footnote-item"},
    "ol": {"start": r"\d{1,9}", "class": "footnotes-list"},
    "pre": {"tabindex": "0", "data-language": r".*"},
    "code": {"class": "math"},
    "span": {"class": r"hl-([a-z]{1,2}|line)"},
    "div": {"class": rf"math-block|{BOX}"},
    "details": {"class": BOX, "open": r"(open)?"},
    "summary": {"class": "callout__title"},
    "p": {"class": "code-title|callout__title"},
    "section": {"class": "footnotes"},
    "sup": {"class": "footnote-ref"},
    "th": {"class": "num"},
    "td": {"class": "num"},
    **{f"h{n}": {"id": rf"{PREFIX}-[\w-]+"} for n in range(1, 7)},
}
SCHEMES = {"", "http", "https", "mailto"}


def among(names: Collection[str]) -> dict[str, str]:
    return {name: "ada" for name in names if name == "ada"}


class Reader(HTMLParser):
    """Reads what a browser would, and notes what our Markdown cannot have made."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_math = "math" in self.open or tag == "math"
        if is_math and not MATH.fullmatch(tag):
            self.found.append(f"<{tag}> in a formula")
        if not is_math and tag not in PLAIN and tag not in ATTRIBUTES:
            self.found.append(f"<{tag}>")
        if tag not in VOID:
            self.open.append(tag)
        values = {name: value or "" for name, value in attrs}
        if len(values) != len(attrs):
            self.found.append(f"<{tag}> says something twice")
        for name, value in values.items():
            self._attribute(tag, name, value, is_math=is_math)
        if values.get("class") == "mention" and values.get("href") != "/u/ada/":
            self.found.append(f"a mention of {values.get('href')}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.found.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"<![{data}")

    def _attribute(self, tag: str, name: str, value: str, *, is_math: bool) -> None:
        if is_math:
            if not re.fullmatch(r"[a-z]+", name) or not re.fullmatch(
                r"[\w .+-]{0,60}", value
            ):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name in {"id", "class", "style", "href"}:
                self.found.append(f"<{tag} {name}>")
            return
        allowed = ATTRIBUTES.get(tag, {}).get(name)
        if allowed is None or not re.fullmatch(allowed, value, re.DOTALL):
            self.found.append(f"<{tag} {name}={value!r}>")
        if name == "id":
            self.ids[value] += 1
        if name in {"href", "src"} and urlsplit(value).scheme not in SCHEMES:
            self.found.append(f"{name}={value!r}")
        if name == "src" and ".." in unquote(value):
            self.found.append(f"{name}={value!r}")


def faults_of(source: str) -> list[str]:
    """Return what came of ``source`` that our Markdown cannot have made."""
    from design import markdown

    rendered = markdown.render(source, id_prefix=PREFIX, people=among)
    reader = Reader()
    reader.feed(rendered.html)
    reader.close()
    left = [f"<{tag}> stays open" for tag in reader.open]
    twice = [f"id {name} twice" for name, count in reader.ids.items() if count > 1]
    return reader.found + left + twice


def first_wall_faults_of(source: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The same with the sanitiser taken away: elements and attributes are ours.

    That every element is closed is the sanitiser's work.
    """
    monkeypatch.setattr(
        "design.markdown.rendering.clean",
        lambda html, **_how: html.replace(
            'href="', 'rel="nofollow ugc noopener" href="'
        ),
    )
    balance = re.compile(r"</\w+>|<\w+> stays open")
    return [found for found in faults_of(source) if not balance.fullmatch(found)]


@pytest.mark.parametrize("seed", range(4))
def test_only_what_our_markdown_can_make_comes_out(seed: int) -> None:
    grammar = Grammar(seed)

    faults = [
        (source, found)
        for source in (grammar.text() for _ in range(SOME // 4))
        if (found := faults_of(source))
    ]

    assert faults == []


def test_the_renderer_alone_lets_nothing_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grammar = Grammar(99)

    faults = [
        (source, found)
        for source in (grammar.text() for _ in range(SOME // 4))
        if (found := first_wall_faults_of(source, monkeypatch))
    ]

    assert faults == []


@pytest.mark.parametrize("html", HTML)
@pytest.mark.parametrize(
    "command", [r"\text{%s}", r"\mbox{%s}", r"\color{%s}{x}", "%s"]
)
def test_a_formula_holds_no_html(
    html: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert first_wall_faults_of(f"${command % html}$", monkeypatch) == []


def test_the_reader_sees_what_a_hole_would_let_through() -> None:
    for hole in (
        '<img src="https://evil.test/p.png">',
        '<a href="/u/ada/" id="main">x</a>',
        '<a href="https://evil.test/" class="mention">@staff</a>',
        '<a href="javascript:alert(1)">x</a>',
        "<math><mtext><b>x</b></mtext></math>",
        '<math><mrow href="x"></mrow></math>',
        "<p>x",
        "<script>x</script>",
    ):
        reader = Reader()
        reader.feed(hole)
        assert reader.found or reader.open, hole


def main(count: int) -> int:
    """Try ``count`` texts and print those with faults."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    import django

    django.setup()
    grammar = Grammar(int.from_bytes(os.urandom(4)))
    faulty = 0
    for _ in range(count):
        source = grammar.text()
        if found := faults_of(source):
            faulty += 1
            sys.stdout.write(f"{source!r}\n  {found}\n")
    sys.stdout.write(f"{count} texts, {faulty} with faults\n")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

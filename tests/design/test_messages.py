"""Everything the product says, it says in Chinese too."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import allauth
import django
import polib
import pytest
from django.template.base import Lexer, Token, TokenType
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "messages.py"
CATALOGUES = {
    "allauth": [Path(allauth.__file__).parent / "locale"],
    "django": [
        Path(django.__file__).parent / "conf" / "locale",
        Path(django.__file__).parent / "contrib" / "auth" / "locale",
    ],
}


@pytest.fixture(scope="module")
def messages() -> Iterator[ModuleType]:
    """Return the tool, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("messages", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["messages"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["messages"]


@pytest.fixture(scope="module")
def catalogue(messages: ModuleType) -> polib.POFile:
    return polib.pofile(str(messages.CATALOGUE), wrapwidth=0)


def test_every_sentence_of_the_product_is_translated(
    messages: ModuleType, catalogue: polib.POFile
) -> None:
    assert messages.mistakes(messages.merge(messages.collect(), catalogue)) == []


def test_the_catalogue_holds_no_guess_and_nothing_obsolete(
    messages: ModuleType, catalogue: polib.POFile
) -> None:
    said = {(sentence.context, sentence.text) for sentence in messages.collect().files}
    kept = {
        (entry.msgctxt, entry.msgid)
        for entry in catalogue
        if not messages.is_reworded(entry)
    }

    assert catalogue.fuzzy_entries() == []
    assert catalogue.obsolete_entries() == []
    assert kept - said == set()


def test_the_compiled_catalogue_is_that_of_the_source(
    messages: ModuleType, catalogue: polib.POFile
) -> None:
    assert messages.is_fresh(catalogue)


def test_django_reads_the_compiled_catalogue() -> None:
    with translation.override("zh-hans"):
        assert translation.gettext("API keys") == "API 密钥"
        assert translation.pgettext("invoice", "Open") == "待付"
        assert translation.ngettext("%(counter)s reply", "%(counter)s replies", 2) == (
            "%(counter)s 条回复"
        )


def test_what_is_reworded_is_still_said_by_its_package(
    messages: ModuleType, catalogue: polib.POFile
) -> None:
    reworded = {
        (entry.occurrences[0][0], entry.msgctxt, entry.msgid)
        for entry in catalogue
        if messages.is_reworded(entry)
    }

    assert reworded - {(package, *key) for package, key in of_packages()} == set()


def test_no_sentence_of_ours_changes_what_a_package_says(
    messages: ModuleType, catalogue: polib.POFile
) -> None:
    ours = {
        (entry.msgctxt, entry.msgid): entry.msgstr
        for entry in catalogue
        if not messages.is_reworded(entry)
    }
    changed = {
        key[1]
        for (_package, key), chinese in of_packages().items()
        if key in ours and ours[key] != chinese
    }

    # The same meaning in our words; another meaning needs a context.
    assert changed == {
        "Change",
        "Note",
        "Sessions",
        "Sign in with a passkey",
        "Text",
        "name",
    }


def of_packages() -> dict[tuple[str, tuple[str | None, str]], str]:
    """Return what allauth and Django say in Chinese themselves."""
    return {
        (package, (entry.msgctxt, entry.msgid)): entry.msgstr
        for package, folders in CATALOGUES.items()
        for folder in folders
        for entry in polib.pofile(str(folder / "zh_Hans/LC_MESSAGES/django.po"))
    }


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("%(name)s left", "离开了"),
        ("%(name)s left", "%(nome)s 离开了"),
        ("{ms} ms", "{ns} 毫秒"),
        ("about <b>%(value)s</b>", "约 %(value)s"),
        ("%(count)d min", "%(count)s 分钟"),
    ],
)
def test_a_lost_or_misspelt_placeholder_is_found(
    messages: ModuleType, english: str, chinese: str
) -> None:
    entry = polib.POEntry(msgid=english, msgstr=chinese, occurrences=[("a.py", "")])

    assert messages.mistakes([entry]) == [f"a.py: “{english}” has other placeholders"]


@pytest.mark.parametrize(
    ("chinese", "mistake"),
    [
        ("您的密钥", ""),
        ("你的密钥", "says 你; a reader is 您"),
        ("密钥：已撤销。", ""),
        ("密钥:已撤销。", "has the punctuation of English"),
        ("密钥（CI）", ""),
        ("密钥 (CI)", ""),
        ("密钥(CI)", "has the punctuation of English"),
        ("已撤销.", "has the punctuation of English"),
        ("写入 .env，共 1,000 行", ""),
    ],
)
def test_a_sentence_that_is_not_written_as_chinese_is_found(
    messages: ModuleType, chinese: str, mistake: str
) -> None:
    entry = polib.POEntry(msgid="A key", msgstr=chinese, occurrences=[("a.py", "")])

    expected = [f"a.py: “{chinese}” {mistake}"] if mistake else []
    assert messages.mistakes([entry]) == expected


def test_sentences_are_collected_from_python_whatever_gettext_is_called(
    messages: ModuleType,
) -> None:
    source = (
        '_("One" " sentence")\n'
        'translation.ngettext("%(n)s key", "%(n)s keys", n)\n'
        'pgettext_lazy("role", "Billing")\n'
        "gettext(name)\n"
    )

    assert set(messages.in_python(source)) == {
        messages.Sentence("One sentence"),
        messages.Sentence("%(n)s key", plural="%(n)s keys"),
        messages.Sentence("Billing", context="role"),
    }


def test_sentences_are_collected_from_every_tag_of_a_template(
    messages: ModuleType,
) -> None:
    source = (
        "{% load i18n %}{% translate 'Say \"no\"' %}{{ _('Maybe') }}"
        "{% translate 'Number' context 'invoice' %}"
        "{% include 'a.html' with title=_(\"It's\") %}"
        "{% blocktranslate count n=n trimmed %}\n {{ n }} key\n"
        "{% plural %}\n {{ n }} keys\n{% endblocktranslate %}"
    )

    assert set(messages.in_template(source)) == {
        messages.Sentence('Say "no"'),
        messages.Sentence("Maybe"),
        messages.Sentence("Number", context="invoice"),
        messages.Sentence("It's"),
        messages.Sentence("%(n)s key", plural="%(n)s keys"),
    }


def test_the_names_of_languages_are_said_in_the_language_of_the_reader() -> None:
    with translation.override("zh-hans"):
        assert translation.gettext("Simplified Chinese") == "简体中文"


SAME_EVERYWHERE = {
    # Names of languages, companies and things.
    "CSV",
    "Doorstone",
    "English",
    "GitHub",
    "JavaScript",
    "Markdown",
    "PDF",
    "Python",
    "SQL",
    "UTC",
    "curl",
    "doorstone-docs",
    "doorstone-pro",
    # Examples of what machines call a thing.
    "invoice.paid",
    "plan.granted",
    "tag",
    "topic",
    # Classes of the body, which are filled by a block.
    "account",
    "auth",
    # The style guide shows how both scripts stand together.
    "Open",
    "ledger",
}
ATTRIBUTES = re.compile(
    r"""\b(?:alt|aria-description|aria-label|placeholder|title|data-[\w-]*text)="([^"]*)\""""
)
CODE = re.compile(
    r"<(script|style|code|pre|kbd|samp|svg)\b[^>]*>.*?</\1>|<!--.*?-->", re.DOTALL
)
WORDS = re.compile(r"(?<![&\w])[A-Za-z][\w.’'-]*[A-Za-z]", re.ASCII)


def test_no_template_says_anything_outside_a_translation() -> None:
    said = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in sorted((ROOT / "templates").rglob("*"))
        if path.suffix in {".html", ".txt"}
        for text in untranslated(path.read_text())
    ]

    assert said == []


def test_english_between_tags_and_in_attributes_is_found() -> None:
    source = (
        '<p class="muted">Hello {{ name }}</p><img alt="A door">'
        "{% blocktranslate %}Fine{% endblocktranslate %}<code>also fine</code>"
    )

    assert list(untranslated(source)) == ["A door", "Hello"]


def untranslated(source: str) -> Iterator[str]:
    """Yield what a template says as it stands, in text and in attributes."""
    shown = CODE.sub(" ", "".join(outside_translations(source)))
    texts = [*ATTRIBUTES.findall(shown), *re.split(r"<[^>]*>", shown)]
    for text in texts:
        words = set(WORDS.findall(text)) - SAME_EVERYWHERE
        if words:
            yield " ".join(text.split())


def outside_translations(source: str) -> Iterator[str]:
    """Yield the literal parts; a tag or a variable leaves a space."""
    inside = ""
    for token in Lexer(source).tokenize():
        tag = name_of(token)
        if tag in {"blocktranslate", "blocktrans", "comment"}:
            inside = f"end{tag}"
        if token.token_type is TokenType.TEXT and not inside:
            yield token.contents
        else:
            yield " "
        if tag == inside:
            inside = ""


def name_of(token: Token) -> str:
    if token.token_type is not TokenType.BLOCK:
        return ""
    return token.contents.split()[0]


# A date, as a template fills it into a sentence.
BLOCK = re.compile(
    r"\{% blocktranslate (?P<head>.*?) ?%\}(?P<text>.*?)\{% (?:plural|endblocktranslate)",
    re.DOTALL,
)
DATES = re.compile(r'(\w+)=[\w.]+\|date:"DATE_FORMAT"')


def dated(template: str) -> Iterator[tuple[str, str]]:
    """Yield the sentences of a template that hold a date, each with its name."""
    for block in BLOCK.finditer(template):
        text = re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", " ".join(block["text"].split()))
        yield from ((text, name) for name in DATES.findall(block["head"]))


def test_no_space_follows_a_date_that_ends_in_chinese(
    catalogue: polib.POFile,
) -> None:
    sentences = {
        found
        for path in (ROOT / "templates").rglob("*.html")
        for found in dated(path.read_text())
    }

    chinese = {entry.msgid: entry.msgstr for entry in catalogue}
    spaced = [
        chinese[text]
        for text, name in sorted(sentences)
        if re.search(rf"%\({name}\)s [\u4e00-\u9fff]", chinese.get(text, ""))
    ]

    assert len([text for text, _ in sentences if text in chinese]) >= 20
    assert spaced == []

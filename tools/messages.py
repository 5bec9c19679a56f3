"""Collects every sentence the product says and compiles the Chinese catalogue.

    python tools/messages.py          collect, merge, compile; exit 1 if one is missing
    python tools/messages.py --check  write nothing; exit 1 on anything out of date

Sentences come from Python and from the templates alone: a script reads those it shows
from ``data-`` attributes that a template fills. Everything here is Python, so neither
collecting nor compiling needs GNU gettext. The compiled file is kept in the repository
because nothing may be compiled at set-up. The words to use are in
``platform/design/README.md``.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
CATALOGUE = ROOT / "platform/design/locale/zh_Hans/LC_MESSAGES/django.po"
COMPILED = CATALOGUE.with_suffix(".mo")
SOURCES = ("billing", "community", "inference", "platform", "templates")
# The mailbox runs without Django and has texts of its own.
LEFT_OUT = ("platform/embedded/",)
# An entry that says it comes from here words a package's sentence our way; it is
# written into the catalogue by hand and stays there.
PACKAGES = {"allauth", "django"}

# Beside a Chinese character. One before a letter may belong to a name or an address.
HALF_WIDTH = re.compile(
    r"[\u4e00-\u9fff][,;:?!.](?=\s|$|[\u4e00-\u9fff])|[\u4e00-\u9fff]\("
)

HEADER = {
    "Project-Id-Version": "doorstone",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}
WORD = r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(
    rf"(?<![\w.])(n?p?gettext|_)\(\s*(u?{WORD}(?:\s*,\s*u?{WORD})*)", re.DOTALL
)
PLACEHOLDER = re.compile(r"%\(\w+\)[.\d]*[a-z]|(?<!\{)\{\w*\}(?!\})|%[sd]|</?\w+[^>]*>")


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a page says: the key of an entry in the catalogue."""

    text: str
    plural: str = ""
    context: str | None = None


@dataclass(slots=True)
class Collection:
    """Every sentence, with the files that say it."""

    files: dict[Sentence, set[str]] = field(default_factory=dict)

    def add(self, sentence: Sentence, path: Path) -> None:
        name = str(path.relative_to(ROOT))
        self.files.setdefault(sentence, set()).add(name)


def collect() -> Collection:
    """Return every sentence in the product's Python and templates."""
    collection = Collection()
    for path in sources():
        read = in_python if path.suffix == ".py" else in_template
        for sentence in read(path.read_text()):
            collection.add(sentence, path)
    return collection


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            name = str(path.relative_to(ROOT))
            if path.suffix in {".py", ".html", ".txt"} and not name.startswith(
                LEFT_OUT
            ):
                yield path


def in_python(source: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = str(getattr(node.func, "id", "") or getattr(node.func, "attr", ""))
        name = name.removesuffix("_lazy").removesuffix("_noop")
        if name not in {"_", "gettext", "ngettext", "pgettext", "npgettext"}:
            continue
        words = [getattr(word, "value", None) for word in node.args]
        texts = [word for word in words if isinstance(word, str)]
        if texts:
            yield sentence_of(name, texts)


def in_template(source: str) -> Iterator[Sentence]:
    from django.utils.translation.template import templatize

    for name, words in CALL.findall(templatize(source)):
        yield sentence_of(name, list(ast.literal_eval(f"({words},)")))


def sentence_of(function: str, texts: list[str]) -> Sentence:
    """Sort the arguments of one of gettext's functions."""
    context = texts.pop(0) if "p" in function.removesuffix("gettext") else None
    plural = texts[1] if function.startswith("n") else ""
    return Sentence(texts[0], plural, context)


def merge(collection: Collection, old: Any) -> Any:
    """Return the catalogue of exactly these sentences, translated as in ``old``.

    A changed sentence is a new one: a guess from a similar one would only be
    overlooked, so there are no fuzzy entries.
    """
    import polib

    known = {(entry.msgctxt, entry.msgid): entry for entry in old}
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = HEADER
    in_order = sorted(
        collection.files.items(),
        key=lambda item: (min(item[1]), item[0].text, item[0].context or ""),
    )
    for sentence, files in in_order:
        entry = known.get((sentence.context, sentence.text))
        one = entry.msgstr or entry.msgstr_plural.get(0, "") if entry else ""
        translated: dict[str, Any] = (
            {"msgid_plural": sentence.plural, "msgstr_plural": {0: one}}
            if sentence.plural
            else {"msgstr": one}
        )
        catalogue.append(
            polib.POEntry(
                msgid=sentence.text,
                msgctxt=sentence.context,
                occurrences=[(name, "") for name in sorted(files)],
                **translated,
            )
        )
    said = {(entry.msgctxt, entry.msgid) for entry in catalogue}
    for entry in old:
        if is_reworded(entry) and (entry.msgctxt, entry.msgid) not in said:
            catalogue.append(entry)
    return catalogue


def is_reworded(entry: Any) -> bool:
    return bool(PACKAGES & {name for name, _ in entry.occurrences})


def mistakes(catalogue: Any) -> list[str]:
    """Return one sentence per entry that is missing or breaks a placeholder."""
    found = []
    for entry in catalogue:
        text = entry.msgstr or entry.msgstr_plural.get(0, "")
        where = entry.occurrences[0][0]
        if not text:
            found.append(f"{where}: “{entry.msgid}” has no translation")
        elif not keeps_placeholders(entry, text):
            found.append(f"{where}: “{entry.msgid}” has other placeholders")
        elif "你" in text:
            found.append(f"{where}: “{text}” says 你; a reader is 您")
        elif HALF_WIDTH.search(text):
            found.append(f"{where}: “{text}” has the punctuation of English")
    return found


def keeps_placeholders(entry: Any, text: str) -> bool:
    """Whether ``text`` fills in and marks up what the English of ``entry`` does."""
    wanted = {tuple(sorted(PLACEHOLDER.findall(entry.msgid)))}
    if entry.msgid_plural:
        wanted.add(tuple(sorted(PLACEHOLDER.findall(entry.msgid_plural))))
    return tuple(sorted(PLACEHOLDER.findall(text))) in wanted


def is_fresh(catalogue: Any) -> bool:
    return COMPILED.exists() and COMPILED.read_bytes() == catalogue.to_binary()


def main() -> int:
    parser = argparse.ArgumentParser(description="Collect and compile sentences.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    only_check = parser.parse_args().check

    import polib

    old = polib.pofile(str(CATALOGUE), wrapwidth=0) if CATALOGUE.exists() else []
    catalogue = merge(collect(), old)
    found = mistakes(catalogue)
    if only_check:
        if not CATALOGUE.exists() or CATALOGUE.read_text() != f"{catalogue}\n":
            found.append("the catalogue is out of date: make messages")
        if not is_fresh(catalogue):
            found.append("the compiled catalogue is out of date: make messages")
    else:
        CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
        CATALOGUE.write_text(f"{catalogue}\n")
        COMPILED.write_bytes(catalogue.to_binary())
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(catalogue)} sentences, {len(found)} to look at in {CATALOGUE.name}")
    return bool(found)


if __name__ == "__main__":
    if Path(sys.prefix) != VENV:
        bootstrap = ROOT / "platform" / "embedded" / "bootstrap.py"
        subprocess.run([sys.executable, str(bootstrap), "setup"], check=True)
        python = str(VENV / "bin" / "python")
        os.execv(python, [python, __file__, *sys.argv[1:]])  # noqa: S606
    sys.exit(main())

"""One word for one idea: ``docs/glossary.md`` over classes, states and verbs.

A class of two rooms, a member of an enumeration called ``State`` and a verb that the
services of two rooms begin with stand there. What it lists under *Not* names no class,
no member and no function. Comments and docstrings name who is meant: a user, a member,
a visitor, an operator.
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tools.lint.sources import ROOT, Source, product

GLOSSARY = "docs/glossary.md"
MOST_WORDS = 60
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ROW = re.compile(r"^\| ([a-z][a-z /]*) \| .+? \| ?([a-z, ]*?) ?\|$", re.MULTILINE)
# Names of subscribers are in rows that wait for delivery: they keep theirs.
STORED = "subscribers.py"
# What only asks: ``is_hidden`` does nothing to a chat.
PREDICATES = {"is", "has", "can"}
# Stripe's words for what is Stripe's, OpenAI's for its responses.
THEIRS = {"billing.ledger", "billing.subscriptions", "inference.stored"}


# A reader has to look three times who these are.
VAGUE = re.compile(r"\b(?:somebody|whoever|nobody's|what is to come)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """The words of one table, and those refused, with the word to use instead."""

    words: frozenset[str]
    refused: Mapping[str, str]


def glossary(text: str) -> dict[str, Section]:
    """Return the tables of a glossary by their headings."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        rows = ROW.findall(body)
        refused = {
            word.strip(): instead
            for instead, words in rows
            for word in words.split(",")
            if word.strip()
        }
        found[heading] = Section(frozenset(word for word, _ in rows), refused)
    return found


def complaints(
    files: Sequence[Source] | None = None, text: str | None = None
) -> Iterator[str]:
    is_ours = files is None
    files = product() if files is None else files
    text = (ROOT / GLOSSARY).read_text() if text is None else text
    tables = glossary(text)
    count = len(tables["Nouns"].words) + len(tables["Verbs"].words)
    if count > MOST_WORDS:
        yield f"{GLOSSARY}: {count} nouns and verbs, at most {MOST_WORDS}"
    yield from _classes(files, tables["Nouns"])
    yield from _states(files, tables["States"])
    yield from _verbs(files, tables["Verbs"])
    yield from _vague(files)
    if is_ours:
        yield from _unused(tables)


def _classes(files: Iterable[Source], nouns: Section) -> Iterator[str]:
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        for node in file.tree.body:
            if not isinstance(node, ast.ClassDef):
                continue
            place = f"{file.path}:{node.lineno}"
            places[node.name].setdefault(file.room, place)
            if instead := nouns.refused.get(_spoken(node.name)):
                yield f"{place}: {node.name} is called {instead} here"
    for name, rooms in sorted(places.items()):
        if len(rooms) > 1 and _spoken(name) not in nouns.words:
            others = ", ".join(sorted(rooms.values()))
            yield f"{others}: {name} is a class of {len(rooms)} rooms"


def _states(files: Iterable[Source], states: Section) -> Iterator[str]:
    for file in files:
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.ClassDef) or not _is_enumeration(node):
                continue
            for member in node.body:
                if not isinstance(member, ast.Assign):
                    continue
                name = ast.unparse(member.targets[0]).lower()
                place = f"{file.path}:{member.lineno}"
                if file.room not in THEIRS and (instead := states.refused.get(name)):
                    yield f"{place}: {name} is called {instead} here"
                elif node.name == "State" and name not in states.words:
                    yield f"{place}: {name} is no state of {GLOSSARY}"


def _is_enumeration(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    return bool(bases & {"TextChoices", "IntegerChoices", "Enum", "StrEnum"})


def _verbs(files: Iterable[Source], verbs: Section) -> Iterator[str]:
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        for node in ast.walk(file.tree):
            if not isinstance(node, FUNCTIONS) or file.path.endswith(STORED):
                continue
            verb, _, rest = node.name.lstrip("_").partition("_")
            if (rest or node.name.startswith("_")) and verb in verbs.refused:
                yield (
                    f"{file.path}:{node.lineno}: {node.name}: "
                    f"{verb} is called {verbs.refused[verb]} here"
                )
        if re.search(r"/services(?:\.py|/)", file.path):
            for node in file.tree.body:
                if isinstance(node, FUNCTIONS) and "_" in node.name.lstrip("_"):
                    verb = node.name.partition("_")[0]
                    if verb and verb not in PREDICATES:
                        place = f"{file.path}:{node.lineno}"
                        places[verb].setdefault(file.room, place)
    for verb, rooms in sorted(places.items()):
        if len(rooms) > 1 and verb not in verbs.words:
            yield f"{', '.join(sorted(rooms.values()))}: {verb} is in no {GLOSSARY}"


def _vague(files: Iterable[Source]) -> Iterator[str]:
    for file in files:
        tokens = tokenize.generate_tokens(io.StringIO(file.text).readline)
        for token in tokens:
            # A docstring begins its line; other long texts are data.
            is_docstring = (
                token.type == tokenize.STRING
                and '"""' in token.string[:4]
                and token.line.lstrip().startswith(token.string[:4])
            )
            if token.type == tokenize.COMMENT or is_docstring:
                for found in VAGUE.finditer(token.string):
                    line = token.start[0] + token.string.count("\n", 0, found.start())
                    yield f"{file.path}:{line}: {found[0].lower()}: say who or what"


def _unused(tables: Mapping[str, Section]) -> Iterator[str]:
    said = "\n".join(file.text for file in product())
    for table in tables.values():
        for word in sorted(table.words):
            forms = {word, word.replace(" ", "_"), word.title().replace(" ", "")}
            if not any(re.search(rf"(?<![A-Za-z]){form}", said) for form in forms):
                yield f"{GLOSSARY}: nothing is called {word}"


def _spoken(name: str) -> str:
    """Return ``SubscriptionItem`` as ``subscription item``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.lstrip("_")).lower()

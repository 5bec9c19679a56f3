"""The gateway is one story: told in one short file, top to bottom, in few nouns."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Set
from itertools import groupby
from pathlib import Path

ROOM = Path(__file__).resolve().parents[3] / "inference" / "gateway"
README = (ROOM / "README.md").read_text()
# The thirteenth noun came with answers that are given again.
MOST_LINES, MOST_STOPS, MOST_NOUNS = 80, 5, 13
ROADS = {"_answer_whole", "_answer_later", "_answer_with_events"}
# Django wants one for each app; nobody meets it on the way.
NOT_MET = {"GatewayConfig"}
MODULES = {path.stem: ast.parse(path.read_text()) for path in ROOM.glob("*.py")}
# What a part of the engine does for a request is called by its module's name.
STOP = re.compile(r"engine\.(\w+)\.\w+")


def section(title: str) -> str:
    """Return one section of the README."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def nouns() -> set[str]:
    """Return every class of the room, those with an underscore too."""
    return {
        node.name
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    } - NOT_MET


def stops(function: str, *, by: str) -> list[str]:
    """Return the modules that a function of the path stops at, in their order.

    Of the three roads it takes the one ``by``. The request and the exchange go along
    and are no stops.
    """
    return [stop for stop, _ in groupby(_stops(function, ROADS - {by}))]


def _stops(function: str, without: Set[str]) -> Iterator[str]:
    own = {
        node.name: node
        for node in MODULES["path"].body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    calls = [node for node in ast.walk(own[function]) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = ast.unparse(call.func)
        if name in without:
            continue
        if name == "partial":
            yield from _stops(ast.unparse(call.args[0]), without)
        elif name in own:
            yield from _stops(name, without)
        elif name == "receive":
            yield "receiving"
        elif found := STOP.fullmatch(name):
            yield found[1]


def test_one_short_file_tells_the_path() -> None:
    assert len((ROOM / "path.py").read_text().splitlines()) <= MOST_LINES


def test_a_post_stops_five_times_at_most_and_comes_back_to_none() -> None:
    whole = stops("answer", by="_answer_whole")
    later = stops("answer", by="_answer_later")
    events = stops("answer", by="_answer_with_events")

    assert whole == ["receiving", "replays", "admission", "settlement", "attempts"]
    assert later == ["receiving", "keeping", "admission", "settlement", "attempts"]
    assert events == ["receiving", "admission", "settlement", "streams"]
    for path in (whole, later, events):
        assert len(path) == len(set(path)) <= MOST_STOPS
        assert set(path) <= MODULES.keys()


def test_the_room_has_few_nouns_and_the_readme_explains_each() -> None:
    explained = re.findall(
        r"^\| `(\w+)` \| [^|]{20,} \|$", section("Nouns"), re.MULTILINE
    )

    assert len(nouns()) <= MOST_NOUNS
    assert set(explained) == nouns()


def test_an_exchange_is_changed_by_its_own_verbs_only() -> None:
    set_from_outside = [
        f"{module}.py:{target.lineno}"
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute)
        and re.search(r"(^|\.)exchange\.", ast.unparse(target))
    ]

    assert set_from_outside == []


def test_a_verb_of_several_parts_means_the_same_in_each() -> None:
    """Those that are said twice are in the README, with their one meaning."""
    defined = Counter(
        node.name
        for tree in MODULES.values()
        for owner in (tree, *(each for each in tree.body if _is_class(each)))
        for node in owner.body  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    said_twice = {name for name, count in defined.items() if count > 1} - {"__init__"}
    explained = re.findall(r"\*\*(\w+)\*\*", section("Verbs"))

    assert said_twice <= set(explained)


def _is_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef)

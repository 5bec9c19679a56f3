"""No rule is told twice: the demo writes through services, but for what is named."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

DEMO = Path(__file__).resolve().parents[2] / "platform" / "demo"
WRITING = {
    *("create", "bulk_create", "get_or_create", "update_or_create"),
    *("save", "update", "bulk_update", "delete", "copy"),
}
# Why each may: there are too many page views, and people of a launch, for a service
# each; an offer is filled in as a form does, and saved by the service, as is to whom a
# quote is made out.
ALLOWED = {
    "bulk.py": {
        "copy",
        *(
            f"{model}{how}"
            for model in (
                *("User", "Organisation", "Membership"),
                *("EmailAddress", "VisitorLink", "FirstTouch"),
            )
            for how in (".bulk_create", "()")
        ),
    },
    "desks.py": {"Buyer()"},
    "launch.py": {"Offer()"},
}
SQL = ("insert ", "update ", "delete ", "copy ")
ALLOWED_SQL = {"bulk.py": {"copy "}, "copies.py": {"insert "}}
# What the gateway writes in bulk too, and the events it is not asked about.
USAGE = {"calls.py": {"record"}}


def _files() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(DEMO.rglob("*.py")):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def _model_in(node: ast.AST) -> str:
    """Return the model whose manager a chain of calls begins at, or nothing."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr == "objects":
            return ast.unparse(part.value)
    return ""


def writes(tree: ast.Module) -> set[str]:
    """Return what is written without a service, as ``Model.method``."""
    found = set()
    models = {model.__name__ for model in apps.get_models()}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in models:
            # A row of one's own, whatever becomes of it.
            found.add(f"{called.id}()")
        if isinstance(called, ast.Attribute) and called.attr in WRITING:
            model = _model_in(called.value)
            holds_rows = model or called.attr not in {"update", "copy"}
            if model:
                found.add(f"{model}.{called.attr}")
            elif holds_rows and called.attr in {"save", "bulk_create", "bulk_update"}:
                found.add(f"{ast.unparse(called.value)}.{called.attr}")
            elif called.attr == "copy":
                found.add("copy")
    return found


def statements(tree: ast.Module) -> set[str]:
    """Return the beginnings of SQL that writes, in strings of any kind."""
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {
        verb
        for text in texts
        for verb in SQL
        if text.startswith(verb.upper()) and text != verb
    }


def test_nothing_is_written_but_through_services_and_what_is_named() -> None:
    found = {name: writes(tree) for name, tree in _files()}

    assert {name: set(each) for name, each in found.items() if each} == ALLOWED


def test_no_table_is_written_with_sql_but_the_named_ones() -> None:
    found = {name: statements(tree) for name, tree in _files()}

    assert {name: each for name, each in found.items() if each} == ALLOWED_SQL
    bulk = (DEMO / "bulk.py").read_text(encoding="utf-8")
    tables = {line.strip(' ",') for line in bulk.splitlines() if '"activity_' in line}
    assert tables == {"activity_visitor", "activity_event"}


def test_what_would_be_a_second_truth_is_noticed() -> None:
    by_hand = """
def make():
    Topic.objects.filter(pk=1).update(reply_count=2)
    Vote.objects.bulk_create([Vote(value=1)])
    user.save()
    invoice = Invoice(number="1")
"""

    assert writes(ast.parse(by_hand)) == {
        "Topic.update",
        "Vote.bulk_create",
        "Vote()",
        "user.save",
        "Invoice()",
    }
    assert statements(ast.parse('run("UPDATE forum_topic SET view_count = 1")')) == {
        "update "
    }

"""What reviewers would otherwise have to look for by hand."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model
from django.utils.module_loading import import_string

from tests.conftest import STARTED_WITHIN, STARTS

ROOT = Path(__file__).resolve().parents[1]
AREAS = ("community", "inference", "billing")
SOURCES = ("platform", *AREAS)
INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)(?![^>]*type="application/(?:ld\+)?json")[^>]*>"""
    r"""|<style\b|\sstyle\s*=\s*["']|\son[a-z]+\s*=\s*["']|javascript:""",
    re.IGNORECASE,
)

# What these show was rendered and sanitised when it was written, or is our own.
SANITISED = {
    "templates/components/field_notes.html",
    "templates/conversations/_message.html",
    "templates/conversations/message_report.html",
    "templates/design/_preview.html",
    "templates/design/styleguide.html",
    "templates/docs/page_detail.html",
    "templates/forum/_comment.html",
    "templates/forum/_post.html",
    "templates/forum/post_history.html",
}
# These escape every piece of text they put together.
ESCAPED = {"platform/search/snippets.py"}


# What these parse was written by us, or comes from a model's server and is guarded.
OWN_JSON = {
    "platform/edge/shown_once.py",
    "platform/drafts/services.py",
    "platform/accounts/idempotency.py",
    "platform/activity/services.py",
    "platform/outbox/buffers.py",
    "platform/search/indexing.py",
    "inference/stored/services.py",
    "platform/search/meaning.py",
    "inference/protocol/scanning.py",
    "inference/gateway/sweeping.py",
    "inference/gateway/relay.py",
    "inference/playground/models.py",
    "inference/providers/adding.py",
    "inference/providers/compatibility.py",
    "inference/providers/gguf.py",
    "inference/providers/openai.py",
    "inference/providers/wire.py",
}
# Own programs beside the product, which read what they wrote.
APART = ("platform/embedded/", "platform/demo/", "platform/config/")
READERS = {
    "platform/core/documents.py",
    "platform/edge/endpoints.py",
    "platform/core/reading.py",
    # A draft's own token, which is checked where it is taken apart.
    "platform/edge/drafting.py",
    "platform/drafts/hooks.py",
    "platform/drafts/middleware.py",
    "platform/drafts/views.py",
    # Headers in bytes, where only ASCII digits count.
    "inference/gateway/request.py",
}


def python_files() -> Iterator[Path]:
    for source in SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def mistakes(pattern: str) -> list[str]:
    """Return every line of ours that matches, as ``file:line``."""
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if found.search(line)
    ]


def area(model: type[Model]) -> str:
    return model.__module__.partition(".")[0]


def test_no_foreign_key_crosses_two_areas() -> None:
    crossing = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if area(model) in AREAS
        for field in model._meta.get_fields()
        if isinstance(field, Field)
        and field.related_model is not None
        and isinstance(field.related_model, type)
        and area(field.related_model) in set(AREAS) - {area(model)}
    ]

    assert crossing == []


def test_every_constraint_is_named_after_its_app() -> None:
    misnamed = [
        f"{model._meta.label}: {constraint.name}"
        for model in apps.get_models()
        if area(model) in {*AREAS, "accounts", "activity", "audit", "jobs", "outbox"}
        for constraint in model._meta.constraints
        if not constraint.name.startswith(f"{model._meta.app_label}_")
    ]

    assert misnamed == []


def test_no_task_is_sent_before_the_commit() -> None:
    # ``partial(task.delay, pk)`` handed to ``on_commit`` has no parenthesis there.
    assert mistakes(r"\.(delay|apply_async)\(") == []


def test_every_task_that_is_nudged_exists() -> None:
    found = re.compile(r'nudge_after_commit\(\s*"([\w.]+)"')
    names = {
        name for path in python_files() for name in found.findall(path.read_text())
    }

    tasks = [import_string(name) for name in sorted(names)]

    assert len(tasks) >= 2
    assert [task.name for task in tasks] == sorted(names)


def outside_of(names: set[str], found: list[str]) -> list[str]:
    """Return the places that are in none of the files named."""
    return [
        place
        for place in found
        if place.partition(":")[0] not in names and not place.startswith(APART)
    ]


def test_values_from_outside_are_read_by_their_type_in_one_place() -> None:
    by_hand = mistakes(
        r"request\.(?:GET|POST)(?:\[|\.(?:get|getlist|items)\b)| in request\.(?:GET|POST)\b(?!\.)"
        r"|\.query_params\b|\.is(?:digit|decimal|numeric)\("
    )

    assert outside_of(READERS, by_hand) == []


def test_json_from_outside_is_measured_before_it_is_parsed() -> None:
    parsed = mistakes(r"\bjson\.loads?\(|request\.body\b")

    assert outside_of(READERS | OWN_JSON, parsed) == []


def test_no_logic_hangs_on_saving() -> None:
    assert mistakes(r"\b(post_save|pre_save|post_delete|pre_delete)\b") == []


def test_addresses_are_those_of_the_site_and_never_of_the_request() -> None:
    """Anybody may send a Host header; what leaves us is built from SITE_URL."""
    places = mistakes(r"\b(build_absolute_uri|get_current_site)\b|\bget_host\(")

    assert {place.partition(":")[0] for place in places} == {
        "platform/core/addresses.py",
        # These compare an address with the one asked for, and build none.
        "platform/accounts/decorators.py",
        "platform/activity/origin.py",
        "platform/design/views.py",
        "platform/drafts/views.py",
    }


def test_nothing_marks_a_string_as_safe_by_hand() -> None:
    places = {place.partition(":")[0] for place in mistakes(r"\bmark_safe\(")}

    assert places <= ESCAPED


def test_templates_hold_nothing_inline() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0].strip()}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if "email" not in path.parts
        for match in INLINE.finditer(path.read_text())
    ]

    assert found == []


def test_a_card_of_figures_has_a_head_and_a_body() -> None:
    # A row of them gives each card two lines: what a third holds lies over the second.
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for card in re.findall(
            r'<article class="figure-card">.*?</article>', path.read_text(), re.DOTALL
        )
        if 'class="figure-card__body"' not in card
    ]

    assert found == []


def test_templates_trust_no_value_without_a_reason() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if re.search(r"\|\s*safe\b|autoescape off", path.read_text())
    ]

    assert set(found) <= SANITISED


def test_requests_open_no_transaction_of_their_own() -> None:
    assert not settings.DATABASES["default"].get("ATOMIC_REQUESTS", False)


def predicates_written_after_reading(source: str) -> list[int]:
    """Return the lines that update a query which the same function has read.

    A row that comes to match in between is written without having been seen: what
    was read has to be written by its keys.
    """
    found = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        read = Counter(
            ast.unparse(query)
            for node in ast.walk(function)
            for query in _queries_read(node)
        )
        found += [
            node.lineno
            for node in ast.walk(function)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "update"
            and not node.args
            and ast.unparse(node.func.value) in read
        ]
    return found


def _queries_read(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the queries a node iterates over or sums, and those they are made of."""
    if isinstance(node, ast.For | ast.comprehension):
        query = node.iter
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id not in {"list", "set", "tuple", "dict", "sorted"}:
            return
        if not node.args:
            return
        query = node.args[0]
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"aggregate", "iterator", "in_bulk", "select_for_update"}
    ):
        query = node.func.value
    else:
        return
    while True:
        yield query
        if isinstance(query, ast.Call) and isinstance(query.func, ast.Attribute):
            query = query.func.value
        else:
            return


def test_what_was_read_is_written_by_its_keys() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files()
        if "embedded" not in path.parts
        for line in predicates_written_after_reading(path.read_text())
    ]

    assert found == []


def test_the_search_for_predicates_written_after_reading_finds_them() -> None:
    by_name = """
def report(hours):
    total = sum(row.cost for row in hours)
    hours.update(is_reported=True)
"""
    by_words = """
def report():
    for row in Hour.objects.filter(is_reported=False).order_by("pk"):
        tell(row)
    Hour.objects.filter(is_reported=False).update(is_reported=True)
"""
    by_keys = """
def report():
    rows = list(Hour.objects.filter(is_reported=False))
    Hour.objects.filter(pk__in=[row.pk for row in rows]).update(is_reported=True)
"""

    assert predicates_written_after_reading(by_name) == [4]
    assert predicates_written_after_reading(by_words) == [5]
    assert predicates_written_after_reading(by_keys) == []


# Questions put to an index, which looks at the first words of what was asked.
SHORTENED = {
    "community/forum/views.py",
    "platform/search/views.py",
    # A word of a query, as long as words are kept; and three prices of some more.
    "platform/search/asking.py",
    "inference/directory/offers.py",
}


def test_nothing_people_typed_is_cut_in_silence() -> None:
    cut = mistakes(r"\b(POST|GET|cleaned_data|asked|reason|bio)\b[^#\n]*\[:\s*[\w]")

    places = {place.partition(":")[0] for place in cut}
    assert {p for p in places if not p.startswith("platform/demo/")} <= SHORTENED


def test_people_are_spoken_to_in_their_language_and_their_time() -> None:
    places = {place.partition(":")[0] for place in mistakes(r"override\(.*\.locale\b")}

    # What is written for somebody names dates in their zone as well: ``speak_to``.
    assert places <= {"platform/accounts/mail.py"}


def test_what_many_read_names_the_zone_of_its_days() -> None:
    """A notice is written once for all its readers; ``day_for_all`` says in UTC."""
    notices = [path for area in AREAS for path in (ROOT / area).rglob("notices.py")]
    mails = list((ROOT / "templates/quotes/mail").glob("*.txt"))

    assert len(notices) > 5
    assert mails
    assert not [p for p in notices if "date_format(" in p.read_text()]
    assert not [p for p in mails if "|date:" in p.read_text()]


def test_every_decision_is_listed_by_its_title() -> None:
    folder = ROOT / "docs/decisions"
    listed = (folder / "README.md").read_text().splitlines()

    pages = sorted(folder.glob("0*.md"))
    titles = [page.read_text().partition("\n")[0].removeprefix("# ") for page in pages]

    assert [line for line in listed if line.startswith("- ")] == [
        f"- [{title}]({page.name})" for title, page in zip(titles, pages, strict=True)
    ]
    assert pages


def test_the_page_of_an_area_names_each_of_its_apps_once() -> None:
    for area in AREAS:
        rows = re.findall(
            r"^\| `(\w+)` \|", (ROOT / area / "README.md").read_text(), re.MULTILINE
        )
        packages = {page.parent.name for page in (ROOT / area).glob("*/__init__.py")}
        installed = {page.parent.name for page in (ROOT / area).glob("*/apps.py")}

        assert len(rows) == len(set(rows)), area
        assert installed <= set(rows) <= packages, area
        assert installed


def _seconds_of(item: pytest.Item) -> float:
    found = item.get_closest_marker("timeout")
    return float(found.args[0]) if found else 0


def test_whoever_waits_for_a_whole_product_has_the_time(
    request: pytest.FixtureRequest,
) -> None:
    """The first test to ask for one waits for its start, within its own time-out."""
    starting = {
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any("fixture" in ast.unparse(each) for each in node.decorator_list)
        and "running_stack(" in ast.unparse(node)
    }
    assert starting == STARTS

    hurried = [
        item.nodeid
        for item in request.session.items
        if starting & set(getattr(item, "fixturenames", ()))
        and _seconds_of(item) < STARTED_WITHIN
    ]
    assert hurried == []

"""Whoever reads the log reads words: no code is shown in its place."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from analytics.kinds import KINDS
from audit.services import record
from audit.words import DEEDS, SUBJECTS, words_of
from billing.growth.models import Offer
from community.moderation.models import Act, Case
from community.standing.models import Sanction

ROOT = Path(__file__).resolve().parents[2]
AREAS = ("platform", "community", "inference", "billing")


def actions_in_the_code() -> Iterator[str]:
    """Yield every action some part of the code names as it stands."""
    for area in AREAS:
        for path in (ROOT / area).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                for value in _named_by(node):
                    yield from _actions_of(value)


def _named_by(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        names = [ast.unparse(target) for target in node.targets]
        return [node.value] if "action" in names else []
    if not isinstance(node, ast.Call):
        return []
    called = ast.unparse(node.func).rpartition(".")[2]
    first = node.args[:1] if re.search("record|audit", called) else []
    return first + [word.value for word in node.keywords if word.arg == "action"]


def _actions_of(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        return
    for part in ast.walk(value):
        word = part.value if isinstance(part, ast.Constant) else None
        if isinstance(word, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", word):
            yield word


def actions_put_together() -> Iterator[str]:
    """Yield the actions whose last or first word is a value of a model."""
    yield from (f"offer.{state}" for state in Offer.State.values)
    yield from (f"act.{kind}" for kind in Act.Kind.values)
    yield from (f"case.{outcome}" for outcome in Case.Outcome.values if outcome)
    for kind in Sanction.Kind.values:
        yield from (f"person.{kind}", f"person.{kind}_lifted")
    exported = (*KINDS, "developers", "organisations", "visitors", "invoices", "usage")
    yield from (f"{name}.exported" for name in exported)


def test_every_action_has_words() -> None:
    named = {*actions_in_the_code(), *actions_put_together()}

    assert len(named) > 150
    assert {action for action in named if words_of(action) == action} == set()


def test_every_word_is_chinese_for_a_chinese_reader() -> None:
    with translation.override("zh-hans"):
        words = [str(word) for word in (*SUBJECTS.values(), *DEEDS.values())]

    assert [word for word in words if not re.search("[\u4e00-\u9fff]", word)] == []


def test_an_action_of_another_release_is_shown_as_it_is() -> None:
    assert words_of("rocket.launched") == "rocket.launched"
    assert words_of("key") == "key"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "API key: rotated"), ("zh-hans", "API 密钥：已轮换")],
)
def test_the_log_is_read_in_the_readers_language(
    language: str, words: str, person: Callable[..., Any], client: Client
) -> None:
    record("key.rotated", actor=None)
    client.force_login(person("staff", is_staff=True, locale=language))

    page = client.get("/staff/operations/audit/").text

    assert words in page
    assert ">key.rotated<" not in page
    assert 'href="?action=key.rotated"' in page

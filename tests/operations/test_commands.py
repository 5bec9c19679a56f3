"""Every command of the product refuses what it cannot do: one sentence, no change."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import CommandError
from django.db import connection

from core.commands import MAX_ARGUMENT, ProductCommand

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted(
    name
    for name, app in get_commands().items()
    if isinstance(app, str)
    and any(
        (root / app.replace(".", "/")).is_dir() for root in (ROOT, ROOT / "platform")
    )
)
HOSTILE = (
    "",
    "\0",
    "a\0b",
    "\ud800",
    "x" * (MAX_ARGUMENT + 1),
    "no-such-thing",
    "../../",
)
# They serve or prepare a whole machine; what they refuse has tests of its own.
SERVERS = {"start", "prepare"}
# Wrong input for each command, beyond its choices: what it asks for and cannot be.
REFUSED: dict[str, list[list[str]]] = {
    "appoint_staff": [[bad] for bad in HOSTILE],
    "remove_second_factor": [[bad] for bad in HOSTILE],
    "create_api_key": [
        *[[bad] for bad in HOSTILE],
        *[["ada@example.test", "--name", bad] for bad in HOSTILE[:5]],
        ["ada@example.test", "--name", "x" * 200],
        *[["ada@example.test", "--organisation", bad] for bad in HOSTILE[1:]],
    ],
    "docs": [
        *[["import", bad, "--version", "1.0"] for bad in HOSTILE],
        *[["import", "docs/site/1.0", "--version", bad] for bad in HOSTILE[:5]],
        ["import", "docs/site/1.0", "--version", "1.0/beta x"],
        ["import", "docs/site/1.0", "--version", "_vote"],
        ["import", "docs/site/1.0", "--version", "1.0\n"],
        *[["remove", "--version", bad, "--remove"] for bad in HOSTILE],
        *[["default", "--version", bad] for bad in HOSTILE],
        *[["relabel", "--version", "1.0", "--label", bad] for bad in HOSTILE],
    ],
    "models": [
        *[["add", "vllm", bad] for bad in HOSTILE],
        *[["add", "gguf", bad] for bad in HOSTILE],
        *[["publish", bad] for bad in HOSTILE],
        *[["remove", bad] for bad in HOSTILE],
    ],
    "audit": [["verify", "--head", bad] for bad in HOSTILE[1:]],
}


def everything() -> dict[str, int]:
    """Return how many rows were ever written to each table."""
    with connection.cursor() as cursor:
        counts = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*), max(t.xmin::text) FROM "{table}" t')  # noqa: S608
            counts[table] = cursor.fetchone()
        return counts


@pytest.mark.parametrize("name", OURS)
def test_every_command_checks_its_arguments_first(name: str) -> None:
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app

    assert len(OURS) >= 15
    assert isinstance(command, ProductCommand)
    assert "Example" in command.help or "manage.py" in command.help


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted({*OURS} - SERVERS))
def test_a_command_refuses_what_it_does_not_know(name: str) -> None:
    for bad in (["no-such-act"], ["--no-such-option"], ["x", "y", "z", "\0"]):
        with pytest.raises(CommandError):
            call_command(name, *bad, stdout=io.StringIO(), stderr=io.StringIO())


@pytest.mark.django_db
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_sentence_and_changes_nothing(name: str, person: Any) -> None:
    person("ada")
    before = everything()

    for arguments in REFUSED[name]:
        with pytest.raises(CommandError) as refused:
            call_command(name, *arguments, stdout=io.StringIO())
        assert str(refused.value).strip(), arguments
        assert refused.value.returncode != 0

    assert everything() == before

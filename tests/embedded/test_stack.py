import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from embedded.process import ServiceUnavailable
from embedded.stack import (
    EMULATOR,
    Places,
    load_secrets,
    product_environment,
    shared_variables,
    stripe_emulator,
)
from tests.fakes.servers import ROOT, free_port


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Places:
    for name in ("PORT", "STRIPE_EMULATOR_PORT", "MAILBOX_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    for name in ("HOST", "SITE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    return Places.from_environment()


def environment_of(places: Places, *, reloads: bool = False) -> dict[str, str]:
    return product_environment(
        places,
        reloads=reloads,
        database_url="postgresql://ours",
        redis_url="redis://ours",
        smtp_port=2525,
    )


def test_everything_binds_to_loopback_unless_told_otherwise(places: Places) -> None:
    assert places.host == "127.0.0.1"
    assert places.site_url == f"http://127.0.0.1:{places.port}"


def test_a_port_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eight")

    with pytest.raises(ServiceUnavailable, match="PORT=eight is not a port number"):
        Places.from_environment()


def test_a_taken_port_is_named_with_the_variable_that_moves_it(places: Places) -> None:
    with (
        socket.create_server(("127.0.0.1", places.mailbox_port)),
        pytest.raises(
            ServiceUnavailable,
            match=f"Port {places.mailbox_port} is taken.* set MAILBOX_PORT",
        ),
    ):
        places.refuse_taken_ports(with_stripe=True)


def test_the_emulator_needs_no_port_where_stripe_itself_is_used(places: Places) -> None:
    with socket.create_server(("127.0.0.1", places.stripe_port)):
        places.refuse_taken_ports(with_stripe=False)


def test_secrets_are_made_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    second = load_secrets(tmp_path)

    assert first == second
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "secrets.json").read_text()) == first
    assert first["STRIPE_WEBHOOK_SECRETS"].startswith("whsec_")
    assert len(set(first.values())) == len(first)


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    ours, theirs = load_secrets(tmp_path / "a"), load_secrets(tmp_path / "b")

    assert set(ours.values()) & set(theirs.values()) == set()


def test_the_product_is_pointed_at_the_emulator(places: Places) -> None:
    environment = environment_of(places)

    assert environment["STRIPE_API_BASE"] == places.stripe_url
    assert environment["STRIPE_SECRET_KEY"] == "sk_test_doorstone_emulator"
    assert environment["DATABASE_URL"] == "postgresql://ours"


def test_the_emulator_is_told_its_own_settings_and_no_secret_of_the_product(
    places: Places,
) -> None:
    product = environment_of(places)

    service = stripe_emulator(places, product)

    told = service.env
    assert service.command[1:] == ["-m", "stripe_emulator"]
    assert told["PYTHONPATH"] == str(EMULATOR)
    assert (EMULATOR / "stripe_emulator" / "__main__.py").exists()
    assert told["STRIPE_EMULATOR_PORT"] == str(places.stripe_port)
    # Its console asks for no password, wherever the pages themselves are served.
    opened = stripe_emulator(replace(places, host="0.0.0.0"), product)  # noqa: S104
    assert opened.env["STRIPE_EMULATOR_HOST"] == "127.0.0.1"
    assert told["STRIPE_EMULATOR_KEY"] == product["STRIPE_SECRET_KEY"]
    # Where data of earlier versions lies, too.
    data = places.var_dir / "stripe-emulator" / "state.sqlite3"
    assert told["STRIPE_EMULATOR_DATA"] == str(data)
    assert told["STRIPE_EMULATOR_WEBHOOK_SECRET"] == product["STRIPE_WEBHOOK_SECRETS"]
    own = load_secrets(places.var_dir)
    assert {name for name in own if told.get(name) == own[name]} == set()


def test_no_process_of_the_product_has_the_emulator_on_its_path(
    places: Places,
) -> None:
    assert str(EMULATOR) not in environment_of(places)["PYTHONPATH"].split(":")


def test_a_stripe_key_of_ones_own_is_left_alone(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_mine")

    environment = environment_of(places)

    assert environment["STRIPE_SECRET_KEY"] == "sk_test_mine"
    assert "STRIPE_API_BASE" not in environment


def test_what_a_person_set_wins_over_what_was_made_up(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "my own")
    monkeypatch.setenv("EMAIL_URL", "smtp://mail.example:25")

    environment = environment_of(places)

    assert environment["SECRET_KEY"] == "my own"
    assert environment["EMAIL_URL"] == "smtp://mail.example:25"


@pytest.mark.parametrize(
    ("reloads", "said", "debug"),
    [
        (False, None, "0"),
        (False, "1", "0"),
        (False, "*", "0"),
        (True, None, "1"),
        (True, "*", "1"),
        (True, "0", "0"),
    ],
)
def test_only_make_dev_debugs_whatever_the_shell_says(
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    reloads: bool,
    said: str | None,
    debug: str,
) -> None:
    monkeypatch.delenv("DEBUG", raising=False)
    if said is not None:
        monkeypatch.setenv("DEBUG", said)

    environment = environment_of(places, reloads=reloads)

    assert environment["DEBUG"] == debug
    # What runs beside it is told the same.
    assert shared_variables(environment)["DEBUG"] == debug


def test_a_folder_that_holds_what_is_not_ours_is_left_as_it_is(
    places: Places, tmp_path: Path
) -> None:
    """All that lies in ``VAR_DIR`` is closed to others, so nobody's home is one."""
    note = tmp_path / "thesis.txt"
    note.write_text("mine")
    modes = {tmp_path: 0o755, note: 0o644}
    for path, mode in modes.items():
        path.chmod(mode)
    given = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    environment = {n: v for n, v in os.environ.items() if n not in given}

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "start"],
        env=environment,
        capture_output=True,
        text=True,
        # It ends at once; what is started all the same would never end by itself.
        timeout=120,
    )

    assert done.returncode == 1
    assert f"{tmp_path} holds thesis.txt, which is not Doorstone's" in done.stderr
    assert {path: path.stat().st_mode & 0o777 for path in modes} == modes
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("before", [[], ["run.log"], ["running", "postgres"]])
def test_a_new_folder_and_one_of_our_own_are_taken(
    places: Places, before: list[str]
) -> None:
    for name in before:
        (places.var_dir / name).touch()

    places.refuse_foreign_folder()

    replace(places, var_dir=places.var_dir / "not there yet").refuse_foreign_folder()


def test_the_projects_own_folder_is_always_ours(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command may have written there before the first start."""
    project = tmp_path / "project"
    (project / "var" / "static").mkdir(parents=True)
    own = replace(places, var_dir=project / "var")
    with pytest.raises(ServiceUnavailable, match="holds static"):
        own.refuse_foreign_folder()

    monkeypatch.setattr("embedded.stack.ROOT", project)

    own.refuse_foreign_folder()

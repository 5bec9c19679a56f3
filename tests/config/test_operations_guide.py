"""The guide for operators is what ``make first-day`` runs, block by block."""

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.test_environment import PRODUCTION, documented_variables
from tools.first_day import guide
from tools.first_day.machine import Machine, Shell, Trouble

ROOT = Path(__file__).resolve().parents[2]
NGINX = "/etc/nginx/conf.d/doorstone.conf"
VALUES: dict[str, object] = {
    **dict.fromkeys(("folder", "root", "venv", "password", "key"), "here"),
    **dict.fromkeys(("postgresql", "redis", "smtp", "stripe", "http", "https"), 1),
    **dict.fromkeys(("web", "other_web", "gateway", "other_gateway"), 2),
}


def test_every_block_is_run_or_written_or_left_out_for_a_reason() -> None:
    tried = [*guide.RUN, *guide.FILES, *guide.LEFT_OUT]

    assert len(tried) == len(set(tried))
    assert set(guide.blocks()) == set(tried)
    assert all(guide.LEFT_OUT.values())


def test_the_story_runs_every_block_that_is_to_be_run() -> None:
    story = (ROOT / "tools" / "first_day" / "__main__.py").read_text()

    assert [name for name in guide.RUN if f'"{name}"' not in story] == []


def test_blocks_without_a_name_and_names_given_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        guide.blocks("```sh\nls\n```\n")
    with pytest.raises(ValueError, match="a name of its own"):
        guide.blocks("```sh one\nls\n```\n\n```sh one\nls\n```\n")


def test_stand_ins_are_words_of_the_guide_and_leave_nothing_outside() -> None:
    blocks = guide.blocks()
    text = "\n".join(guide.FILES) + "".join(
        blocks[name] for name in (*guide.RUN, *guide.FILES)
    )
    filled = guide.stand_in(text, **VALUES)

    assert [word for word in guide.STAND_INS if word not in text] == []
    # Nothing outside the folder is written, and nobody outside is asked.
    assert re.findall(r"(?<!\w)/(?:srv|etc|var)/[\w./-]*", filled) == []
    assert (
        re.findall(r"https?://(?!localhost|127\.0\.0\.1|\$host|doorstone_)\S+", filled)
        == []
    )
    assert "example.com" not in filled.replace("operator@example.com", "").replace(
        "hello@example.com", ""
    )


def test_the_environment_of_the_guide_is_one_production_takes() -> None:
    lines = guide.blocks()["environment"].partition("<<END\n")[2].partition("END\n")[0]
    made = re.sub(r"\$\(openssl[^)]*\)", "x" * 40, lines)
    environment = dict(word.split("=", 1) for word in shlex.split(made))
    environment["PYTHONPATH"] = f"{ROOT / 'platform'}:{ROOT}"

    assert set(environment) - {"PYTHONPATH"} <= set(documented_variables())
    started = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env={
            **environment,
            # Names that have yet to be filled in are refused, which is right.
            "STRIPE_SECRET_KEY": PRODUCTION.get("STRIPE_SECRET_KEY", "sk_test_x"),
            "STRIPE_WEBHOOK_SECRETS": "whsec_x",
            "VAR_DIR": "var",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr


def test_nginx_has_another_process_of_each_kind_and_room_for_what_is_sent() -> None:
    text = guide.blocks()[NGINX]
    units = guide.blocks()["start"]
    hooks = text.partition("location /hooks/")[2].partition("}")[0]

    for kind, ports in (("web", (8000, 8010)), ("gateway", (8001, 8011))):
        upstream = text.partition(f"upstream doorstone_{kind} {{")[2].partition("}")[0]
        assert re.findall(r"127\.0\.0\.1:(\d+);", upstream) == [str(p) for p in ports]
        assert all(f"doorstone-{kind}@{port}" in units for port in ports)
    assert "client_max_body_size 26m;" in hooks
    # What changes something is never sent twice, and 503 is an answer of the product.
    retried = re.findall(r"proxy_next_upstream (.*);", text)
    assert retried == ["error timeout"]
    assert "proxy_buffering off;" in text.partition("location /v1/")[2]
    assert "gzip on;" in text


def test_a_process_is_told_to_end_only_after_nothing_is_sent_to_it() -> None:
    lines = guide.blocks()["replace"]

    steps = ("down;/", "reload nginx", "ss -Htn", "restart", "curl", " down;/1")
    places = [lines.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    for kind, port in (("web", 8000), ("web", 8010), ("gateway", 8001)):
        assert f"replace {kind} {port} /" in lines


def test_a_machine_starts_replaces_and_ends_what_units_say(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        machine = Machine(tmp_path, ports={"redis": held.getsockname()[1]})
    (tmp_path / "units" / "sleeper@.service").write_text(
        "[Service]\nEnvironment=LASTS=60\nExecStart=sleep %i\nTimeoutStopSec=5\n"
    )

    machine.systemctl(["enable", "--now", "sleeper@61", "sleeper@62"])
    first = dict(machine.running)
    machine.systemctl(["restart", "sleeper@61"])

    assert first["sleeper@61"].poll() is not None
    assert first["sleeper@62"].poll() is None
    machine.systemctl(["stop", "sleeper@61", "sleeper@62"])
    assert machine.running == {}
    with pytest.raises(ValueError, match="not known"):
        machine.systemctl(["mask", "sleeper@61"])


def test_a_shell_keeps_what_a_block_exports_and_stops_at_what_fails(
    tmp_path: Path,
) -> None:
    shell = Shell(Machine(tmp_path, ports={"redis": 1, "postgresql": 1}))

    shell.run(f"cd {tmp_path}\nexport GREETING='good day'")

    assert shell.run('echo "$GREETING from $PWD"') == f"good day from {tmp_path}\n"
    with pytest.raises(Trouble, match="ended with 1"):
        shell.run("false | cat\necho never")

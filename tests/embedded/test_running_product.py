"""The whole product as ``make run`` starts it: what it tells, and what it survives."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from embedded.environment import read
from embedded.modelservers.fleet import weights
from embedded.process import servers_in
from embedded.supervisor import SILENCE, STANDSTILL
from tests.browser.stack import Stack, running_stack
from tests.fakes.compatible import Compatible, running_compatible
from tests.fakes.servers import ROOT, passable_folder

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("product")]
COMMAND = re.compile(r"manage\.py ([a-z_]+(?: (?:(?:--)?[\w./@:-]+|\"[^\"\n]+\"))*)")
# In old documentation stands what was true then; two commands are the product itself,
# one asks whether an environment is fit for production, as make first-day does, and one
# loads the demo, which is refused where people are (tests/demo loads it).
OLD = "docs/site/0.9"
ELSEWHERE = {"start", "prepare", "check", "seed_demo"}
# Text says what it is for; how it is called stands in an example below.
NAMED_ALONE = {"import_forum"}
PERSON = "ada@running.test"
STANDS_FOR = {"EMAIL": PERSON, "you@example.com": PERSON, "ada@example.com": PERSON}
STANDS_FOR |= {"/srv/models/qwen3-4b.gguf": str(weights())}
STANDS_FOR |= {"them@example.com": PERSON, "PATH": "docs/site/1.0", "V": "1.0"}
STANDS_FOR |= {"REQUEST": "req_running"}
# What a command says whose work the schedule does just now.
TAKES_TURNS = "try again later"
MAKE_PERSON = f"""
from allauth.mfa.models import Authenticator
from accounts.queries import personal_organisation
from accounts.services import create_user
from django.utils import timezone
from inference.directory.loading import load_models
from inference.usage.recording import Usage, record
user = create_user("{PERSON}", "ada-running", "a long and odd sentence")
Authenticator.objects.create(user=user, type="totp", data={{"secret": "x"}})
model = load_models()["doorstone-docs"]
price = model.price_of(100, 0, 50, None)
record([Usage(
    request_id="req_running", occurred_at=timezone.now(), key_id=None,
    organisation_id=personal_organisation(user).pk, model=model.slug,
    edition=model.edition, price_version_id=model.price_version_id, status="ok",
    is_stream=False, is_estimated=False, tokens_in=100, tokens_cached=0,
    tokens_out=50, price_nano=price, cost_nano=0, held_nano=price,
    first_byte_ms=20, total_ms=120,
)])
"""
# Unattended, from the fault on: until pages, queue and commands work again.
RECOVERY = 10


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # A command of the documentation has it serve a model's file.
    with passable_folder() as folder, running_stack(folder, MODELS="1") as running:
        running.manage("shell", "-c", MAKE_PERSON)
        yield running


def named_commands() -> list[str]:
    """Return every ``manage.py`` command that README and documentation tell to run.

    Decisions say why, and name commands without what they are given.
    """
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for area in ("platform", "community", "inference", "billing"):
        files += (ROOT / area).rglob("README.md")
    found = {
        command
        for path in files
        if OLD not in str(path) and "decisions" not in path.parts
        for command in COMMAND.findall(path.read_text())
    }
    return sorted(found)


def manage(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=stack.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def serves(stack: Stack) -> bool:
    """Tell whether a page, the database and Redis answer."""
    told = read(stack.var_dir)
    try:
        for path in ("/readyz", "/forum/"):
            with urllib.request.urlopen(stack.site + path, timeout=3) as answer:  # noqa: S310 - loopback
                text = answer.read().decode()
                if path == "/readyz" and '"ok"' not in text:
                    return False
        psycopg.connect(told["DATABASE_URL"], connect_timeout=2).close()
        with Redis.from_url(told["REDIS_URL"], socket_timeout=2) as client:
            client.ping()
    except Exception:  # noqa: BLE001 - whatever is wrong, it does not serve
        return False
    return True


def main_process(folder: Path) -> int:
    """Return the server process whose parent is not a server on that folder."""
    parents = {pid: _parent(pid) for pid in servers_in(folder)}
    (first,) = (
        pid for pid, parent in parents.items() if parent and parent not in parents
    )
    return first


def _parent(pid: int) -> int | None:
    """Return a process's parent, None if it has ended since it was listed."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(status.split("PPid:")[1].split()[0])


@pytest.mark.smoke
def test_the_doctor_is_content_beside_a_healthy_product(stack: Stack) -> None:
    done = manage(stack, "doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything the product needs is there." in done.stdout


def manage_in_turn(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command until nobody else is at the same."""
    deadline = time.monotonic() + 60
    while True:
        done = manage(stack, *words)
        if TAKES_TURNS not in done.stderr or time.monotonic() > deadline:
            return done


def test_every_command_the_documentation_names_works(
    stack: Stack, tmp_path: Path
) -> None:
    failed: dict[str, str] = {}
    backup = manage(stack, "generate_export", "discourse", str(tmp_path), "--posts=20")
    ollama = Compatible(models=[{"id": "qwen3:8b"}])
    vllm = Compatible(models=[{"id": "Qwen/Qwen3-8B"}])
    with running_compatible(ollama), running_compatible(vllm):
        stands_for = {
            **STANDS_FOR,
            "http://127.0.0.1:11434": ollama.origin,
            "http://127.0.0.1:8100": vllm.origin,
            "backup.tar.gz": backup.stdout.strip(),
            "export": str(tmp_path / "export"),
        }
        for command in named_commands():
            name, *rest = shlex.split(command)
            if name in ELSEWHERE:
                continue
            if command in NAMED_ALONE:
                rest = ["--help"]
            words = (stands_for.get(word, word) for word in rest)
            done = manage_in_turn(stack, name, *words)
            if done.returncode:
                failed[command] = (done.stdout + done.stderr)[-500:]

        for name in ("qwen3:8b", "Qwen/Qwen3-8B"):
            # They end with this test; a server that is gone is nothing healthy.
            done = manage(stack, "models", "remove", name)
            assert done.returncode == 0, done.stderr

    assert failed == {}


def test_readme_and_documentation_say_how_to_call_a_command() -> None:
    for path in ("README.md", "docs/site/1.0/en/self-hosting/index.md"):
        assert ".venv/bin/python manage.py" in (ROOT / path).read_text()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param("postgres", signal.SIGKILL, marks=pytest.mark.smoke),
        ("postgres", signal.SIGSTOP),
        pytest.param("redis", signal.SIGKILL, marks=pytest.mark.smoke),
        ("redis", signal.SIGSTOP),
    ],
    ids=["postgres-killed", "postgres-stopped", "redis-killed", "redis-stopped"],
)
def test_a_server_that_dies_or_stands_still_comes_back_by_itself(
    stack: Stack, name: str, number: signal.Signals
) -> None:
    before, told = main_process(stack.var_dir / name), read(stack.var_dir)
    assert serves(stack)
    # One that was started a moment ago and has not been heard of is taken for loading.
    time.sleep(2)

    os.kill(before, number)
    began = time.monotonic()
    while time.monotonic() - began < 60:
        is_another = before not in set(servers_in(stack.var_dir / name))
        if is_another and serves(stack):
            break
        time.sleep(0.1)
    took = time.monotonic() - began

    assert took <= RECOVERY
    assert read(stack.var_dir) == told
    # Nothing of the old server is left, not even a zombie.
    assert not Path(f"/proc/{before}").exists()
    assert stack.process.poll() is None


def family(stack: Stack, words: str) -> list[int]:
    """Return the product's own process that says ``words``, and its children.

    Raises ``ValueError`` while there is none.
    """
    found = {
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if words in entry.read_bytes().replace(b"\0", b" ").decode()
    }
    (first,) = (pid for pid in found if _parent(pid) == stack.process.pid)
    return [first, *(pid for pid in found if _parent(pid) == first)]


@pytest.mark.parametrize(
    ("words", "number"),
    [
        pytest.param("granian config.asgi", signal.SIGKILL, marks=pytest.mark.smoke),
        ("granian config.asgi", signal.SIGSTOP),
        ("celery -q -A config.celery worker", signal.SIGKILL),
        ("celery -q -A config.celery beat", signal.SIGSTOP),
        ("stripe_emulator", signal.SIGSTOP),
    ],
    ids=[
        "web-killed",
        "web-stopped",
        "worker-killed",
        "beat-stopped",
        "stripe-stopped",
    ],
)
def test_a_process_of_ours_that_dies_or_stands_still_is_another_one_soon(
    stack: Stack, words: str, number: signal.Signals
) -> None:
    before = family(stack, words)

    def left() -> list[int]:
        # Not even a zombie, and nothing on its port.
        return [pid for pid in before if Path(f"/proc/{pid}").exists()]

    def is_another() -> bool:
        try:
            now = family(stack, words)
            return not set(before) & set(now) and not left() and serves(stack)
        except (OSError, ValueError):
            return False

    for pid in before if number == signal.SIGSTOP else before[:1]:
        os.kill(pid, number)
    began = time.monotonic()
    while time.monotonic() - began < 3 * SILENCE:
        if is_another():
            break
        time.sleep(0.1)
    took = time.monotonic() - began

    assert took <= RECOVERY + (STANDSTILL if number == signal.SIGSTOP else 0)
    assert left() == []
    assert stack.process.poll() is None


def test_a_dead_server_is_named_with_its_cure(stack: Stack) -> None:
    told = read(stack.var_dir)
    dead = {**stack.environment, "REDIS_URL": "redis://127.0.0.1:9/0"}

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "doctor"],
        env=dead,
        capture_output=True,
        text=True,
    )

    assert told["REDIS_URL"] != dead["REDIS_URL"]
    assert done.returncode == 1
    assert "Redis does not answer at REDIS_BROKER_URL" in done.stdout
    assert "make run starts what is its own again within ten seconds" in done.stdout


def test_a_second_product_on_the_same_folder_is_one_sentence(stack: Stack) -> None:
    done = manage(stack, "start")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Doorstone already runs on" in done.stderr


@pytest.mark.smoke
def test_without_a_running_product_a_command_says_one_sentence(tmp_path: Path) -> None:
    # What a killed start left behind is no running product.
    (tmp_path / "environment").write_text('DATABASE_URL="postgresql://gone/x"\n')
    (tmp_path / "running").write_text("4000000\n")
    foreign = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in foreign},
        "VAR_DIR": str(tmp_path),
    }

    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "counters", "audit"],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
    assert len(said) == 1
    assert said[0].startswith("PostgreSQL does not answer (")
    assert "Start everything with `make run`" in done.stderr


def test_a_start_that_is_killed_half_way_is_finished_by_the_next() -> None:
    with passable_folder() as folder:
        environment = {
            **{n: v for n, v in os.environ.items() if n not in _GIVEN_TO_TESTS},
            "VAR_DIR": str(folder / "var"),
            "DEMO": "0",
        }
        for seconds in (3, 6, 9):
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, str(ROOT / "manage.py"), "start"],
                    env=environment | _free_ports(),
                    stdout=log,
                    stderr=log,
                )
                time.sleep(seconds)
                process.kill()
                process.wait()

        with running_stack(folder / "var") as stack:
            assert serves(stack)
            assert manage(stack, "doctor").returncode == 0


def test_var_removed_under_a_running_product_ends_it_with_one_sentence() -> None:
    with passable_folder() as folder, running_stack(folder / "var") as stack:
        postgres = main_process(stack.var_dir / "postgres")
        with (stack.var_dir / "run.log").open() as log:
            # What runs may write a file meanwhile, as it may under an operator's rm.
            shutil.rmtree(stack.var_dir, ignore_errors=True)
            assert not (stack.var_dir / "postgres").exists()
            # A server that misses its files may have ended by itself.
            with suppress(ProcessLookupError):
                os.kill(postgres, signal.SIGKILL)

            stack.process.wait(60)

            said = log.read()
        assert "was removed while PostgreSQL ran on it. Start again" in said
        assert "Traceback (most recent call last)" not in said.splitlines()[-1]


_GIVEN_TO_TESTS = {"DATABASE_URL", "REDIS_URL", "REDIS_PREFIX", "SITE_URL"}
_GIVEN_TO_TESTS |= {"ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE"}


def _free_ports() -> dict[str, str]:
    from tests.fakes.servers import free_port

    names = ("PORT", "STRIPE_EMULATOR_PORT", "MAILBOX_PORT")
    return {name: str(free_port()) for name in names}

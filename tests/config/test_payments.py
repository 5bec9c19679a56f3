"""No process starts where real money and an emulator could meet."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.payments import problems_with_stripe
from tests.config.test_environment import PRODUCTION
from tests.fakes.servers import ROOT

EMULATOR = "http://127.0.0.1:21301"
LIVE = {"STRIPE_SECRET_KEY": "sk_live_51x", "STRIPE_API_BASE": EMULATOR}
# Every way a process of ours begins, as compose.yaml and the guide write them.
PROCESSES = {
    "web": ["-m", "granian", "--interface", "asgi", "config.asgi:application"],
    "gateway": [
        *("-m", "granian", "--interface", "asgi"),
        "inference.gateway.alone:application",
    ],
    "worker": ["-m", "celery", "-A", "config.celery", "worker", "--concurrency", "1"],
    "beat": ["-m", "celery", "-A", "config.celery", "beat", "--pidfile", ""],
    "command": ["manage.py", "stripe_reconcile"],
    "import": ["-c", "import config.asgi"],
}


def start(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Run one process of the product until it ends; one that goes on is a failure."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**PRODUCTION, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_starts_with_a_live_key_and_an_emulator(
    process: str, tmp_path: Path
) -> None:
    # An address nobody listens at: were it to start, it would not get far quietly.
    arguments = PROCESSES[process]
    if process == "beat":
        arguments = [*arguments, "--schedule", str(tmp_path / "schedule")]

    done = start(*arguments, **LIVE, REDIS_URL="redis://127.0.0.1:1/0")

    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "STRIPE_SECRET_KEY is a live key: remove STRIPE_API_BASE." in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["sk", "rk", "pk", "SK"])
@pytest.mark.parametrize(
    "base",
    [
        EMULATOR,
        "http://api.stripe.com",
        "https://api.stripe.com",
        "https://stripe.example",
        "http://[::1]:8001",
        "//emulator",
    ],
)
@pytest.mark.parametrize("is_development", [True, False])
def test_a_live_key_goes_with_no_other_address(
    kind: str, base: str, is_development: bool
) -> None:
    found = problems_with_stripe(
        key=f"{kind}_live_51x",
        api_base=base,
        webhook_secrets=["whsec_x"],
        is_development=is_development,
    )

    assert "STRIPE_SECRET_KEY is a live key: remove STRIPE_API_BASE." in set(found)


@pytest.mark.parametrize(
    ("key", "base", "secrets", "development", "right"),
    [
        ("", "", [], False, True),
        ("sk_live_51x", "", ["whsec_x", "whsec_y"], False, True),
        ("rk_test_51x", "", ["whsec_x"], False, True),
        ("sk_test_doorstone_emulator", EMULATOR, ["whsec_emulator"], True, True),
        ("sk_live_51x", "", [], True, False),
        ("sk_test_51x", EMULATOR, ["whsec_x"], False, False),
        ("", EMULATOR, [], False, False),
        ("sk_test_doorstone_emulator", "", ["whsec_x"], False, False),
        ("pk_test_51x", "", ["whsec_x"], False, False),
        ("pk_live_51x", "", ["whsec_x"], False, False),
        ('"sk_live_51x"', "", ["whsec_x"], False, False),
        ("sk_live_51x\n", "", ["whsec_x"], False, False),
        ("whsec_51x", "", ["whsec_x"], False, False),
        ("sk_live_51x", "", ["sk_live_51x"], False, False),
        ("sk_live_51x", "", ["whsec_x", "whsec_emulator"], False, False),
    ],
)
def test_what_fits_together(
    key: str, base: str, secrets: list[str], development: bool, right: bool
) -> None:
    found = problems_with_stripe(
        key=key, api_base=base, webhook_secrets=secrets, is_development=development
    )

    assert (not list(found)) is right


def test_the_image_works_without_the_emulator_and_the_demo(tmp_path: Path) -> None:
    """What .dockerignore leaves out is needed by no process."""
    left_out = (ROOT / ".dockerignore").read_text().split()
    assert {"platform/demo", "platform/embedded", "tools"} <= set(left_out)
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for name in filter(None, tracked):
        if not any(name == gone or name.startswith(f"{gone}/") for gone in left_out):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).symlink_to(ROOT / name)
    path = f"{tmp_path / 'platform'}:{tmp_path}"
    script = (
        "import sys; import config.celery, inference.gateway.alone, config.asgi;"
        "from django.core.management import call_command; call_command('check');"
        "config.celery.app.loader.import_default_modules();"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "assert not {'demo', 'embedded', 'stripe_emulator'} & set(sys.modules), sys.modules"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**PRODUCTION, "PYTHONPATH": path, "STRIPE_SECRET_KEY": "sk_test_x"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr

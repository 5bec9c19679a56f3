"""What the README prints, done by a stranger in an empty folder.

The package is built and unpacked as pip does it; of what is printed, only the port is
another one.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import stripe

from stripe_emulator.settings import HELP, PREFIX, Settings
from stripe_emulator.testing import StripeEmulator, free_port, running_emulator

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = [
    (language, text)
    for language, text in re.findall(
        r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    )
]
BUILD = """
import sys
from hatchling.build import build_wheel
print(build_wheel(sys.argv[1]))
"""


def block(language: str, beginning: str) -> str:
    """Return the one block of a language that begins so."""
    (found,) = [
        text for kind, text in BLOCKS if kind == language and text.startswith(beginning)
    ]
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a package lies in after ``pip install``."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("installed")
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def surroundings(installed: Path) -> dict[str, str]:
    """A stranger's environment: the package, a Python, nothing of this project."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    return {"PATH": os.pathsep.join(places), "PYTHONPATH": str(installed)}


@pytest.fixture
def served(
    surroundings: dict[str, str], tmp_path: Path
) -> Iterator[tuple[int, dict[str, str]]]:
    """The emulator as the README starts it; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        ["sh", "-c", "exec " + block("sh", "python -m stripe_emulator")],
        env={**surroundings, "STRIPE_EMULATOR_PORT": str(port)},
        cwd=tmp_path,
    )
    transport = httpx.HTTPTransport(retries=8)
    try:
        with httpx.Client(transport=transport) as client:
            client.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        yield port, surroundings
    finally:
        process.terminate()
        process.wait(60)


def test_the_script_sells_a_subscription(
    served: tuple[int, dict[str, str]], tmp_path: Path
) -> None:
    port, surroundings = served
    script = block("python", "import stripe")
    assert len(script.strip().splitlines()) <= 10
    (tmp_path / "shop.py").write_text(script.replace(":8001", f":{port}"))

    done = subprocess.run(
        ["python", "shop.py"],
        env=surroundings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    address = done.stdout.strip()
    assert "$9.00" in httpx.get(address).text
    # With a card from the README's own list.
    form = {"email": "a@shop.test", "card": "number", "number": "4242 4242 4242 4242"}
    assert form["number"] in README
    assert httpx.post(address, data=form).status_code == 303
    everywhere = dict.fromkeys(
        ("api", "connect", "files", "meter_events"), f"http://127.0.0.1:{port}"
    )
    stripe.enable_telemetry = False
    client = stripe.StripeClient("sk_test_emulator", base_addresses=everywhere)  # type: ignore[arg-type]
    assert [one.status for one in client.v1.subscriptions.list().data] == ["active"]
    # The state lies where the table says it does.
    assert (tmp_path / "stripe-emulator.sqlite3").exists()


def test_the_test_it_shows_passes(surroundings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(block("python", "from stripe_emulator"))
    (tmp_path / "test_shop.py").write_text(block("python", "def test_"))

    done = subprocess.run(
        ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        # Of what is installed here, a stranger has no plugin.
        env={**surroundings, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_faults_it_shows_are_taken(tmp_path: Path) -> None:
    shown = json.loads(block("json", "{"))
    with running_emulator(tmp_path) as emulator:
        emulator.post_faults(**shown)

        kept = httpx.get(f"{emulator.url}/_emulator/faults").json()

    assert kept == shown


def test_the_table_of_settings_is_the_settings() -> None:
    rows = re.findall(r"^\| `--([\w-]+)` \| `(\w+)` \| (.+?) \|", README, re.MULTILINE)

    assert [name.replace("-", "_") for name, _, _ in rows] == list(HELP)
    for name, variable, default in rows:
        field = name.replace("-", "_")
        assert variable == f"{PREFIX}{field.upper()}"
        kept = str(getattr(Settings(), field))
        assert default in {f"`{kept}`", "none", "the listening address"}
        assert (default.strip("`") == kept) is bool(kept)


def test_every_card_it_lists_is_one(stripe_emulator: StripeEmulator) -> None:
    rows = re.findall(r"^\| ((?:\d{4} ){3}\d{4}.*?) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) == 7
    v1 = stripe_emulator.client().v1
    for numbers, names in rows:
        for number, name in zip(
            numbers.split(", "), re.findall(r"`(pm_card_\w+)`", names), strict=True
        ):
            made = v1.payment_methods.create(
                {"type": "card", "card": {"number": number.replace(" ", "")}}
            )
            named = v1.payment_methods.retrieve(name)
            assert named.card is not None
            assert made.card is not None
            assert named.card.fingerprint == made.card.fingerprint

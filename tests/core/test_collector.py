"""What is loaded once is not looked through again for garbage."""

import subprocess
import sys

import pytest

LOOK = (
    "import gc, importlib, sys; importlib.import_module(sys.argv[1]);"
    "print(gc.get_freeze_count(), len(gc.get_objects()), gc.get_threshold()[0],"
    " 'config.urls' in sys.modules)"
)


@pytest.mark.parametrize("module", ["config.asgi", "inference.gateway.alone"])
def test_a_server_freezes_what_it_has_loaded(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, module],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    frozen, others, young, has_pages = done.stdout.split()[-4:]

    # Modules, models and addresses; what comes after them are the few of a request.
    assert int(frozen) > 100_000
    assert int(others) < int(frozen) / 100
    assert int(young) > 700
    assert (has_pages == "True") == (module == "config.asgi")

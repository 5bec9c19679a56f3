"""Every process collects the same tests, or two workers cannot share them."""

import os
import subprocess
import sys

import pytest

from tests.fakes.servers import ROOT
from tests.services import COLLECTED

# Plugins sort what was found, each in its own way; this is said before.
LISTING = """
import sys, pytest

class Listing:
    def pytest_itemcollected(self, item):
        print("found", item.nodeid)

raise SystemExit(pytest.main(sys.argv[1:], plugins=[Listing()]))
"""


@pytest.mark.xdist_group("collection")
def test_another_process_collects_the_same_tests_in_the_same_order(
    request: pytest.FixtureRequest,
) -> None:
    """Another hash seed and a later second show ids made of either."""
    ours = request.config.stash[COLLECTED]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"}
    }
    # Ours is random unless somebody set it; of two seeds one differs from it.
    seed = "1" if environment.get("PYTHONHASHSEED") == "2" else "2"

    done = subprocess.run(
        [
            *(sys.executable, "-c", LISTING, "--collect-only", "-q", "-n", "0", "-s"),
            *("-p", "no:randomly", "-p", "no:cacheprovider", "-m", ""),
            *("-c", str(ROOT / "pyproject.toml"), *request.config.args),
        ],
        env={**environment, "PYTHONHASHSEED": seed},
        cwd=request.config.invocation_params.dir,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    theirs = [
        line.removeprefix("found ") for line in lines if line.startswith("found ")
    ]
    assert theirs == ours


@pytest.mark.xdist_group("collection")
def test_tests_of_one_group_share_a_worker(request: pytest.FixtureRequest) -> None:
    """The group is in the id that the scheduler sees, or every worker starts all."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process has everything")
    if not request.config.getvalue("loadgroup"):
        pytest.skip("asked for without groups")

    assert request.node.nodeid.endswith("@collection")

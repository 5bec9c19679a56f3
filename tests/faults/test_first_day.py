"""The first day of an operator, and an upgrade under load, on Debian's own servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.first_day.machine import missing_packages

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.faults
@pytest.mark.timeout(1500)
@pytest.mark.skipif(
    bool(missing_packages()) or os.geteuid() != 0,
    reason="this follows the guide as root, with Debian's PostgreSQL, Redis and nginx",
)
def test_the_guide_leads_to_a_site_that_is_upgraded_without_a_failed_request() -> None:
    venv = Path(sys.executable).parent.parent
    command = [sys.executable, "-m", "tools.first_day", "--environment", str(venv)]

    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " 0 failed" in done.stdout

import subprocess
import sys

from tests.fakes.servers import ROOT


def test_what_is_said_about_code_is_broken_like_code() -> None:
    planted = f'"""{"word " * 18}."""\n# {"word " * 18}\nPI = 3\n'

    done = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--output-format", "concise"),
            *("--stdin-filename", "platform/core/planted.py", "-"),
        ],
        input=planted,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stdout.count("W505") == 2

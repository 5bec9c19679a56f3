import subprocess
import sys

from tests.fakes.servers import ROOT


def ruff_on(planted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--output-format", "concise"),
            *("--stdin-filename", "platform/core/planted.py", "-"),
        ],
        input=planted,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_a_line_nobody_can_review_is_named() -> None:
    done = ruff_on(f'"""Words."""\n\nTEXT = "{"w" * 100}"\n')

    assert done.returncode == 1
    assert done.stdout.count("E501") == 1


def test_what_is_said_about_code_is_broken_like_code() -> None:
    planted = f'"""{"word " * 18}."""\n# {"word " * 18}\nPI = 3\n'

    done = ruff_on(planted)

    assert done.returncode == 1
    assert done.stdout.count("W505") == 2

"""``python -m tools.first_change``: a clone, a change, and how long it took."""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.process import spawn, stop
from tools.first_change.guide import ROOT, Step, steps

# Whatever is set around this would be set for nobody who has only a clone.
KEPT = re.compile(r"PATH|HOME|LANG|USER|TERM|TMPDIR|(?:PIP|SSL|REQUESTS|UV)_\w+")
PAGE = "/forum/today/"
WORDS = "opened in the last 24 hours"
EDITED = "opened since this time yesterday"
# As long as a newcomer should need, in minutes, and seconds until an edit is seen.
MOST_MINUTES, MOST_SECONDS = 20, 2


class Newcomer:
    """Somebody in a clone, with a watch."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        ports = [str(port) for port in _free_ports(3)]
        names = ("PORT", "STRIPE_EMULATOR_PORT", "MAILBOX_PORT")
        self.environment = {
            **{name: value for name, value in os.environ.items() if KEPT.match(name)},
            **dict(zip(names, ports, strict=True)),
            "PYTHON": sys.executable,
        }
        self.site = f"http://127.0.0.1:{ports[0]}"
        self.log = folder / "dev.log"
        self.started = time.monotonic()

    def run(self, command: str) -> None:
        """Run a command in the clone; end everything when it fails."""
        began = time.monotonic()
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # Sentences without a translation are what the guide says comes next.
        is_expected = command == "make messages" and "to look at" in done.stdout
        if done.returncode and not is_expected:
            sys.exit(f"$ {command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
        say(command, time.monotonic() - began)

    @contextmanager
    def developing(self) -> Iterator[None]:
        """Have ``make dev`` run until the end of the block."""
        began = time.monotonic()
        with self.log.open("wb") as output:
            command = ["make", "dev"]
            process = spawn(command, output=output, cwd=self.root, env=self.environment)
        try:
            while "Doorstone is ready" not in self.log.read_text(errors="replace"):
                if process.poll() is not None or time.monotonic() - began > 900:
                    sys.exit(f"make dev:\n{self.log.read_text()[-6000:]}")
                time.sleep(0.1)
            say("make dev", time.monotonic() - began)
            yield
        finally:
            stop(process, timeout=60)

    def see(self, words: str) -> float:
        """Look at the page until it says ``words``; return the seconds that took."""
        began = time.monotonic()
        while time.monotonic() - began < 60:
            try:
                with urllib.request.urlopen(self.site + PAGE, timeout=3) as page:  # noqa: S310 - loopback
                    if words in page.read().decode():
                        return time.monotonic() - began
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        sys.exit(f"{PAGE} never said {words!r}:\n{self.log.read_text()[-3000:]}")


def say(what: str, seconds: float) -> None:
    print(f"{seconds:7.1f} s  {what}", flush=True)


def follow(newcomer: Newcomer, todo: list[Step]) -> float:
    """Do everything the guide says; return how soon an edit was seen, in seconds."""
    first, *rest = todo
    if first.text != "make dev":
        sys.exit("The guide does not begin with make dev.")
    with newcomer.developing():
        for step in rest:
            if step.kind == "run":
                newcomer.run(step.text)
                continue
            try:
                step.apply(newcomer.root)
            except (OSError, ValueError) as error:
                sys.exit(f"CONTRIBUTING.md: {error}")
            if step.path.endswith("today.html"):
                say(f"view, address, page: {PAGE}", newcomer.see(WORDS))
        return max(edit(newcomer, "templates/forum/today.html"), edit_view(newcomer))


def edit(newcomer: Newcomer, name: str) -> float:
    path = newcomer.root / name
    before = path.read_text()
    path.write_text(before.replace(WORDS, EDITED))
    took = newcomer.see(EDITED)
    path.write_text(before)
    say("an edited template is seen", took)
    return took


def edit_view(newcomer: Newcomer) -> float:
    """Return the best of three times: the machine may be busy with something else."""
    path = newcomer.root / "community/forum/views.py"
    before, times = path.read_text(), []
    for number in (7_001, 7_002, 7_003):
        path.write_text(before.replace('{"count": count}', f'{{"count": {number}}}'))
        times.append(newcomer.see(str(number)))
        say("an edited view is seen", times[-1])
    path.write_text(before)
    return min(times)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment", type=Path, help="a Python environment to copy; else a new one"
    )
    options = parser.parse_args()
    todo = list(steps())
    # PostgreSQL runs under another account, who has to pass.
    with tempfile.TemporaryDirectory(prefix="first-change-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        newcomer = Newcomer(folder)
        began = time.monotonic()
        clone = ["git", "clone", "--quiet", str(ROOT), str(newcomer.root)]
        subprocess.run(clone, check=True)
        say("git clone", time.monotonic() - began)
        if options.environment:
            target = options.environment.resolve()
            (newcomer.root / ".venv").symlink_to(target)
        else:
            newcomer.run("make setup")
        seen = follow(newcomer, todo)
        newcomer.run("git add --all")
        newcomer.run(
            "git -c user.name=Newcomer -c user.email=new@example.com"
            " commit --quiet -m 'forum: Count the topics of the last day.'"
        )
        minutes = (time.monotonic() - newcomer.started) / 60
    print(f"{minutes:.1f} minutes in all, at most {MOST_MINUTES} are meant")
    print(f"{seen:.1f} s until an edit was seen, at most {MOST_SECONDS} are meant")
    return 0 if minutes <= MOST_MINUTES and seen <= MOST_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())

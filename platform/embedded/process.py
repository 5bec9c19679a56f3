"""Starting child processes that never outlive their parent."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1


class ServiceUnavailable(Exception):
    """A service cannot be started; the message says what to do."""


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[Any] | int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session; Linux kills it when this process dies."""
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        **_identity(user),
    )


def service_user() -> str | None:
    """Return whom to run servers as that refuse to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def hand_over(path: Path, user: str | None) -> None:
    """Give ``path`` to ``user`` and let them reach it."""
    if user is None:
        return
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    make_reachable(path)


def make_reachable(path: Path) -> None:
    """Let other users pass through the folders above ``path``."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def stop(process: subprocess.Popen[bytes], *, timeout: float = 10) -> None:
    """Ask a child to end, then insist."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _identity(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

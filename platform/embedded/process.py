"""Starting child processes that never outlive their parent, in folders of our own."""

import ctypes
import fcntl
import os
import pwd
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

# Both from linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36  # as above
# The servers of tests and benchmarks lie deeper.
_PASSED = {"test", "bench"}
_SERVERS = {"postgres", "redis-server", "valkey-server"}


class ServiceUnavailable(Exception):
    """A service cannot be started; the message says what to do."""


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[Any] | int | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    feed: bool = False,
    last_wish: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session; Linux ends it when this thread dies.

    ``last_wish`` is the signal it then gets, ``feed`` gives it a pipe to read, and
    without an ``output`` it prints where we do.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=partial(_die_with_parent, last_wish)
        if sys.platform == "linux"
        else None,
        **identity(user),
    )


def stop(process: subprocess.Popen[bytes], *, timeout: float = 10) -> None:
    """Ask a child to end, then insist."""
    if has_ended(process):
        return
    process.terminate()
    # One that was stopped (SIGSTOP) hears nothing until it goes on.
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _kill_session(process)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a child has ended; what it left running ends with it.

    A web server that is killed leaves the process that answers, on the port of the
    next one.
    """
    if process.returncode is None and process.poll() is not None:
        # Only now: later another session may have its number.
        _kill_session(process)
    return process.returncode is not None


def is_stopped(pid: int) -> bool:
    """Tell whether a process stands still until it is told to go on (Linux only)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "\nState:\tT" in status


def service_user() -> str | None:
    """Return whom to run servers as that refuse to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def service_uid(user: str | None) -> int:
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the account {uid}"


def identity(user: str | None) -> dict[str, Any]:
    """Return what ``subprocess`` has to be given to run as ``user``."""
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def hand_over(path: Path, user: str | None) -> None:
    """Give ``path``, and nothing a link there points to, to ``user``."""
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def reaches(user: str | None, path: Path) -> bool:
    """Tell whether ``user`` may enter a folder or run a file."""
    if user is None:
        return True
    asked = subprocess.run(["test", "-x", path], check=False, cwd="/", **identity(user))
    return asked.returncode == 0


def keep_private(folder: Path) -> None:
    """Make a folder of ours, and close it and what lies in it to other accounts.

    A server that runs under an account of its own may pass through, not look.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if service_user() else 0o700)
    for entry in folder.iterdir():
        if not entry.is_symlink() and entry.name not in _PASSED:
            entry.chmod(entry.stat().st_mode & 0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all."""
    partial_file = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(text)
    partial_file.replace(path)


def claim(path: Path, refusal: str) -> IO[str]:
    """Hold a lock file until the handle is closed or this process ends.

    Raises ``ServiceUnavailable`` with ``refusal``, whose ``{holder}`` is replaced
    by the process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise ServiceUnavailable(refusal.format(holder=holder)) from error
    path.chmod(0o600)
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def is_claimed(path: Path) -> bool:
    """Tell whether some process holds this lock file."""
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def servers_in(folder: Path) -> Iterator[int]:
    """Yield the processes of PostgreSQL and Redis on a data folder (Linux only).

    Both make it their working folder; a shell may stand there, too.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
            if name in _SERVERS and (entry / "cwd").readlink() == folder:
                yield int(entry.name)
        except OSError:
            continue


def end_orphans(folder: Path, *, patience: float = 10) -> None:
    """End the servers a killed parent left on a data folder that is claimed by us."""
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    while orphans := list(servers_in(folder)):
        for pid in orphans:
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
            elif pid not in asked:
                # Both close their files on SIGINT and wait for no client.
                _signal(pid, signal.SIGINT)
                _signal(pid, signal.SIGCONT)
                asked.add(pid)
        time.sleep(0.1)


def kill_all_in(folder: Path) -> None:
    """Kill the servers on a data folder, stopped or stuck as they may be."""
    for pid in servers_in(folder):
        _signal(pid, signal.SIGKILL)


def adopt_orphans() -> None:
    """Have the children of a child that died come to this process (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def reap_orphans(ours: set[int]) -> None:
    """Take note of the end of every child but ``ours``, so that none stays a zombie."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in ours:
            return
        os.waitpid(ended.si_pid, 0)


def tail(log: Path, lines: int = 10) -> str:
    """Return the last lines of a log."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "(there is none)"
    return "\n".join(text.splitlines()[-lines:])


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the session that ``spawn`` began for a child."""
    # Nothing is left, or (on macOS) nothing but what is ending already.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _die_with_parent(number: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)

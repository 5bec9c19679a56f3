"""Models of the owner's: a server for each file that ``manage.py models`` asks for."""

from collections.abc import Callable
from pathlib import Path

from embedded.modelservers import fleet
from embedded.modelservers.fleet import ModelServer
from embedded.modelservers.settings import Settings, spare_cores
from embedded.process import tail
from embedded.supervisor import Supervisor
from inference.providers import gguf
from inference.providers.gguf import Served, Wanted

# Beside the file: its caches of keys and values, and the engine. Weights may be held
# twice, as they lie in the file and as the processor multiplies them best.
BESIDE_MB = 2_000
SLOTS = 2


class OwnModels:
    """Serves what is wanted and nothing else; looks again whenever it is called."""

    def __init__(
        self,
        supervisor: Supervisor,
        folder: Path,
        key: str,
        free_port: Callable[[], int],
    ) -> None:
        self.supervisor = supervisor
        self.folder = folder
        self.key = key
        self.free_port = free_port
        self.servers: dict[str, ModelServer] = {}
        self.wanted: dict[str, Wanted] = {}
        self.told: dict[str, Served] = {}
        # What was read last; a file is replaced whole, so it has another number then.
        self._seen: tuple[int, int] | None = None
        gguf.tell({}, folder)

    def follow(self) -> None:
        """Serve what is wanted since the last look; say what became of the rest."""
        if self._has_changed():
            wanted = gguf.wanted(self.folder)
            for name in [*self.told]:
                if self.wanted.get(name) != wanted.get(name):
                    self._end(name)
            self.wanted = wanted
            for name in wanted.keys() - self.told.keys():
                self._start(name, wanted[name])
        for name, server in [*self.servers.items()]:
            self._look_at(name, server)

    def addresses(self) -> dict[str, str]:
        """Return where each model is served, or will be once it is loaded."""
        return {name: server.url for name, server in self.servers.items()}

    def _start(self, name: str, wish: Wanted) -> None:
        path = Path(wish.path)
        try:
            server = self._server(name, wish, _size_of(path))
            server.launch()
        except (gguf.NotServed, OSError) as error:
            self._announce(
                name, Served(url="", key="", is_ready=False, trouble=str(error))
            )
            return
        self.servers[name] = server
        self.supervisor.adopt(server, has_answered=False)
        self._announce(name, Served(url=server.url, key=self.key, is_ready=False))

    def _server(self, name: str, wish: Wanted, size: int) -> ModelServer:
        settings = Settings(
            name=name,
            key=self.key,
            port=self.free_port(),
            threads=spare_cores(),
            memory_mb=2 * size // 1_000_000 + BESIDE_MB,
            path=wish.path,
            context=wish.context,
            slots=SLOTS,
        )
        # A name may have a slash; a log's name has none.
        log = name.replace("/", "_")
        return ModelServer(log, "embedded.modelservers.language", settings, self.folder)

    def _look_at(self, name: str, server: ModelServer) -> None:
        """Note that a model is loaded, or that its first process ended over it."""
        told = self.told[name]
        if told.is_ready or server.process is None:
            return
        if server.process.poll() is not None:
            self.supervisor.release(server)
            del self.servers[name]
            trouble = (
                f"{server.settings.path} could not be loaded. The log ({server.log}) "
                f"ends:\n{tail(server.log, 5)}"
            )
            self._announce(
                name, Served(url="", key="", is_ready=False, trouble=trouble)
            )
        elif server.is_ready(0.1):
            self._announce(name, Served(url=server.url, key=self.key, is_ready=True))

    def _end(self, name: str) -> None:
        if server := self.servers.pop(name, None):
            self.supervisor.release(server)
        del self.told[name]
        gguf.tell(self.told, self.folder)

    def _announce(self, name: str, found: Served) -> None:
        self.told[name] = found
        gguf.tell(self.told, self.folder)

    def _has_changed(self) -> bool:
        try:
            found = (self.folder / "wanted.json").stat()
        except OSError:
            seen = None
        else:
            seen = (found.st_ino, found.st_mtime_ns)
        has_changed = seen != self._seen
        self._seen = seen
        return has_changed


def _size_of(path: Path) -> int:
    """Return the bytes of a model's file. Raises ``NotServed`` for one too large."""
    gguf.check_file(path)
    size = path.stat().st_size
    if size > fleet.machine_memory():
        raise gguf.NotServed(
            f"{path} has {size / 1e9:.1f} GB, more than this machine's memory."
        )
    return size

"""Not asking again, for a moment, what has just not answered."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Breaker:
    """One dependency of this process: asked, or left alone for ``rest`` seconds.

    Without it every request waits its own deadline for a server that is away, and
    the waiting ones pile up. Once ``rest`` is over one caller tries and the others
    are still refused: recovery needs nobody, and costs one deadline per ``rest``.

    ``refusal`` makes what is raised meanwhile: an error of the dependency's own
    library, so that callers treat it as they treat the outage itself.
    """

    def __init__(
        self, name: str, *, rest: float, refusal: Callable[[], Exception]
    ) -> None:
        self.name = name
        self.rest = rest
        self.refusal = refusal
        self._rests_until: float | None = None
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the last that was heard of the dependency was nothing."""
        return self._rests_until is not None

    @contextmanager
    def asking(self, *failures: type[Exception]) -> Iterator[None]:
        """Ask the dependency; ``failures`` are what its silence looks like."""
        self.admit()
        try:
            yield
        except failures as error:
            self.fail(error)
            raise
        except Exception:
            # A refusal is an answer, too.
            self.succeed()
            raise
        self.succeed()

    def admit(self) -> None:
        """Let the caller ask, or raise the refusal."""
        if self._rests_until is None:
            return
        with self._lock:
            now = time.monotonic()
            if self._rests_until is None:
                return
            if now < self._rests_until:
                raise self.refusal()
            # This caller tries; the others wait for what becomes of it.
            self._rests_until = now + self.rest

    def fail(self, error: object) -> bool:
        """Note that nothing came back; tell whether that is news."""
        with self._lock:
            is_news = self._rests_until is None
            self._rests_until = time.monotonic() + self.rest
        if is_news:
            logger.warning(
                "dependency.away", extra={"dependency": self.name, "error": str(error)}
            )
        return is_news

    def succeed(self) -> None:
        """Record that an answer came, of any kind."""
        if self._rests_until is None:
            return
        with self._lock:
            self._rests_until = None
        logger.warning("dependency.back", extra={"dependency": self.name})

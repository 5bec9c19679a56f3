"""What a provider is to the gateway."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from inference.catalog.models import Deployment


def _nothing() -> None:
    """Most who ask need not be told."""


@dataclass(slots=True, kw_only=True)
class Ask:
    """One request to one deployment.

    ``payload`` has what the caller sent. ``max_tokens`` is the longest that one
    answer may become, whatever the payload says; 0 where none is written.
    """

    request_id: str
    endpoint: str
    payload: dict[str, Any]
    is_stream: bool
    model: str
    created: int
    max_tokens: int
    audiences: tuple[str, ...] = ("public",)
    locale: str = ""
    # The field of another protocol that says the longest answer, where it is one.
    native_most: str = ""
    # Called where who waits went away before a byte of it was sent.
    on_unsent: Callable[[], object] = _nothing


def is_answered(status: int) -> bool:
    """Tell whether a status says that a request was done: 200, and its neighbours.

    What was done has cost what it costs, whatever the body says.
    """
    return 200 <= status < 300


@dataclass(slots=True)
class Answer:
    """A whole answer: its bytes as they came, and what they say."""

    body: bytes
    value: dict[str, Any]
    status: int = 200


class UpstreamFailed(Exception):
    """A deployment refused, could not be reached, or answered what is no answer.

    ``status`` is 0 when there was no answer at all. ``was_run`` tells that the
    request was executed, or may have been: it is not bought a second time.
    """

    def __init__(
        self,
        status: int,
        *,
        body: bytes = b"",
        retry_after: float | None = None,
        is_timeout: bool = False,
        is_unreachable: bool = False,
        was_run: bool = False,
    ) -> None:
        super().__init__(f"upstream {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after
        self.is_timeout = is_timeout
        self.is_unreachable = is_unreachable
        self.was_run = was_run or is_timeout

    @property
    def may_have_cost(self) -> bool:
        """Whether the prompt was read for it, as far as anybody can know."""
        return self.was_run or is_answered(self.status)


class StreamBroke(Exception):
    """The upstream went silent or away in the middle of a stream."""


@dataclass(slots=True)
class Stream:
    """A stream that has begun: its bytes, and how to end it early."""

    pieces: AsyncIterator[bytes]
    close: Any = field(default=None)
    status: int = 200


class Provider(Protocol):
    """Runs models. Raises ``UpstreamFailed`` before the first byte."""

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer: ...

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream: ...

    async def look(self, deployment: Deployment) -> int:
        """Return the status a server answers with that is asked for nothing."""
        ...

    def is_short_of_keys(self, deployment: Deployment) -> bool:
        """Tell whether some of its keys are refused while others work."""
        ...

    async def close(self) -> None: ...

"""What a provider is to the gateway."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from inference.catalog.models import Deployment


@dataclass(slots=True, kw_only=True)
class Ask:
    """One request to one deployment. ``payload`` is the caller's, as it came."""

    request_id: str
    endpoint: str
    payload: dict[str, Any]
    is_stream: bool
    model: str
    created: int
    max_tokens: int
    bytes_per_token: float
    audiences: tuple[str, ...] = ("public",)
    locale: str = ""


@dataclass(slots=True)
class Answer:
    """A whole answer: JSON bytes and what they say was used, if they do."""

    body: bytes
    usage: dict[str, Any] | None = None


class UpstreamFailed(Exception):
    """A deployment refused or could not be reached before its first byte.

    ``status`` is 0 when there was no answer at all. ``is_retryable`` tells that
    nothing can have been executed or that trying elsewhere makes sense.
    """

    def __init__(
        self,
        status: int,
        *,
        is_retryable: bool,
        body: bytes = b"",
        retry_after: str = "",
        is_timeout: bool = False,
    ) -> None:
        super().__init__(f"upstream {status}")
        self.status = status
        self.is_retryable = is_retryable
        self.body = body
        self.retry_after = retry_after
        self.is_timeout = is_timeout


class StreamBroke(Exception):
    """The upstream went silent or away in the middle of a stream."""


@dataclass(slots=True)
class Stream:
    """A stream that has begun: its bytes, and how to end it early."""

    pieces: AsyncIterator[bytes]
    close: Any = field(default=None)


class Provider(Protocol):
    """Runs models. Raises ``UpstreamFailed`` before the first byte."""

    async def complete(self, deployment: Deployment, ask: Ask) -> Answer: ...

    async def stream(self, deployment: Deployment, ask: Ask) -> Stream: ...

    async def close(self) -> None: ...

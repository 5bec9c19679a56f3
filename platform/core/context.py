"""What belongs to the request or task that is running now."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")

"""What belongs to the request or task that is running now."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
# The network of the client, such as 203.0.113.0/24: who asked, but not which host.
network: ContextVar[str] = ContextVar("network", default="")

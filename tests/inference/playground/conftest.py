"""The gateway of the gateway's tests, for pages that call it."""

from tests.inference.gateway.conftest import (
    gateway,
    gateway_process,
    offer,
    upstream,
)

__all__ = ["gateway", "gateway_process", "offer", "upstream"]

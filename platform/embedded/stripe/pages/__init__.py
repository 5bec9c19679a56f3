"""What people see: checkout, portal, invoice, and the operator's console."""

from typing import TYPE_CHECKING

from starlette.routing import Route

if TYPE_CHECKING:
    from embedded.stripe.server import Emulator


def build_pages(emulator: "Emulator") -> list[Route]:
    """All page routes of one emulator."""
    return []

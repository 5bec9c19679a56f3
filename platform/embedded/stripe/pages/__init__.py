"""What people see: checkout, portal, invoice, and the operator's console."""

from typing import TYPE_CHECKING

from starlette.routing import Route

from embedded.stripe.pages.checkout import CheckoutPages
from embedded.stripe.pages.console import ConsolePages
from embedded.stripe.pages.invoice import InvoicePages
from embedded.stripe.pages.portal import PortalPages
from embedded.stripe.pages.rendering import Renderer

if TYPE_CHECKING:
    from embedded.stripe.server import Emulator


def build_pages(emulator: "Emulator") -> list[Route]:
    """All page routes of one emulator."""
    renderer = Renderer(emulator.account)
    return [
        Route("/_emulator/style.css", renderer.stylesheet),
        *CheckoutPages(emulator.account, renderer).routes(),
        *PortalPages(emulator.account, renderer).routes(),
        *InvoicePages(emulator.account, renderer).routes(),
        *ConsolePages(emulator, renderer).routes(),
    ]

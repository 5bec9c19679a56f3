"""One application: API, hosted pages and the operator's console."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stripe_emulator.api import Api
from stripe_emulator.emulator import Emulator
from stripe_emulator.pages.checkout import CheckoutPages
from stripe_emulator.pages.console import ConsolePages
from stripe_emulator.pages.invoice import InvoicePages
from stripe_emulator.pages.portal import PortalPages
from stripe_emulator.pages.rendering import Renderer


def application(emulator: Emulator) -> Starlette:
    """Return the ASGI application that shows ``emulator`` to the world."""
    account = emulator.account
    renderer = Renderer(account)
    return Starlette(
        routes=[
            Route("/healthz", _health),
            *Api(account, emulator.faults).routes(),
            Route("/_emulator/style.css", renderer.stylesheet),
            *CheckoutPages(account, renderer).routes(),
            *PortalPages(account, renderer).routes(),
            *InvoicePages(account, renderer).routes(),
            *ConsolePages(emulator, renderer).routes(),
        ]
    )


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")

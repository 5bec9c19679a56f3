"""Templates, languages, money and the headers every page carries."""

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from stripe_emulator.account import Account
from stripe_emulator.pages.texts import CHINESE, ENGLISH
from stripe_emulator.store import Document

HERE = Path(__file__).resolve().parent.parent
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "cny": "¥", "jpy": "¥"}
WHOLE_CURRENCIES = {"jpy", "krw", "vnd", "clp"}
MAX_FORM = 64 * 1024

# No form-action: it would also stop the redirect back to the shop.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def money(amount: int, currency: str) -> str:
    """An amount of minor units as people write it."""
    sign = "-" if amount < 0 else ""
    whole = currency in WHOLE_CURRENCIES
    number = f"{abs(amount):,}" if whole else f"{abs(amount) / 100:,.2f}"
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency.upper()}"


class Renderer:
    """Turns a template and its values into a response."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(["html"]),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["money"] = money
        return environment

    def page(
        self,
        request: Request,
        template: str,
        values: dict[str, Any],
        *,
        status: int = 200,
        locale: str | None = None,
    ) -> Response:
        """A page in the reader's language."""
        language = self.language(request, locale)

        def translate(text: str, **named: Any) -> str:
            texts = CHINESE if language == "zh-Hans" else ENGLISH
            found = texts.get(text, text)
            return found.format(**named) if named else found

        def date(moment: int) -> str:
            day = datetime.fromtimestamp(moment, UTC)
            if language == "zh-Hans":
                return f"{day.year}年{day.month}月{day.day}日"
            return f"{day.day} {day:%B %Y}"

        html = self._environment.get_template(template).render(
            **values, _=translate, date=date, language=language
        )
        return Response(html, status, HEADERS, "text/html; charset=utf-8")

    def language(self, request: Request, locale: str | None) -> str:
        """Chinese or English: by the session's locale, else by the browser's."""
        wanted = locale if locale not in {None, "", "auto"} else None
        wanted = wanted or request.headers.get("accept-language", "")
        return "zh-Hans" if wanted.lower().startswith("zh") else "en"

    def message(
        self,
        request: Request,
        title: str,
        text: str,
        *,
        status: int,
        link: str | None = None,
        label: str = "",
        locale: str | None = None,
    ) -> Response:
        """A page that says one thing and offers one way on."""
        values = {"title": title, "text": text, "link": link, "label": label}
        return self.page(request, "message.html", values, status=status, locale=locale)

    async def stylesheet(self, _request: Request) -> Response:
        """The one stylesheet."""
        return FileResponse(HERE / "static" / "style.css", media_type="text/css")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form; a later field of the same name wins."""
    body = await request.body()
    if len(body) > MAX_FORM:
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def comes_from_elsewhere(request: Request) -> bool:
    """Whether another site's page sent this form."""
    return request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}


def go(url: str) -> Response:
    """Send the browser on with a GET."""
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})


def card_label(method: Document) -> str:
    """``Visa •••• 4242``."""
    card = method["card"]
    return f"{card['brand'].title()} •••• {card['last4']}"

"""The hosted invoice page and its plain PDF."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stripe_emulator.account import Account
from stripe_emulator.engine import cards
from stripe_emulator.engine.collecting import collect
from stripe_emulator.errors import ApiError
from stripe_emulator.pages.rendering import (
    HEADERS,
    Renderer,
    comes_from_elsewhere,
    form_of,
    go,
    money,
)
from stripe_emulator.store import Document


class InvoicePages:
    """Everything below ``/i/``."""

    def __init__(self, account: Account, renderer: Renderer) -> None:
        self.account = account
        self.renderer = renderer

    def routes(self) -> list[Route]:
        """The page, its payment form and the PDF."""
        return [
            Route("/i/{token}", self.show, methods=["GET"]),
            Route("/i/{token}", self.pay, methods=["POST"]),
            Route("/i/{token}/pdf", self.pdf, methods=["GET"]),
        ]

    def _find(self, request: Request) -> Document | None:
        token = request.path_params["token"]
        return next(
            self.account.scan(
                "invoice", match=lambda invoice: invoice.get("_token") == token
            ),
            None,
        )

    def _missing(self, request: Request) -> Response:
        return self.renderer.message(
            request, "Page not found", "This invoice does not exist.", status=404
        )

    def _page(
        self,
        request: Request,
        invoice: Document,
        *,
        error: str = "",
        form: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        values = {"invoice": invoice, "error": error, "form": form or {}, "saved": []}
        return self.renderer.page(request, "invoice.html", values, status=status)

    async def show(self, request: Request) -> Response:
        """The invoice, with a card form while it is open."""
        invoice = self._find(request)
        return self._page(request, invoice) if invoice else self._missing(request)

    async def pay(self, request: Request) -> Response:
        """Pay an open invoice with the card at hand."""
        form = await form_of(request)
        invoice = self._find(request)
        if invoice is None:
            return self._missing(request)
        if comes_from_elsewhere(request):
            return self._page(request, invoice, error="Not accepted", status=403)
        if invoice["status"] != "open":
            return self._page(
                request, invoice, error="This invoice is not open.", status=409
            )
        number = cards.NAMES.get(form.get("card", "")) or form.get("number", "")
        try:
            method = cards.new_payment_method(self.account, number)
            with self.account.store.transaction():
                invoice = self.account.get("invoice", invoice["id"])
                method["customer"] = invoice["customer"]
                self.account.put(method)
                # Whoever pays here sits in front of the page.
                refusal = collect(
                    self.account, invoice, method=method, authenticated=True
                )
        except ApiError as failure:
            return self._page(
                request, invoice, error=str(failure), form=form, status=402
            )
        self.account.has_news()
        if refusal is not None:
            return self._page(
                request, invoice, error=str(refusal), form=form, status=402
            )
        return go(request.url.path)

    async def pdf(self, request: Request) -> Response:
        """The invoice as a one-page PDF."""
        invoice = self._find(request)
        if invoice is None:
            return self._missing(request)
        name = f"{invoice['number']}.pdf"
        headers = {**HEADERS, "Content-Disposition": f'inline; filename="{name}"'}
        return Response(_pdf(invoice), 200, headers, "application/pdf")


def _pdf(invoice: Document) -> bytes:
    """A page of text: enough to download, file and look at."""
    currency = invoice["currency"]
    rows = [
        "EMULATED - no money moves",
        "",
        f"Invoice {invoice['number']}",
        f"Status: {invoice['status']}",
        f"Bill to: {invoice.get('customer_name') or invoice['customer']}",
        f"E-mail: {invoice['customer_email'] or '-'}",
        *(
            f"{tax['type']}: {tax['value']}"
            for tax in invoice.get("customer_tax_ids") or []
        ),
        *(
            f"{field['name']}: {field['value']}"
            for field in invoice.get("custom_fields") or []
        ),
        "",
        *(
            f"{line['description']}    {money(line['amount'], currency)}"
            for line in invoice["lines"]["data"]
        ),
        "",
        f"Total: {money(invoice['total'], currency)}",
        f"Amount due: {money(invoice['amount_due'], currency)}",
    ]
    shown = "\n".join(f"({_escape(row)}) Tj T*" for row in rows)
    content = f"BT /F1 11 Tf 56 780 Td 18 TL\n{shown}\nET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        (
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica"
            b" /Encoding /WinAnsiEncoding >>"
        ),
    ]
    result, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(result))
        result += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return result + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(result))
    )


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")

"""The hosted checkout page, its 3-D Secure interstitial and its end pages."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stripe_emulator.account import Account
from stripe_emulator.engine import cards, discounts
from stripe_emulator.errors import ApiError
from stripe_emulator.pages.rendering import (
    Renderer,
    card_label,
    comes_from_elsewhere,
    form_of,
    go,
)
from stripe_emulator.resources import checkout, purchases
from stripe_emulator.store import Document


class CheckoutPages:
    """Everything below ``/c/pay/``."""

    def __init__(self, account: Account, renderer: Renderer) -> None:
        self.account = account
        self.renderer = renderer

    def routes(self) -> list[Route]:
        """The page, its two forms and the bank's page."""
        return [
            Route("/c/pay/{session}", self.show, methods=["GET"]),
            Route("/c/pay/{session}", self.pay, methods=["POST"]),
            Route("/c/pay/{session}/code", self.code, methods=["POST"]),
            Route("/c/pay/{session}/authenticate", self.ask_bank, methods=["GET"]),
            Route("/c/pay/{session}/authenticate", self.bank, methods=["POST"]),
        ]

    def _session(self, request: Request) -> Document | None:
        return self.account.find("checkout.session", request.path_params["session"])

    def _closed(self, request: Request, session: Document | None) -> Response | None:
        """Why this session cannot be paid, as a page."""
        posted = request.method == "POST"
        if session is None:
            return self.renderer.message(
                request,
                "Page not found",
                "This checkout link does not exist.",
                status=404,
            )
        if posted and comes_from_elsewhere(request):
            return self.renderer.message(
                request,
                "Not accepted",
                "This form was sent from another site.",
                status=403,
            )
        if session["status"] == "complete":
            return self.renderer.message(
                request,
                "You're all done here",
                "You've already completed this payment. Nothing was charged again.",
                status=409 if posted else 200,
                link=_success(session),
                label="Return to the shop",
                locale=session["locale"],
            )
        if session["status"] == "expired" or self._is_late(session):
            return self.renderer.message(
                request,
                "This checkout has expired",
                "Nothing was charged. Please start again from the shop.",
                status=410,
                link=session["cancel_url"],
                label="Return to the shop",
                locale=session["locale"],
            )
        return None

    def _is_late(self, session: Document) -> bool:
        return bool(session["expires_at"] <= self.account.time_of(session))

    async def show(self, request: Request) -> Response:
        """The page with the order and the card form."""
        session = self._session(request)
        closed = self._closed(request, session)
        if closed is not None or session is None:
            return closed or Response(status_code=404)
        return self._page(request, session)

    def _page(
        self,
        request: Request,
        session: Document,
        *,
        status: int = 200,
        error: str = "",
        code_error: str = "",
        form: dict[str, str] | None = None,
    ) -> Response:
        customer = self.account.find("customer", session["customer"])
        saved = (
            self.account.scan("payment_method", customer=customer["id"])
            if customer
            else iter(())
        )
        codes = [
            self._code_name(entry)
            for entry in session["_discounts"]
            if "promotion_code" in entry
        ]
        first = next(
            (e["price"] for e in session["_chosen"] if e["price"]["recurring"]), None
        )
        values: dict[str, Any] = {
            "session": session,
            "customer": customer,
            "email": (customer or {}).get("email") or session["customer_email"] or "",
            "saved": [(method["id"], card_label(method)) for method in saved],
            "codes": codes,
            "recurring": first and first["recurring"],
            "later": sum(checkout.gross(entry) for entry in session["_chosen"]),
            "trial_days": checkout.trial_days(session),
            "needs_card": self._needs_card(session),
            "error": error,
            "code_error": code_error,
            "form": form or {},
        }
        return self.renderer.page(
            request, "checkout.html", values, status=status, locale=session["locale"]
        )

    def _needs_card(self, session: Document) -> bool:
        always = session["payment_method_collection"] == "always"
        return bool(
            session["amount_total"] or (session["mode"] == "subscription" and always)
        )

    def _code_name(self, entry: dict[str, str]) -> str:
        return str(self.account.get("promotion_code", entry["promotion_code"])["code"])

    async def code(self, request: Request) -> Response:
        """Apply or take off a promotion code."""
        form = await form_of(request)
        session = self._session(request)
        closed = self._closed(request, session)
        if closed is not None or session is None:
            return closed or Response(status_code=404)
        if not session["allow_promotion_codes"]:
            return self._page(request, session, status=400)
        try:
            with self.account.store.transaction():
                session = self.account.get("checkout.session", session["id"])
                entries = []
                if "remove" not in form:
                    found = discounts.find_code(self.account, form.get("code", ""))
                    entries = [{"promotion_code": found["id"]}]
                checkout.set_discounts(self.account, session, entries)
        except ApiError as refusal:
            return self._page(
                request, session, status=400, code_error=str(refusal), form=form
            )
        return go(f"/c/pay/{session['id']}")

    async def pay(self, request: Request) -> Response:
        """Try the chosen card; a refusal leaves the session open."""
        form = await form_of(request)
        session = self._session(request)
        closed = self._closed(request, session)
        if closed is not None or session is None:
            return closed or Response(status_code=404)
        customer = self.account.find("customer", session["customer"])
        email = (customer or {}).get("email") or form.get("email", "").strip()
        if "@" not in email:
            return self._page(
                request,
                session,
                status=400,
                error="Please enter your e-mail address.",
                form=form,
            )
        form["email"] = email
        try:
            method = self._method(session, form)
        except ApiError as refusal:
            return self._page(
                request, session, status=402, error=str(refusal), form=form
            )
        if method is not None and _asks(method):
            with self.account.store.transaction():
                session = self.account.get("checkout.session", session["id"])
                session["_waiting"] = form
                self.account.put(session)
            return go(f"/c/pay/{session['id']}/authenticate")
        return self._complete(request, session, form, method)

    def _method(self, session: Document, form: dict[str, str]) -> Document | None:
        """The card at hand: typed, chosen or on file."""
        if not self._needs_card(session):
            return None
        choice = form.get("card", "")
        if choice.startswith("pm_"):
            found = self.account.get("payment_method", choice)
            if not session["customer"] or found["customer"] != session["customer"]:
                raise ApiError("This card is not on file.")
            return found
        number = form.get("number", "").strip()
        if choice in cards.NAMES and not (number and choice == "success"):
            number = cards.NAMES[choice]
        method = cards.new_payment_method(self.account, number)
        method["billing_details"].update(
            email=form["email"], name=form.get("name", "").strip() or None
        )
        return method

    def _complete(
        self,
        request: Request,
        session: Document,
        form: dict[str, str],
        method: Document | None,
        *,
        authenticated: bool = False,
    ) -> Response:
        try:
            with self.account.store.transaction():
                session = self.account.get("checkout.session", session["id"])
                session["_waiting"] = None
                purchases.complete(
                    self.account,
                    session,
                    email=form["email"],
                    name=form.get("name", "").strip(),
                    method=method,
                    authenticated=authenticated,
                )
                target = _success(session)
        except ApiError as refusal:
            unpaid = self.account.get("checkout.session", session["id"])
            return self._page(
                request, unpaid, status=402, error=str(refusal), form=form
            )
        self.account.has_news()
        return go(target)

    async def ask_bank(self, request: Request) -> Response:
        """The bank's question: is it you?"""
        session = self._session(request)
        closed = self._closed(request, session)
        if closed is not None or session is None:
            return closed or Response(status_code=404)
        if not session.get("_waiting"):
            return go(f"/c/pay/{session['id']}")
        return self.renderer.page(
            request,
            "authenticate.html",
            {"session": session},
            locale=session["locale"],
        )

    async def bank(self, request: Request) -> Response:
        """The cardholder's answer to the bank."""
        form = await form_of(request)
        session = self._session(request)
        closed = self._closed(request, session)
        if closed is not None or session is None:
            return closed or Response(status_code=404)
        waiting = session.get("_waiting")
        if not waiting:
            return go(f"/c/pay/{session['id']}")
        if form.get("answer") != "complete":
            return self._page(
                request,
                session,
                status=402,
                error="We are unable to authenticate your payment method. Please "
                "choose a different payment method and try again.",
                form=waiting,
            )
        method = self._method(session, waiting)
        return self._complete(request, session, waiting, method, authenticated=True)


def _asks(method: Document) -> bool:
    once = method["_behaviour"] == cards.ASKS_ONCE and not method.get("_authenticated")
    return once or method["_behaviour"] == cards.ASKS_ALWAYS


def _success(session: Document) -> str:
    url = str(session["success_url"])
    for placeholder in ("{CHECKOUT_SESSION_ID}", "%7BCHECKOUT_SESSION_ID%7D"):
        url = url.replace(placeholder, session["id"])
    return url

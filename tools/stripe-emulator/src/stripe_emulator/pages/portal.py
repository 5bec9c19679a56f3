"""The billing portal: plan, card, invoices, cancelling, resuming."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stripe_emulator.account import Account
from stripe_emulator.engine import cards, changing, items, lifecycle, payments
from stripe_emulator.errors import ApiError
from stripe_emulator.pages.rendering import (
    Renderer,
    card_label,
    comes_from_elsewhere,
    form_of,
    go,
)
from stripe_emulator.resources import customers, invoices
from stripe_emulator.store import Document

LINK_SECONDS = 3600
PLAN_STATES = lifecycle.LIVE - {"incomplete"}


class Visit:
    """One opened portal link: whose it is and what it may do."""

    def __init__(self, account: Account, session: Document) -> None:
        self.session = session
        self.base = f"/p/session/{session['_token']}"
        self.customer = account.get("customer", session["customer"])
        configuration = account.get(
            "billing_portal.configuration", session["configuration"]
        )
        self.headline = configuration["business_profile"]["headline"]
        self.features: dict[str, Any] = configuration["features"]
        self.flow: dict[str, Any] = session["flow"] or {}

    def target(self, done: str) -> str:
        """Where the browser goes after ``done``: home, or where the flow says."""
        after = self.flow.get("after_completion") or {}
        redirect = (after.get("redirect") or {}).get("return_url")
        if after.get("type") == "redirect" and redirect:
            return str(redirect)
        return f"{self.base}?done={done}"


class PortalPages:
    """Everything below ``/p/session/``."""

    def __init__(self, account: Account, renderer: Renderer) -> None:
        self.account = account
        self.renderer = renderer

    def routes(self) -> list[Route]:
        """Home, three forms with a page of their own, two without."""
        base = "/p/session/{token}"
        return [
            Route(base, self.home),
            Route(base + "/card", self.card, methods=["GET", "POST"]),
            Route(base + "/details", self.details, methods=["POST"]),
            Route(
                base + "/cancel/{subscription}", self.cancel, methods=["GET", "POST"]
            ),
            Route(base + "/resume/{subscription}", self.resume, methods=["POST"]),
            Route(
                base + "/switch/{subscription}", self.switch, methods=["GET", "POST"]
            ),
        ]

    def _visit(self, request: Request) -> Visit | Response:
        pointer = self.account.find("portal_token", request.path_params["token"])
        if pointer is None or not self._has_owner(pointer):
            return self.renderer.message(
                request,
                "Page not found",
                "This portal link does not exist.",
                status=404,
            )
        session = self.account.get("billing_portal.session", pointer["session"])
        if self.account.now() - session["created"] > LINK_SECONDS:
            return self.renderer.message(
                request,
                "This link has expired",
                "Portal links work for one hour. Please open a new one from the shop.",
                status=410,
                link=session["return_url"],
                label="Return to the shop",
                locale=session["locale"],
            )
        if request.method == "POST" and comes_from_elsewhere(request):
            return self.renderer.message(
                request,
                "Not accepted",
                "This form was sent from another site.",
                status=403,
            )
        return Visit(self.account, session)

    def _has_owner(self, pointer: Document) -> bool:
        """Whether the customer a link was made for is still there."""
        session = self.account.get("billing_portal.session", pointer["session"])
        return self.account.find("customer", session["customer"]) is not None

    def _subscription(self, request: Request, visit: Visit) -> Document | None:
        found = self.account.find("subscription", request.path_params["subscription"])
        if found is None or found["customer"] != visit.customer["id"]:
            return None
        return found if found["status"] in PLAN_STATES else None

    def _gone(self, request: Request, visit: Visit) -> Response:
        return self.renderer.message(
            request,
            "Page not found",
            "This plan is not yours, has ended, or cannot be changed here.",
            status=404,
            link=visit.base,
            label="Back",
            locale=visit.session["locale"],
        )

    def _page(
        self,
        request: Request,
        visit: Visit,
        template: str,
        values: dict[str, Any],
        *,
        status: int = 200,
    ) -> Response:
        values = {"visit": visit, "features": visit.features, **values}
        return self.renderer.page(
            request, template, values, status=status, locale=visit.session["locale"]
        )

    async def home(self, request: Request) -> Response:
        """Plans, card and invoices; a flow opens on its own page instead."""
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        kind = visit.flow.get("type", "")
        details = visit.flow.get(kind) or {}
        pages = {
            "payment_method_update": "/card",
            "subscription_cancel": f"/cancel/{details.get('subscription')}",
            "subscription_update": f"/switch/{details.get('subscription')}",
            "subscription_update_confirm": f"/switch/{details.get('subscription')}",
        }
        if kind in pages and "done" not in request.query_params:
            return go(visit.base + pages[kind])
        return self._home(request, visit, done=request.query_params.get("done", ""))

    def _home(
        self,
        request: Request,
        visit: Visit,
        *,
        done: str = "",
        error: str = "",
        status: int = 200,
    ) -> Response:
        owner = visit.customer["id"]
        plans = [
            self._plan(found)
            for found in self.account.scan("subscription", customer=owner)
            if found["status"] in PLAN_STATES
        ]
        shown = [
            found
            for found in self.account.scan("invoice", customer=owner)
            if found["status"] != "draft" and found["number"]
        ]
        default = visit.customer["invoice_settings"]["default_payment_method"]
        used = {default} | {plan["method"] for plan in plans}
        methods = [
            (card_label(method), method["id"] in used)
            for method in self.account.scan("payment_method", customer=owner)
        ]
        values = {
            "plans": plans,
            "invoices": shown,
            "methods": methods,
            "done": done,
            "error": error,
        }
        return self._page(request, visit, "portal.html", values, status=status)

    def _plan(self, subscription: Document) -> dict[str, Any]:
        lines = subscription["items"]["data"]
        return {
            "id": subscription["id"],
            "name": ", ".join(
                items.product_name(self.account, line["price"]) for line in lines
            ),
            "amount": sum(items.full_price(self.account, line) for line in lines),
            "currency": subscription["currency"],
            "interval": items.cycle(lines)[0],
            "quantity": lines[0].get("quantity", 1),
            "status": subscription["status"],
            "ends": subscription["cancel_at"],
            "until": lines[0]["current_period_end"],
            "method": subscription["default_payment_method"],
        }

    async def card(self, request: Request) -> Response:
        """Put a new card on file and use it from now on."""
        form = await form_of(request)
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        if not visit.features["payment_method_update"]["enabled"]:
            return self._gone(request, visit)
        if request.method == "GET":
            values = {"form": {}, "saved": [], "error": ""}
            return self._page(request, visit, "portal_card.html", values)
        choice = form.get("card", "")
        number = cards.NAMES.get(choice) or form.get("number", "")
        if choice == "success" and form.get("number", "").strip():
            number = form["number"]
        try:
            with self.account.store.transaction():
                self._use_card(visit.customer["id"], number)
        except ApiError as refusal:
            values = {"form": form, "saved": [], "error": str(refusal)}
            return self._page(request, visit, "portal_card.html", values, status=402)
        self.account.has_news()
        return go(visit.target("card"))

    def _use_card(self, owner: str, number: str) -> None:
        customer = self.account.get("customer", owner)
        method = cards.new_payment_method(self.account, number)
        # The cardholder sits in front of the page, so the bank has seen them.
        method["_authenticated"] = True
        self.account.put(method)
        payments.attach(self.account, method, customer)
        customers.update(
            self.account,
            {"invoice_settings": {"default_payment_method": method["id"]}},
            owner,
        )
        for subscription in self.account.scan("subscription", customer=owner):
            if subscription["status"] in PLAN_STATES:
                changing.update(
                    self.account,
                    subscription,
                    {"default_payment_method": method["id"]},
                )

    async def details(self, request: Request) -> Response:
        """Change name and e-mail."""
        form = await form_of(request)
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        allowed = visit.features["customer_update"]
        if not allowed["enabled"]:
            return self._gone(request, visit)
        if "@" not in form.get("email", visit.customer["email"] or "@"):
            return self._home(
                request, visit, error="Please enter your e-mail address.", status=400
            )
        changes: dict[str, Any] = {
            name: form[name].strip()
            for name in ("email", "name")
            if name in form and name in allowed["allowed_updates"]
        }
        with self.account.store.transaction():
            customers.update(self.account, changes, visit.customer["id"])
        self.account.has_news()
        return go(visit.target("details"))

    async def cancel(self, request: Request) -> Response:
        """Ask why, then end the plan now or at the period's end."""
        form = await form_of(request)
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        feature = visit.features["subscription_cancel"]
        found = self._subscription(request, visit)
        if found is None or not feature["enabled"]:
            return self._gone(request, visit)
        if request.method == "GET":
            values = {"plan": self._plan(found), "feature": feature}
            return self._page(request, visit, "portal_cancel.html", values)
        options = feature["cancellation_reason"]["options"]
        feedback = form.get("feedback", "")
        details = {
            "comment": form.get("comment", "").strip()[:500],
            "feedback": feedback if feedback in options else "",
        }
        with self.account.store.transaction():
            found = self.account.get("subscription", found["id"])
            if feature["mode"] == "immediately":
                prorate = feature["proration_behavior"] != "none"
                changing.cancel(
                    self.account,
                    found,
                    {"cancellation_details": details, "prorate": prorate},
                )
            else:
                changing.update(
                    self.account,
                    found,
                    {"cancel_at_period_end": True, "cancellation_details": details},
                )
        self.account.has_news()
        return go(visit.target("cancelled"))

    async def resume(self, request: Request) -> Response:
        """Take a planned cancellation back."""
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        found = self._subscription(request, visit)
        if found is None:
            return self._gone(request, visit)
        with self.account.store.transaction():
            found = self.account.get("subscription", found["id"])
            changing.update(self.account, found, {"cancel_at_period_end": False})
        self.account.has_news()
        return go(visit.target("resumed"))

    async def switch(self, request: Request) -> Response:
        """Choose another price, see what it costs today, confirm."""
        form = await form_of(request)
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        feature = visit.features["subscription_update"]
        found = self._subscription(request, visit)
        if found is None or not feature["enabled"] or found["status"] == "past_due":
            return self._gone(request, visit)
        choices = self._choices(visit, found)
        confirm = visit.flow.get("subscription_update_confirm") or {}
        wanted = request.query_params.get("price") or form.get("price", "")
        if confirm and not wanted:
            wanted = (confirm.get("items") or [{}])[0].get("price", "")
            choices.setdefault(wanted, {})
        if wanted and wanted not in choices:
            return self._gone(request, visit)
        values: dict[str, Any] = {
            "plan": self._plan(found),
            "choices": list(choices.values()),
            "wanted": choices.get(wanted),
            "preview": None,
            "error": "",
            "quantity": self._plan(found)["quantity"],
            "is_adjustable": any(
                self._seats(visit, price) not in {None, (1, 1)} for price in choices
            ),
        }
        if not wanted:
            return self._page(request, visit, "portal_switch.html", values)
        entry: dict[str, Any] = {
            "id": found["items"]["data"][0]["id"],
            "price": wanted,
        }
        if (confirm.get("items") or [{}])[0].get("quantity"):
            entry["quantity"] = confirm["items"][0]["quantity"]
        elif seats := self._seats(visit, wanted):
            asked = request.query_params.get("quantity") or form.get("quantity", "")
            held = found["items"]["data"][0].get("quantity", 1)
            low, high = seats
            entry["quantity"] = int(asked) if asked.isdecimal() else held
            if not asked or low == high:
                entry["quantity"] = min(max(entry["quantity"], low), high)
            if not low <= entry["quantity"] <= high:
                values["error"] = "That quantity is not possible for this plan."
                values["wanted"] = None
                return self._page(
                    request, visit, "portal_switch.html", values, status=400
                )
        change = {
            "items": [entry],
            "proration_behavior": feature["proration_behavior"],
        }
        if request.method == "GET":
            values["wanted"] = self._choice(wanted, found)
            values["quantity"] = entry.get("quantity", values["quantity"])
            values["preview"] = invoices.preview(
                self.account,
                {"subscription": found["id"], "subscription_details": change},
            )
            values["now"] = feature["proration_behavior"] == "always_invoice"
            return self._page(request, visit, "portal_switch.html", values)
        try:
            with self.account.store.transaction():
                changing.update(
                    self.account,
                    self.account.get("subscription", found["id"]),
                    {**change, "payment_behavior": "error_if_incomplete"},
                )
        except ApiError as refusal:
            values["error"] = str(refusal)
            return self._page(request, visit, "portal_switch.html", values, status=402)
        self.account.has_news()
        return go(visit.target("switched"))

    def _choices(self, visit: Visit, found: Document) -> dict[str, dict[str, Any]]:
        held = found["items"]["data"][0]["price"]["id"]
        return {
            price: self._choice(price, found)
            for product in visit.features["subscription_update"]["products"]
            for price in product["prices"]
            # The plan that is held is a choice where its quantity may change.
            if price != held or self._seats(visit, price) not in {None, (1, 1)}
        }

    def _seats(self, visit: Visit, price: str) -> tuple[int, int] | None:
        """The least and the most of a price that may be chosen; None: no choice."""
        feature = visit.features["subscription_update"]
        if "quantity" not in feature["default_allowed_updates"]:
            return None
        for product in feature["products"]:
            limits = product["adjustable_quantity"]
            if price in product["prices"] and limits["enabled"]:
                return limits.get("minimum") or 1, limits.get("maximum") or 999_999
        return None

    def _choice(self, price: str, found: Document) -> dict[str, Any]:
        offer = self.account.get("price", price)
        return {
            "id": price,
            "name": items.product_name(self.account, offer),
            "amount": offer["unit_amount"] or 0,
            "currency": offer["currency"],
            "interval": (offer["recurring"] or {}).get("interval", ""),
        }

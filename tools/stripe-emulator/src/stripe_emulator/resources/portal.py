"""Billing portal: configurations and sessions."""

import copy
from typing import Any

from stripe_emulator.account import Account, merge_metadata, new_id
from stripe_emulator.errors import ApiError
from stripe_emulator.render import public
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]
KIND = "billing_portal.configuration"
REASONS = [
    "too_expensive",
    "missing_features",
    "switched_service",
    "unused",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
]
FEATURES: dict[str, Any] = {
    "customer_update": {"allowed_updates": ["email", "name"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": True, "options": REASONS},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "create_prorations",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


def default_configuration(account: Account) -> Document:
    """The account's own configuration, made when first needed."""
    for found in account.scan(KIND):
        if found["is_default"]:
            return found
    return _new(account, {}, is_default=True)


def _new(account: Account, params: Params, *, is_default: bool = False) -> Document:
    now = account.now()
    configuration: Document = {
        "id": new_id("bpc"),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": now,
        "default_return_url": None,
        "features": copy.deepcopy(FEATURES),
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
    }
    _apply(account, configuration, params)
    return account.put(configuration)


def _apply(account: Account, configuration: Document, params: Params) -> None:
    for name, values in (params.get("features") or {}).items():
        feature = configuration["features"].setdefault(name, {})
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(feature.get(key), dict):
                feature[key] = {**feature[key], **value}
            else:
                feature[key] = value or ([] if key == "products" else value)
    for product in configuration["features"]["subscription_update"]["products"]:
        product.setdefault(
            "adjustable_quantity", {"enabled": False, "maximum": None, "minimum": 1}
        )
        for price in product["prices"]:
            account.refer("price", price, "features[subscription_update][products]")
    configuration["business_profile"].update(params.get("business_profile") or {})
    configuration["active"] = params.get("active", configuration["active"])
    for name in ("default_return_url", "name"):
        if name in params:
            configuration[name] = params[name] or None
    merge_metadata(configuration, params.get("metadata"))


def create_configuration(account: Account, params: Params) -> Document:
    """A portal with its own set of features."""
    configuration = _new(account, params)
    account.emit("billing_portal.configuration.created", configuration)
    return configuration


def retrieve_configuration(
    account: Account, params: Params, configuration: str
) -> Document:
    """The configuration."""
    return account.get(KIND, configuration)


def update_configuration(
    account: Account, params: Params, configuration: str
) -> Document:
    """Change what a portal offers."""
    found = account.get(KIND, configuration)
    before = account.snapshot(found)
    _apply(account, found, params)
    found["updated"] = account.now()
    account.put(found)
    account.emit_update("billing_portal.configuration.updated", found, before)
    return found


def index_configurations(account: Account, params: Params) -> Document:
    """Portal configurations."""
    default_configuration(account)
    return page(
        account,
        KIND,
        params,
        url="/v1/billing_portal/configurations",
        match=lambda found: all(
            found[name] == params[name]
            for name in ("active", "is_default")
            if name in params
        ),
    )


def create_session(account: Account, params: Params) -> Document:
    """A link that opens the portal for one customer."""
    customer = account.refer("customer", params.get("customer", ""), "customer")
    if params.get("configuration"):
        configuration = account.refer(KIND, params["configuration"], "configuration")
    else:
        configuration = default_configuration(account)
    flow = params.get("flow_data")
    if flow:
        _check_flow(account, flow, customer)
    token = new_id("test", 44)
    session: Document = {
        "id": new_id("bps"),
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": account.now(),
        "customer": customer["id"],
        "customer_account": None,
        "flow": flow
        and {
            "after_completion": {
                "hosted_confirmation": None,
                "redirect": None,
                "type": "portal_homepage",
                **(flow.get("after_completion") or {}),
            },
            "subscription_cancel": flow.get("subscription_cancel"),
            "subscription_update": flow.get("subscription_update"),
            "subscription_update_confirm": flow.get("subscription_update_confirm"),
            "type": flow["type"],
        },
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{account.settings.base_url}/p/session/{token}",
        "_token": token,
    }
    account.put(session)
    account.put({"id": token, "object": "portal_token", "session": session["id"]})
    account.emit("billing_portal.session.created", session)
    return {**public(account.store, session)}


def _check_flow(account: Account, flow: dict[str, Any], customer: Document) -> None:
    details = flow.get(flow["type"]) or {}
    if "subscription" not in details:
        if flow["type"].startswith("subscription_"):
            raise ApiError(
                f"Missing required param: flow_data[{flow['type']}].",
                code="parameter_missing",
                param=f"flow_data[{flow['type']}]",
            )
        return
    where = f"flow_data[{flow['type']}][subscription]"
    subscription = account.refer("subscription", details["subscription"], where)
    if subscription["customer"] != customer["id"]:
        raise ApiError("This subscription belongs to another customer.", param=where)

"""Events, and the endpoints they go to."""

import fnmatch
import secrets
from typing import Any
from urllib.parse import urlsplit

from stripe_emulator.account import API_VERSION, Account, merge_metadata, new_id
from stripe_emulator.errors import ApiError
from stripe_emulator.render import public
from stripe_emulator.resources.paging import page
from stripe_emulator.store import Document

Params = dict[str, Any]


def retrieve(account: Account, params: Params, event: str) -> Document:
    """The event as it was sent."""
    return account.get("event", event)


def index(account: Account, params: Params) -> Document:
    """Events, by type, time and whether their delivery succeeded."""
    if "type" in params and "types" in params:
        raise ApiError("You may only specify one of type and types.", param="types")
    patterns = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    wanted = params.get("delivery_success")

    def fits(event: Document) -> bool:
        return any(fnmatch.fnmatchcase(event["type"], name) for name in patterns) and (
            wanted is None or wanted == (event["pending_webhooks"] == 0)
        )

    return page(account, "event", params, url="/v1/events", match=fits)


def create_endpoint(account: Account, params: Params) -> Document:
    """Register an endpoint; the answer alone tells its secret."""
    if urlsplit(params["url"]).scheme not in {"http", "https"}:
        raise ApiError(
            "Invalid URL: must be http or https.", code="url_invalid", param="url"
        )
    endpoint = new_endpoint(
        account,
        params["url"],
        events=params["enabled_events"],
        secret="whsec_" + secrets.token_urlsafe(24),
        description=params.get("description") or None,
        api_version=params.get("api_version") or API_VERSION,
    )
    merge_metadata(endpoint, params.get("metadata"))
    account.put(endpoint)
    return {**public(account.store, endpoint), "secret": endpoint["_secrets"][0]}


def new_endpoint(
    account: Account,
    url: str,
    *,
    events: list[str],
    secret: str,
    description: str | None = None,
    api_version: str = API_VERSION,
) -> Document:
    """An endpoint that receives ``events`` signed with ``secret``."""
    return account.put(
        {
            "id": new_id("we"),
            "object": "webhook_endpoint",
            "api_version": api_version,
            "application": None,
            "created": account.now(),
            "description": description,
            "enabled_events": events,
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": url,
            "_secrets": [secret],
        }
    )


def ensure_endpoint(account: Account, url: str, secret: str) -> Document:
    """Register the environment's endpoint once, with the secret given there."""
    for endpoint in account.scan("webhook_endpoint"):
        if endpoint["url"] == url:
            endpoint.update(status="enabled", _secrets=[secret])
            return account.put(endpoint)
    return new_endpoint(
        account, url, events=["*"], secret=secret, description="From the environment"
    )


def retrieve_endpoint(account: Account, params: Params, endpoint: str) -> Document:
    """The endpoint, without its secret."""
    return account.get("webhook_endpoint", endpoint)


def update_endpoint(account: Account, params: Params, endpoint: str) -> Document:
    """Move, narrow or switch off an endpoint."""
    found = account.get("webhook_endpoint", endpoint)
    for name in ("url", "enabled_events", "description"):
        if name in params:
            found[name] = params[name]
    if "disabled" in params:
        found["status"] = "disabled" if params["disabled"] else "enabled"
    merge_metadata(found, params.get("metadata"))
    return account.put(found)


def delete_endpoint(account: Account, params: Params, endpoint: str) -> Document:
    """Stop sending to an endpoint."""
    found = account.get("webhook_endpoint", endpoint)
    found["deleted"] = True
    account.store.db.execute(
        "UPDATE deliveries SET state = 'dropped', due_at = NULL"
        " WHERE endpoint = ? AND state = 'pending'",
        (endpoint,),
    )
    return account.put(found)


def index_endpoints(account: Account, params: Params) -> Document:
    """All endpoints."""
    return page(account, "webhook_endpoint", params, url="/v1/webhook_endpoints")

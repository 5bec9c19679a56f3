"""What leaves for Sentry when something breaks: where and what, never whose words.

By itself the library sends the variables of every frame and the body of the request,
which here are prompts, posts, passwords and keys; and addresses, some of which hold a
secret (``core.addresses.SECRET_PARAMETERS``).
"""

from typing import Any

import sentry_sdk

Event = dict[str, Any]
# Parts of an event that name no person and hold nothing that was typed.
_KEPT_EXTRAS = ("request_id",)


def start(dsn: str) -> None:
    """Send the exceptions of this process."""
    sentry_sdk.init(**options(dsn))


def options(dsn: str) -> dict[str, Any]:
    """Return how the library is set up."""
    return {
        "dsn": dsn,
        "include_local_variables": False,
        "max_request_body_size": "never",
        # They are log lines, addresses and statements of the minutes before.
        "max_breadcrumbs": 0,
        "before_send": without_words,
    }


def without_words(event: Event, hint: dict[str, Any]) -> Event:
    """Return an event without what people sent, wrote or are called."""
    request = event.pop("request", {})
    event["request"] = {"method": request.get("method", "")}
    event.pop("user", None)
    extra = event.get("extra", {})
    event["extra"] = {name: extra[name] for name in _KEPT_EXTRAS if name in extra}
    for error in event.get("exception", {}).get("values", ()):
        # PostgreSQL writes the row that it refuses below the first line.
        error["value"] = str(error.get("value") or "").partition("\n")[0]
    entry = event.get("logentry")
    if entry:
        # The name of an event, without what it was filled with.
        event["logentry"] = {"message": entry.get("message", "")}
    return event

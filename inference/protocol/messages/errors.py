"""Refusals in Anthropic's shape: its types, its statuses, its words."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from inference.protocol.errors import CONTEXT_EXCEEDED, APIError, ContextExceeded

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# Where Anthropic has a status of its own for what OpenAI's protocol says otherwise.
_STATUSES = {503: 529}
_BRACKETS = re.compile(r"\[(\d+)\]")


def status_of(error: APIError) -> int:
    """Return the status with which Anthropic's clients raise the right class."""
    # 429 would have them try again for a month.
    if error.code == "insufficient_quota":
        return 402
    return _STATUSES.get(error.status, error.status)


def body_of(error: APIError, request_id: str) -> bytes:
    """Return the body: ``{"type": "error", "error": {"type", "message"}, …}``."""
    return orjson.dumps(
        {
            "type": "error",
            "error": {
                "type": _type_of(status_of(error)),
                "message": _message_of(error),
            },
            "request_id": request_id,
        }
    )


def worded(error: Mapping[str, Any]) -> dict[str, str]:
    """Return the error of an event from one in OpenAI's shape."""
    code = error.get("code")
    kind = _LATE.get(str(code), "api_error")
    return {
        "type": kind,
        "message": _message(str(error["message"]), error.get("param"), code),
    }


# What can still happen after the first event, by our own code.
_LATE = {
    "invalid_api_key": "authentication_error",
    "server_shutdown": "overloaded_error",
    "upstream_timeout": "timeout_error",
    "upstream_rate_limited": "rate_limit_error",
    "context_length_exceeded": "invalid_request_error",
    "content_policy_violation": "invalid_request_error",
}


def _type_of(status: int) -> str:
    if status in _TYPES:
        return _TYPES[status]
    return "invalid_request_error" if status < 500 else "api_error"


def _message_of(error: APIError) -> str:
    if not isinstance(error, ContextExceeded) or error.prompt is None:
        return _message(error.message, error.param, error.code)
    guessed = " (estimated)" if error.is_estimated else ""
    if error.answer is None or error.prompt > error.limit:
        # Clients that shorten the conversation look for these very words.
        return (
            f"prompt is too long: {error.prompt} tokens > {error.limit} "
            f"maximum{guessed}"
        )
    # Others read the three numbers and ask for a shorter answer.
    return (
        f"input length and `max_tokens` exceed context limit: {error.prompt} + "
        f"{error.answer} > {error.limit}{guessed}, decrease input length or "
        "`max_tokens` and try again"
    )


def _message(message: str, param: str | None, code: str | None) -> str:
    if code == CONTEXT_EXCEEDED:
        return f"prompt is too long: {message}"
    if not param:
        return message
    place = _BRACKETS.sub(r".\1", param)
    return f"{place}: {message}"

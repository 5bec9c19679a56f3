"""Reading what a caller asks for, and refusing it by the field that is wrong."""

from dataclasses import dataclass
from typing import Any

import orjson

from inference.gateway.errors import bad_request

CHAT = "chat/completions"
COMPLETIONS = "completions"
EMBEDDINGS = "embeddings"
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}


@dataclass(slots=True, kw_only=True)
class Call:
    """One valid request. ``payload`` is what was sent, unknown fields included."""

    endpoint: str
    payload: dict[str, Any]
    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    body_bytes: int


def parse(endpoint: str, body: bytes) -> Call:
    """Read a request body. Raises ``GatewayError`` naming the field."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise bad_request("The body has to be a JSON object.")

    model = payload.get("model")
    if not isinstance(model, str) or not model:
        raise bad_request("You must provide a model parameter.", "model")
    _check_prompt(endpoint, payload)
    is_stream = payload.get("stream")
    if is_stream is not None and not isinstance(is_stream, bool):
        raise bad_request("`stream` has to be true or false.", "stream")
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1)):
        _check_number(payload, name, low, high)
    count = payload.get("n")
    if count is not None and (
        not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 8
    ):
        raise bad_request("`n` has to be a whole number from 1 to 8.", "n")
    return Call(
        endpoint=endpoint,
        payload=payload,
        model=model,
        is_stream=bool(is_stream),
        wants_usage=_wants_usage(payload, is_stream=bool(is_stream)),
        max_tokens=_max_tokens(payload),
        body_bytes=len(body),
    )


def _check_prompt(endpoint: str, payload: dict[str, Any]) -> None:
    if endpoint == CHAT:
        _check_messages(payload.get("messages"))
    elif endpoint == COMPLETIONS:
        if not isinstance(payload.get("prompt"), str | list):
            raise bad_request(
                "You must provide a prompt: text or a list of texts.", "prompt"
            )
    elif not isinstance(payload.get("input"), str | list):
        raise bad_request(
            "You must provide an input: text or a list of texts.", "input"
        )


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise bad_request(
            "You must provide messages: a list with at least one.", "messages"
        )
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise bad_request(f"`{where}` has to be an object.", where)
        if message.get("role") not in ROLES:
            raise bad_request(
                f"`{where}.role` has to be one of {', '.join(sorted(ROLES))}.",
                f"{where}.role",
            )
        content = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise bad_request(
                f"`{where}.content` has to be text or a list of parts.",
                f"{where}.content",
            )


def _check_number(payload: dict[str, Any], name: str, low: float, high: float) -> None:
    value = payload.get(name)
    if value is None:
        return
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not low <= value <= high
    ):
        raise bad_request(f"`{name}` has to be a number from {low} to {high}.", name)


def _max_tokens(payload: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = payload.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise bad_request(f"`{name}` has to be a whole number of at least 1.", name)
        return value
    return None


def _wants_usage(payload: dict[str, Any], *, is_stream: bool) -> bool:
    options = payload.get("stream_options")
    if options is None:
        return False
    if not is_stream:
        raise bad_request(
            "`stream_options` is only allowed when `stream` is true.", "stream_options"
        )
    if not isinstance(options, dict):
        raise bad_request("`stream_options` has to be an object.", "stream_options")
    return options.get("include_usage") is True

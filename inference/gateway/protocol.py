"""Reading what a caller asks for, and refusing it by the field that is wrong."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from inference.gateway.errors import bad_request

CHAT = "chat/completions"
COMPLETIONS = "completions"
EMBEDDINGS = "embeddings"
MAX_DEPTH = 200
# Pictures and recordings cost tokens by what they show, not by their bytes.
ATTACHMENT_TOKENS = 1000
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
MAX_CHOICES = 128
_TEXT_PARTS = {"text", "refusal"}
_WIDE = re.compile(r"[^\x00-\x7f]+")
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')


@dataclass(slots=True, kw_only=True)
class Call:
    """One valid request. ``payload`` is what was sent, unknown fields included."""

    endpoint: str
    payload: dict[str, Any]
    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    choices: int
    # What the body would weigh in a tokeniser: ASCII bytes, other characters.
    plain_bytes: int
    wide_characters: int
    attachments: int

    def estimated_tokens(self, bytes_per_token: float) -> int:
        """Return about how many tokens the prompt is, rather too many.

        A character outside ASCII is taken for a token: four bytes for each would
        be far too few for Chinese.
        """
        return max(
            1,
            int(self.plain_bytes / bytes_per_token)
            + self.wide_characters
            + self.attachments * ATTACHMENT_TOKENS,
        )


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
    for name, low, high in (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("presence_penalty", -2, 2),
        ("frequency_penalty", -2, 2),
    ):
        _check_number(payload, name, low, high)
    count = payload.get("n")
    if count is not None and (
        not isinstance(count, int)
        or isinstance(count, bool)
        or not 1 <= count <= MAX_CHOICES
    ):
        raise bad_request(f"`n` has to be a whole number from 1 to {MAX_CHOICES}.", "n")
    _check_stop(payload)
    for name in ("tools", "functions"):
        if not isinstance(payload.get(name), list | None):
            raise bad_request(f"`{name}` has to be a list.", name)
    _check_depth(body)
    plain, wide, attachments = _weigh(payload, body)
    return Call(
        endpoint=endpoint,
        payload=payload,
        model=model,
        is_stream=bool(is_stream) and endpoint != EMBEDDINGS,
        wants_usage=_wants_usage(payload, is_stream=bool(is_stream)),
        max_tokens=_max_tokens(payload),
        choices=count or 1,
        plain_bytes=plain,
        wide_characters=wide,
        attachments=attachments,
    )


def _check_depth(body: bytes) -> None:
    """Refuse what could be read but not written again for the upstream."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for sign in _BRACKETS.finditer(body):
        kind = sign.group()
        if kind in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise bad_request(
                    f"The body is nested more than {MAX_DEPTH} levels deep."
                )
        elif kind in b"]}":
            depth -= 1


def _check_stop(payload: dict[str, Any]) -> None:
    stop = payload.get("stop")
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise bad_request("`stop` has to be text or a list of texts.", "stop")


def _weigh(payload: dict[str, Any], body: bytes) -> tuple[int, int, int]:
    """Return (ASCII bytes, other characters, attachments) of a request."""
    size, attachments = 0, 0
    messages = payload.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            for part in content:
                if isinstance(part, dict) and part.get("type") not in _TEXT_PARTS:
                    attachments += 1
                    size += len(orjson.dumps(part))
    if b"\\u" in body:
        # Escapes are six bytes a character, whatever the character is.
        body = orjson.dumps(payload)
    if body.isascii():
        return max(0, len(body) - size), 0, attachments
    text = body.decode()
    wide = sum(len(run) for run in _WIDE.findall(text))
    return max(0, len(text) - wide - size), wide, attachments


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
    include = options.get("include_usage")
    if include is not None and not isinstance(include, bool):
        raise bad_request(
            "`stream_options.include_usage` has to be true or false.",
            "stream_options.include_usage",
        )
    return include is True

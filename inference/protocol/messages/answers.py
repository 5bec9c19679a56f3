"""A chat's answer as the message that Anthropic's clients read."""

from typing import Any

import orjson

from inference.protocol.chunks import CallPiece, Said, Told, answer_of

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def message(body: bytes, *, request_id: str, model: str) -> bytes:
    """Return a whole answer as a message."""
    said, told = answer_of(body)
    content: list[dict[str, Any]] = []
    if said.thought:
        content.append(thinking_block(said.thought))
    if text := said.text + said.refusal:
        content.append(text_block(text))
    for number, call in enumerate(said.calls):
        content.append(
            tool_block(call, number, request_id) | {"input": _input_of(call.arguments)}
        )
    answer = head(request_id, model) | {
        "content": content,
        **end(said, has_calls=bool(said.calls)),
        "usage": usage(told),
    }
    return orjson.dumps(answer)


def head(request_id: str, model: str) -> dict[str, Any]:
    """Return what is known of a message before anything is said."""
    return {
        "id": f"msg_{request_id.removeprefix('req_')}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def end(said: Said, *, has_calls: bool) -> dict[str, Any]:
    """Return why the answer ends. Some servers say ``stop`` after calling a tool."""
    if said.stopped_by is not None and not has_calls:
        return {"stop_reason": "stop_sequence", "stop_sequence": said.stopped_by}
    reason = _REASONS.get(said.finish, "end_turn")
    if has_calls and reason == "end_turn":
        reason = "tool_use"
    return {"stop_reason": reason, "stop_sequence": None}


def usage(told: Told) -> dict[str, Any]:
    """Return the usage, in which what was cached is no part of the input."""
    used: dict[str, Any] = {
        "input_tokens": told.tokens_in - told.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": told.cached,
        "output_tokens": told.tokens_out,
    }
    if told.thought is not None:
        used["output_tokens_details"] = {"thinking_tokens": told.thought}
    return used


def text_block(text: str = "") -> dict[str, Any]:
    return {"type": "text", "text": text, "citations": None}


def thinking_block(thought: str = "") -> dict[str, Any]:
    # Signed is what Anthropic's own server is to believe later; here nobody asks.
    return {"type": "thinking", "thinking": thought, "signature": ""}


def tool_block(call: CallPiece, number: int, request_id: str) -> dict[str, Any]:
    """Return a call before its input; a server may have left out its id."""
    named = call.id or f"toolu_{request_id.removeprefix('req_')}_{number}"
    return {"type": "tool_use", "id": named, "name": call.name, "input": {}}


def _input_of(arguments: str) -> dict[str, Any]:
    """Return a call's input: nothing where a short answer cut it off."""
    try:
        value = orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}

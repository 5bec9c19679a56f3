"""Reading a request to ``/v1/messages`` as the chat it stands for."""

from collections.abc import Iterator
from typing import Any

import orjson

from inference.protocol.errors import bad_request
from inference.protocol.reading import Fields

_COUNTED = {
    *("model", "messages", "system", "tools", "tool_choice", "thinking"),
    *("output_config", "cache_control", "context_management", "speed"),
}
# The last ones choose how Anthropic serves its own models: there is no choice here.
_KNOWN = _COUNTED | {
    *("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences"),
    *("metadata", "service_tier", "inference_geo"),
}
_NOWHERE = ("container", "mcp_servers")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
# Chat has three words for five efforts.
_EFFORT = {"xhigh": "high", "max": "high"}
# Anthropic's least budget is 1 024. What is thought in twice that is little, and
# answers to hard questions begin to need more than eight times.
_LITTLE, _SOME = 2048, 8192
_ROLES = ("user", "assistant", "system")


def to_chat(fields: Fields) -> dict[str, Any]:
    """Return the chat a request asks for. Raises ``APIError`` naming the field."""
    fields.without(*_NOWHERE, why="nothing is run or kept here.")
    fields.only(_KNOWN | set(_NOWHERE))
    chat = _prompt(fields)
    most = fields.count("max_tokens")
    if most is None:
        raise bad_request("`max_tokens` is required.", "max_tokens")
    chat["max_tokens"] = most
    sampled = {
        "temperature": fields.number("temperature", 0, 1),
        "top_p": fields.number("top_p", 0, 1),
        "top_k": fields.count("top_k", low=0),
        "stop": fields.texts("stop_sequences") or None,
        "user": _user(fields),
        "stream": fields.flag("stream"),
    }
    return chat | {name: value for name, value in sampled.items() if value is not None}


def to_counted(fields: Fields) -> dict[str, Any]:
    """Return the chat whose tokens are to be counted. Raises ``APIError``."""
    fields.without(*_NOWHERE, why="nothing is run or kept here.")
    fields.only(_COUNTED | set(_NOWHERE))
    return _prompt(fields)


def _prompt(fields: Fields) -> dict[str, Any]:
    """Return what the model is to read, and how much it may think about it."""
    system = _text(fields, "system", "\n\n")
    messages = [{"role": "system", "content": system}] if system else []
    asked = list(fields.objects("messages"))
    if not asked:
        raise bad_request("`messages` needs at least one message.", "messages")
    # What was thought belongs to the answer that tools are still being called for.
    loop = _start_of_loop(asked)
    for index, message in enumerate(asked):
        message.only({"role", "content"})
        messages += _message(message, is_in_loop=index > loop)
    chat: dict[str, Any] = {"model": fields.text("model"), "messages": messages}
    tools = [_tool(tool) for tool in fields.objects("tools")]
    if tools:
        chat["tools"] = tools
    chat |= _tool_choice(fields) if tools else {}
    chat |= _thinking(fields)
    return chat


def _user(fields: Fields) -> str | None:
    metadata = fields.object("metadata")
    if metadata is None:
        return None
    metadata.only({"user_id"})
    return metadata.optional_text("user_id")


def _start_of_loop(messages: list[Fields]) -> int:
    """Return the index of the last message in which the user says something new."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index].value
        content = message.get("content")
        if message.get("role") == "user" and not (
            isinstance(content, list)
            and any(
                isinstance(b, dict) and b.get("type") == "tool_result" for b in content
            )
        ):
            return index
    return -1


def _message(message: Fields, *, is_in_loop: bool) -> list[dict[str, Any]]:
    role = message.choice("role", _ROLES)
    if role is None:
        place = message.place("role")
        raise bad_request(f"`{place}` is required.", place)
    if role == "system":
        return [{"role": "system", "content": _text(message, "content", "\n\n")}]
    if isinstance(message.value.get("content"), str):
        return [{"role": role, "content": message.value["content"]}]
    if not isinstance(message.value.get("content"), list):
        place = message.place("content")
        raise bad_request(f"`{place}` has to be text or a list of blocks.", place)
    if role == "assistant":
        return [_assistant(message, thinks=is_in_loop)]
    return list(_user_messages(message))


def _assistant(message: Fields, *, thinks: bool) -> dict[str, Any]:
    """Return what a model said: its text, the tools it called, and its thoughts."""
    texts, thoughts, calls = [], [], []
    for block in message.objects("content"):
        kind = block.text("type")
        if kind == "text":
            texts.append(_text_of(block))
        elif kind == "thinking":
            thoughts.append(block.text("thinking"))
        elif kind == "redacted_thinking":
            # Nobody but Anthropic's own server can read it.
            continue
        elif kind == "tool_use":
            calls.append(_call(block))
        else:
            raise block.refuse_kind(kind)
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        said["tool_calls"] = calls
    elif said["content"] is None:
        said["content"] = ""
    if thinks and thoughts:
        said["reasoning_content"] = "".join(thoughts)
    return said


def _call(block: Fields) -> dict[str, Any]:
    block.only({"type", "id", "name", "input", "cache_control", "caller"})
    arguments = block.required_object("input").value
    return {
        "id": block.text("id"),
        "type": "function",
        "function": {
            "name": block.text("name"),
            "arguments": orjson.dumps(arguments).decode(),
        },
    }


def _user_messages(message: Fields) -> Iterator[dict[str, Any]]:
    """Yield the results of tools, which come first, and then what the user says."""
    parts: list[dict[str, Any]] = []
    for block in message.objects("content"):
        if block.value.get("type") != "tool_result":
            parts.append(_part(block))
            continue
        content, pictures = _result(block)
        yield {
            "role": "tool",
            "tool_call_id": block.text("tool_use_id"),
            "content": content,
        }
        # A tool's message is text; what it shows, the user shows.
        parts += pictures
    if parts or not message.value["content"]:
        yield {"role": "user", "content": _plainest(parts)}


def _result(block: Fields) -> tuple[str, list[dict[str, Any]]]:
    block.only({"type", "tool_use_id", "content", "is_error", "cache_control"})
    block.flag("is_error")
    if isinstance(block.value.get("content"), str):
        return block.value["content"], []
    parts = [_part(inner) for inner in block.objects("content")]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "\n".join(texts), [part for part in parts if part["type"] != "text"]


def _part(block: Fields) -> dict[str, Any]:
    kind = block.text("type")
    if kind == "text":
        return {"type": "text", "text": _text_of(block)}
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": _address(block)}}
    if kind == "document":
        return _document(block)
    if kind == "search_result":
        texts = [_text_of(inner) for inner in block.objects("content")]
        head = f"{block.text('title')}\n{block.text('source')}"
        return {"type": "text", "text": "\n".join([head, *texts])}
    raise block.refuse_kind(kind)


def _document(block: Fields) -> dict[str, Any]:
    source = block.required_object("source")
    title = block.optional_text("title") or "document"
    kind = source.text("type")
    if kind == "text":
        return {"type": "text", "text": f"{title}\n{source.text('data')}"}
    if kind == "content":
        return {"type": "text", "text": f"{title}\n{_text(source, 'content', ' ')}"}
    if kind != "base64":
        raise source.refuse_kind(kind)
    return {
        "type": "file",
        "file": {"filename": title, "file_data": _data_address(source)},
    }


def _address(block: Fields) -> str:
    """Return where a picture is to be had: its own bytes, or an address."""
    source = block.required_object("source")
    kind = source.text("type")
    if kind == "base64":
        return _data_address(source)
    if kind == "url":
        return source.text("url")
    raise source.refuse_kind(kind)


def _data_address(source: Fields) -> str:
    return f"data:{source.text('media_type')};base64,{source.text('data')}"


def _text_of(block: Fields) -> str:
    block.only({"type", "text", "cache_control", "citations"})
    if block.text("type") != "text":
        raise block.refuse_kind(block.text("type"))
    return block.text("text")


def _text(fields: Fields, name: str, between: str) -> str:
    """Return a text that may also be sent as a list of blocks."""
    if isinstance(fields.value.get(name), str):
        return str(fields.value[name])
    if not isinstance(fields.value.get(name), list | None):
        place = fields.place(name)
        raise bad_request(f"`{place}` has to be text or a list of blocks.", place)
    return between.join(_text_of(block) for block in fields.objects(name))


def _plainest(parts: list[dict[str, Any]]) -> Any:
    """Return text for what is one text: every server reads that."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def _tool(tool: Fields) -> dict[str, Any]:
    kind = tool.optional_text("type")
    if kind not in {None, "custom"}:
        raise tool.refuse_kind(str(kind))
    tool.only(
        {
            *("type", "name", "description", "input_schema", "strict"),
            *("cache_control", "input_examples", "eager_input_streaming"),
            *("defer_loading", "allowed_callers"),
        }
    )
    function: dict[str, Any] = {
        "name": tool.text("name"),
        "parameters": tool.required_object("input_schema").value,
    }
    description = tool.optional_text("description")
    if description is not None:
        function["description"] = description
    if tool.flag("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(fields: Fields) -> dict[str, Any]:
    choice = fields.object("tool_choice")
    if choice is None:
        return {}
    choice.only({"type", "name", "disable_parallel_tool_use"})
    chosen: dict[str, Any] = {}
    kind = choice.choice("type", ("auto", "any", "none", "tool"))
    if kind == "tool":
        function = {"name": choice.text("name")}
        chosen["tool_choice"] = {"type": "function", "function": function}
    elif kind is not None:
        chosen["tool_choice"] = "required" if kind == "any" else kind
    if choice.flag("disable_parallel_tool_use"):
        chosen["parallel_tool_calls"] = False
    return chosen


def _thinking(fields: Fields) -> dict[str, Any]:
    """Return how hard the model is to think, and the shape of what it answers."""
    asked: dict[str, Any] = {}
    thinking = fields.object("thinking")
    if thinking is not None:
        thinking.only({"type", "budget_tokens", "display"})
        kind = thinking.choice("type", ("enabled", "disabled", "adaptive"))
        budget = thinking.count("budget_tokens")
        if kind == "enabled" and budget is not None:
            asked["reasoning_effort"] = _effort_of(budget)
    config = fields.object("output_config")
    if config is None:
        return asked
    config.only({"effort", "format"})
    effort = config.choice("effort", _EFFORTS)
    if effort is not None:
        asked["reasoning_effort"] = _EFFORT.get(effort, effort)
    shape = config.object("format")
    if shape is not None:
        shape.only({"type", "schema"})
        shape.choice("type", ("json_schema",))
        schema = shape.required_object("schema").value
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    return asked


def _effort_of(budget: int) -> str:
    if budget <= _LITTLE:
        return "low"
    return "medium" if budget <= _SOME else "high"

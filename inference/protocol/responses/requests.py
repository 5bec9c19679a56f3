"""Reading a request to ``/v1/responses`` as the chat it stands for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inference.protocol.errors import APIError, bad_request
from inference.protocol.reading import Fields
from inference.protocol.requests import NOTHING_BEFORE, Before, Keep
from inference.protocol.responses.items import messages_of

# How OpenAI serves its own models: where there is no choice, there is nothing to do.
_IGNORED = {
    *("service_tier", "prompt_cache_key", "prompt_cache_retention", "max_tool_calls"),
    *("prompt_cache_options", "safety_identifier", "stream_options"),
    *("context_management", "client_metadata"),
}
_READ = {
    *("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning"),
    *("max_output_tokens", "parallel_tool_calls", "metadata", "store", "stream"),
    *("previous_response_id", "include", "temperature", "top_p", "top_logprobs"),
    *("user", "truncation", "background"),
}
_NOWHERE = (
    *("conversation", "prompt", "moderation", "image"),
    "access_programs",
)
_INCLUDABLE = {
    *("file_search_call.results", "web_search_call.results"),
    *("web_search_call.action.sources", "message.input_image.image_url"),
    *("computer_call_output.output.image_url", "code_interpreter_call.outputs"),
    *("reasoning.encrypted_content", "message.output_text.logprobs"),
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# Chat servers know three words for how hard to think.
_EFFORT = {"minimal": "low", "xhigh": "high", "max": "high"}
_LEVELS = ("low", "medium", "high")
# A tool of the caller's own language gets one text; a chat's functions take objects.
_FREE_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a response repeats of its request; ``custom`` names tools of free text."""

    echo: dict[str, Any] = field(default_factory=dict)
    custom: frozenset[str] = frozenset()
    keep: Keep | None = None


def to_chat(
    fields: Fields, before: Before = NOTHING_BEFORE
) -> tuple[dict[str, Any], Asked]:
    """Return the chat a request asks for. Raises ``APIError`` naming the field."""
    fields.without(*_NOWHERE, why="nothing is run or kept here.")
    fields.only(_READ | _IGNORED | set(_NOWHERE))
    keep = _keep(fields, before)
    previous = fields.optional_text("previous_response_id")
    if previous is not None and before.items is None:
        raise previous_not_found(previous, before.off)
    # No conversation is cut here: one that is too long is refused, as both allow.
    fields.choice("truncation", ("auto", "disabled"))
    messages = _messages(fields, before.items or ())
    tools = [_tool(tool) for tool in fields.objects("tools")]
    custom = frozenset(t.value["name"] for t in fields.objects("tools") if _is_free(t))
    chat: dict[str, Any] = {"model": fields.text("model"), "messages": messages}
    chat |= _tools(fields, tools)
    chat |= _answer(fields)
    sampled = {
        "max_tokens": fields.count("max_output_tokens"),
        "temperature": fields.number("temperature", 0, 2),
        "top_p": fields.number("top_p", 0, 1),
        "user": fields.optional_text("user"),
        "stream": fields.flag("stream"),
    }
    chat |= {name: value for name, value in sampled.items() if value is not None}
    return chat, Asked(_echo(fields, keep), custom, keep)


def previous_of(fields: Fields) -> str | None:
    """Return which response a request goes on from."""
    return fields.optional_text("previous_response_id")


def previous_not_found(response_id: str, why: str = "") -> APIError:
    return bad_request(
        f"Previous response with id '{response_id[:100]}' not found. {why}".strip(),
        "previous_response_id",
        "previous_response_not_found",
    )


def _keep(fields: Fields, before: Before) -> Keep | None:
    """Return whether the answer is to be kept: where it may be, unless refused."""
    wish, is_background = fields.flag("store"), bool(fields.flag("background"))
    if before.off:
        for name, is_asked in (("store", wish), ("background", is_background)):
            if is_asked:
                raise bad_request(
                    f"`{name}` is not possible: {before.off}", name, "storage_off"
                )
        return None
    if is_background and wish is False:
        raise bad_request("A response in the background has to be stored.", "store")
    if is_background and fields.flag("stream"):
        raise bad_request(
            "A response in the background is fetched by its id, not streamed.", "stream"
        )
    return None if wish is False else Keep(_items(fields), is_background)


def _items(fields: Fields) -> list[dict[str, Any]]:
    """Return the input as a list of items."""
    asked = fields.value.get("input")
    if isinstance(asked, str):
        content = [{"type": "input_text", "text": asked}]
        return [{"type": "message", "role": "user", "content": content}]
    return [item.value for item in fields.objects("input")]


def _messages(fields: Fields, before: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the conversation; what rules it stands in one message at its head."""
    instructions = fields.optional_text("instructions")
    asked = fields.value.get("input")
    earlier = [Fields(item, "previous_response_id") for item in before]
    if isinstance(asked, str):
        messages = messages_of(earlier) if earlier else []
        messages.append({"role": "user", "content": asked})
    elif isinstance(asked, list) and asked:
        messages = messages_of([*earlier, *fields.objects("input")])
    else:
        raise bad_request("`input` has to be text or a list of items.", "input")
    rules = [instructions] if instructions else []
    while messages and messages[0]["role"] == "system":
        # Many chat templates take one such message, and it has to be the first.
        rules.append(messages.pop(0)["content"])
    head = [{"role": "system", "content": "\n\n".join(rules)}] if rules else []
    return [*head, *messages] if messages else [*head, {"role": "user", "content": ""}]


def _is_free(tool: Fields) -> bool:
    return tool.value.get("type") == "custom"


def _tool(tool: Fields) -> dict[str, Any]:
    kind = tool.text("type")
    if kind not in {"function", "custom"}:
        # It would have to be run here.
        raise tool.refuse_kind(kind)
    function: dict[str, Any] = {"name": tool.text("name")}
    description = tool.optional_text("description")
    if kind == "function":
        tool.only(
            {
                *("type", "name", "description", "parameters", "strict"),
                *("allowed_callers", "defer_loading", "output_schema"),
            }
        )
        parameters = tool.object("parameters")
        function["parameters"] = parameters.value if parameters else {"type": "object"}
        if tool.flag("strict"):
            function["strict"] = True
    else:
        tool.only(
            {
                *("type", "name", "description", "format", "allowed_callers"),
                "defer_loading",
            }
        )
        function["parameters"] = _FREE_TEXT
        description = "\n\n".join(filter(None, (description, _grammar(tool))))
    if description:
        function["description"] = description
    return {"type": "function", "function": function}


def _grammar(tool: Fields) -> str:
    """Return how a free text is to be written, for a model to read."""
    shape = tool.object("format")
    if shape is None:
        return ""
    if shape.choice("type", ("text", "grammar")) != "grammar":
        return ""
    shape.only({"type", "syntax", "definition"})
    syntax = shape.choice("syntax", ("lark", "regex"))
    return f"`input` follows this {syntax} grammar:\n{shape.text('definition')}"


def _tools(fields: Fields, tools: list[dict[str, Any]]) -> dict[str, Any]:
    if not tools:
        return {}
    chosen: dict[str, Any] = {"tools": tools}
    parallel = fields.flag("parallel_tool_calls")
    if parallel is not None:
        chosen["parallel_tool_calls"] = parallel
    value = fields.value.get("tool_choice")
    if value is None:
        return chosen
    if isinstance(value, str):
        fields.choice("tool_choice", ("auto", "none", "required"))
        return chosen | {"tool_choice": value}
    choice = fields.required_object("tool_choice")
    kind = choice.text("type")
    if kind in {"function", "custom"}:
        function = {"name": choice.text("name")}
        return chosen | {"tool_choice": {"type": "function", "function": function}}
    if kind != "allowed_tools":
        raise choice.refuse_kind(kind)
    allowed = {tool.text("name") for tool in choice.objects("tools")}
    mode = choice.choice("mode", ("auto", "required")) or "auto"
    kept = [tool for tool in tools if tool["function"]["name"] in allowed]
    return chosen | {"tools": kept, "tool_choice": mode} if kept else {}


def _answer(fields: Fields) -> dict[str, Any]:
    """Return what is asked of the answer: its shape, how hard to think about it."""
    asked: dict[str, Any] = {}
    text = fields.object("text")
    if text is not None:
        text.only({"format", "verbosity"})
        verbosity = text.choice("verbosity", _LEVELS)
        if verbosity is not None:
            asked["verbosity"] = verbosity
        asked |= _shape(text)
    reasoning = fields.object("reasoning")
    if reasoning is not None:
        reasoning.only({"effort", "summary", "generate_summary", "context", "mode"})
        effort = reasoning.choice("effort", _EFFORTS)
        if effort is not None:
            asked["reasoning_effort"] = _EFFORT.get(effort, effort)
    for index, name in enumerate(fields.texts("include")):
        if name not in _INCLUDABLE:
            place = f"include[{index}]"
            raise bad_request(f"`{place}` `{name[:100]}` is not known.", place)
    top = fields.count("top_logprobs", low=0, high=20)
    if "message.output_text.logprobs" in fields.texts("include") or top:
        asked["logprobs"] = True
        asked |= {"top_logprobs": top} if top else {}
    return asked


def _shape(text: Fields) -> dict[str, Any]:
    shape = text.object("format")
    kind = shape.text("type") if shape else "text"
    if shape is None or kind == "text":
        return {}
    if kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    if kind != "json_schema":
        raise shape.refuse_kind(kind)
    shape.only({"type", "name", "schema", "strict", "description"})
    described: dict[str, Any] = {
        "name": shape.text("name"),
        "schema": shape.required_object("schema").value,
    }
    strict, description = shape.flag("strict"), shape.optional_text("description")
    if strict is not None:
        described["strict"] = strict
    if description is not None:
        described["description"] = description
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _echo(fields: Fields, keep: Keep | None) -> dict[str, Any]:
    """Return what a response says of the request it answers."""
    asked = fields.value
    reasoning = asked.get("reasoning") or {}
    text = asked.get("text") or {}
    metadata = fields.object("metadata")
    if metadata is not None and not all(
        isinstance(value, str) for value in metadata.value.values()
    ):
        raise bad_request("`metadata` has to be texts by their names.", "metadata")
    return {
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "metadata": metadata.value if metadata else {},
        "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary"),
        },
        "service_tier": "default",
        "store": keep is not None,
        "background": keep is not None and keep.is_background,
        "temperature": asked.get("temperature"),
        "text": {
            "format": text.get("format") or {"type": "text"},
            **({"verbosity": text["verbosity"]} if text.get("verbosity") else {}),
        },
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_logprobs": asked.get("top_logprobs") or 0,
        "top_p": asked.get("top_p"),
        "truncation": asked.get("truncation") or "disabled",
        "user": asked.get("user"),
    }

"""Reading the items of a conversation as the messages of a chat."""

from typing import Any

import orjson

from inference.protocol.errors import bad_request
from inference.protocol.reading import Fields

_ROLES = ("user", "assistant", "system", "developer")
_TEXTS = {"input_text", "output_text", "text"}
_CALLS = {"function_call", "custom_tool_call"}
_RESULTS = {"function_call_output", "custom_tool_call_output"}


def messages_of(items: list[Fields]) -> list[dict[str, Any]]:
    """Return the messages that items stand for. Raises ``APIError``."""
    loop = _start_of_loop(items)
    reader = _Reader()
    for index, item in enumerate(items):
        reader.read(item, is_in_loop=index > loop)
    reader.show_pictures()
    return reader.messages


def _kind_of(item: Fields) -> str:
    kind = item.optional_text("type")
    return kind or ("message" if item.has("role") else "item_reference")


def _start_of_loop(items: list[Fields]) -> int:
    """Return the index of the last message in which the user says something."""
    for index in range(len(items) - 1, -1, -1):
        if items[index].value.get("role") in ("user", "system", "developer"):
            return index
    return -1


class _Reader:
    """Puts together what belongs to one message: thoughts, a text, calls."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        # What tools have shown: their messages are text, so the user shows it.
        self._pictures: list[dict[str, Any]] = []
        self._thought = ""

    def read(self, item: Fields, *, is_in_loop: bool) -> None:
        kind = _kind_of(item)
        if kind not in _RESULTS:
            self.show_pictures()
        if kind == "message":
            self._message(item)
        elif kind in _CALLS:
            self._call(item, kind)
        elif kind in _RESULTS:
            self._result(item)
        elif kind == "reasoning":
            thought = _thought(item)
            # Thoughts belong to the answer tools are still being called for.
            self._thought = thought if is_in_loop else ""
        else:
            raise item.refuse_kind(kind)

    def show_pictures(self) -> None:
        if self._pictures:
            self.messages.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def _message(self, item: Fields) -> None:
        item.only({"type", "id", "role", "content", "status", "phase"})
        role = item.choice("role", _ROLES)
        if role is None:
            place = item.place("role")
            raise bad_request(f"`{place}` is required.", place)
        if role == "user":
            self.messages.append({"role": role, "content": content_of(item, "content")})
        elif role == "assistant":
            self._speak({"content": text_of(item, "content")})
        else:
            text = text_of(item, "content")
            self.messages.append({"role": "system", "content": text})

    def _speak(self, said: dict[str, Any]) -> None:
        message: dict[str, Any] = {"role": "assistant", **said}
        if self._thought:
            message["reasoning_content"] = self._thought
            self._thought = ""
        self.messages.append(message)

    def _call(self, item: Fields, kind: str) -> None:
        item.only(
            {
                *("type", "id", "call_id", "name", "arguments", "input", "status"),
                *("caller", "namespace", "async"),
            }
        )
        if kind == "function_call":
            arguments = item.text("arguments")
        else:
            arguments = orjson.dumps({"input": item.text("input")}).decode()
        call = {
            "id": item.text("call_id"),
            "type": "function",
            "function": {"name": item.text("name"), "arguments": arguments},
        }
        last = self.messages[-1] if self.messages else {}
        if last.get("role") != "assistant" or self._thought:
            self._speak({"content": None})
        self.messages[-1].setdefault("tool_calls", []).append(call)

    def _result(self, item: Fields) -> None:
        item.only(
            {
                *("type", "id", "call_id", "output", "status", "caller", "name"),
                "namespace",
            }
        )
        content = content_of(item, "output")
        if not isinstance(content, str):
            self._pictures += [part for part in content if part["type"] != "text"]
            texts = [part["text"] for part in content if part["type"] == "text"]
            content = "\n".join(texts)
        self.messages.append(
            {
                "role": "tool",
                "tool_call_id": item.text("call_id"),
                "content": content,
            }
        )


def content_of(item: Fields, name: str) -> Any:
    """Return content as a chat has it: text where it is one text, or parts."""
    if isinstance(item.value.get(name), str):
        return item.value[name]
    _require_list(item, name)
    parts = [_part(part) for part in item.objects(name)]
    if not parts:
        return ""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def text_of(item: Fields, name: str) -> str:
    """Return the text of content that has nothing else in it."""
    if isinstance(item.value.get(name), str):
        return str(item.value[name])
    _require_list(item, name)
    texts = []
    for part in item.objects(name):
        kind = part.text("type")
        if kind == "refusal":
            texts.append(part.text("refusal"))
        elif kind in _TEXTS:
            texts.append(part.text("text"))
        else:
            raise part.refuse_kind(kind)
    return "".join(texts)


def _require_list(item: Fields, name: str) -> None:
    if not isinstance(item.value.get(name), list):
        place = item.place(name)
        raise bad_request(f"`{place}` has to be text or a list of parts.", place)


def _part(part: Fields) -> dict[str, Any]:
    kind = part.text("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.text("text")}
    if kind == "input_image":
        part.without("file_id", why="no files are kept here.")
        picture = {"url": part.text("image_url")}
        detail = part.choice("detail", ("auto", "low", "high", "original"))
        if detail in {"low", "high"}:
            picture["detail"] = detail
        return {"type": "image_url", "image_url": picture}
    if kind == "input_file":
        part.without("file_id", "file_url", why="send it as `file_data`.")
        named = part.optional_text("filename") or "file"
        return {
            "type": "file",
            "file": {"filename": named, "file_data": part.text("file_data")},
        }
    if kind == "input_audio":
        audio = part.required_object("input_audio")
        heard = {"data": audio.text("data"), "format": audio.text("format")}
        return {"type": "input_audio", "input_audio": heard}
    raise part.refuse_kind(kind)


def _thought(item: Fields) -> str:
    item.only({"type", "id", "summary", "content", "encrypted_content", "status"})
    content = [part.text("text") for part in item.objects("content")]
    summary = [part.text("text") for part in item.objects("summary")]
    return "".join(content) or "\n".join(summary)

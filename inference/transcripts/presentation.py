"""A transcript as people read it, whichever protocol it was in."""

import json
from typing import Any

from core.documents import BadDocument, read


def indented(text: str) -> str:
    """Return JSON with a line for each value; what is none stays as it is."""
    value = _read(text)
    return text if value is None else json.dumps(value, ensure_ascii=False, indent=2)


def said_in(answer: str) -> str:
    """Return the words of an answer, whole or in events; nothing where it has none."""
    if answer.lstrip().startswith("{"):
        values = [_read(answer)]
    else:
        lines = answer.splitlines()
        values = [_read(line[5:]) for line in lines if line.startswith("data:")]
    return "".join(_words_of(value) for value in values if isinstance(value, dict))


def _read(text: str) -> Any:
    try:
        return read(text.encode())
    except BadDocument:
        return None


def _words_of(value: dict[str, Any]) -> str:
    """Return what one answer, or one event of one, says."""
    if value.get("type") == "response.output_text.delta":
        return _text(value.get("delta"))
    if value.get("type") == "content_block_delta":
        return _text(_dict(value.get("delta")).get("text"))
    said = []
    for choice in map(_dict, _list(value.get("choices"))):
        part = _dict(choice.get("delta")) or _dict(choice.get("message"))
        said.append(_text(part.get("content")) or _text(choice.get("text")))
    if value.get("object") == "response":
        # One that is whole; an event of one has it in ``response``.
        for item in map(_dict, _list(value.get("output"))):
            said += [_text(part.get("text")) for part in _parts_of(item)]
    elif value.get("type") == "message":
        said += [_text(part.get("text")) for part in _parts_of(value)]
    return "".join(said)


def _parts_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [_dict(part) for part in _list(item.get("content"))]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

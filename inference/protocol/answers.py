"""The answer of an upstream as a caller is to see it.

What surrounds an answer is ours: its id, its model, its usage. What the model wrote
passes through byte by byte, since reading and writing it again would change numbers
and lose what JSON has no word for. Everything else an upstream adds stays here:
addresses, versions, timings.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference.protocol.metering import Tokens
from inference.providers.wire import Unreadable, dumps, loads

_SIGNS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")
_STARTS = {
    name: re.compile(rb'"%b"\s*:\s*' % name.encode())
    for name in ("choices", "data", "results")
}
# What stands after the last value of a document, read from its end.
_END = (b"}",)
_NULL_END = (b"}", b"null", b":", b'"usage"', b",")
# Where each of those that write nothing has its answer, and how its ids begin.
_KEYS = {"embeddings": "data", "rerank": "results", "moderations": "results"}
_PREFIXES = {"rerank": "rerank", "moderations": "modr"}
_OBJECTS = {
    ("chat/completions", False): "chat.completion",
    ("chat/completions", True): "chat.completion.chunk",
    ("completions", False): "text_completion",
    ("completions", True): "text_completion",
}
# What a choice consists of, and what is said in it; the rest is an upstream's own.
_CHOICE = {
    *("index", "delta", "message", "text", "logprobs", "finish_reason", "stop_reason"),
    *("token_ids", "content_filter_results"),
}
MESSAGE_FIELDS = {
    *("role", "content", "refusal", "reasoning", "reasoning_content", "name", "audio"),
    *("reasoning_details", "thinking", "tool_calls", "function_call", "annotations"),
    *("images", "citations", "prefix"),
}
CALL_FIELDS = {"index", "id", "type", "function", "custom"}
# What these hold is a word of the protocol, never an address nor a key.
_WORD = re.compile(r"[A-Za-z_]{1,40}")
# How some servers say in each event that the answer goes on.
_NOT_YET = ("", "null", "none")


@dataclass(slots=True)
class Envelope:
    """What is around every piece of one call's answer."""

    endpoint: str
    request_id: str
    model: str
    created: int
    is_stream: bool
    # The texts that the caller asked an answer to end at.
    stops: frozenset[str] = frozenset()
    head: bytes = field(init=False)

    def __post_init__(self) -> None:
        if self.endpoint == "embeddings":
            around: dict[str, Any] = {"object": "list", "model": self.model}
        elif self.endpoint in _PREFIXES:
            own = self.request_id.removeprefix("req_")
            around = {
                "id": f"{_PREFIXES[self.endpoint]}-{own}",
                "model": self.model,
            }
        else:
            prefix = "chatcmpl" if self.endpoint == "chat/completions" else "cmpl"
            around = {
                "id": f"{prefix}-{self.request_id.removeprefix('req_')}",
                "object": _OBJECTS[self.endpoint, self.is_stream],
                "created": self.created,
                "model": self.model,
            }
        self.head = orjson.dumps(around)[:-1]

    @property
    def key(self) -> str:
        return _KEYS.get(self.endpoint, "choices")

    def wrap(self, answer: bytes, usage: bytes = b"") -> bytes:
        """Return a document around the JSON of choices, or of embeddings."""
        tail = b',"usage":' + usage + b"}" if usage else b"}"
        return b'%b,"%b":%b%b' % (self.head, self.key.encode(), answer, tail)

    def enclose(self, answer: bytes, tokens: Tokens) -> bytes:
        """Return the whole answer, with the usage that is billed."""
        return self.wrap(answer, orjson.dumps(tokens.told()))

    def answer_of(self, body: bytes, value: dict[str, Any]) -> bytes:
        """Return the bytes of the choices in ``body``, which says ``value``.

        Raises ``Unreadable`` where there are none.
        """
        answer = value.get(self.key)
        if not isinstance(answer, list):
            raise Unreadable
        if self.key == "choices" and not all(map(_is_plain, answer)):
            # An answer that is whole has ended, whatever is said of its end.
            end = None if self.is_stream else "stop"
            return dumps([_plain(choice, self.stops, end=end) for choice in answer])
        return (
            _last_span(body, self.key, value)
            or _span_before_usage(body, self.key, value)
            or span_of(body, self.key.encode())
            or dumps(answer)
        )


def has_finished(choice: dict[str, Any]) -> bool:
    """Tell whether a choice says that the model has come to its end."""
    finish = choice.get("finish_reason")
    return bool(finish) and str(finish).lower() not in _NOT_YET


def _is_plain(choice: Any) -> bool:
    """Tell whether a choice has nothing but what the protocol knows of."""
    if not isinstance(choice, dict) or not choice.keys() <= _CHOICE:
        return False
    said = choice.get("delta")
    if said is None:
        said = choice.get("message")
    if said is not None and not _is_plainly_said(said):
        return False
    finish = choice.get("finish_reason")
    if finish is not None and not (_is_word(finish) and has_finished(choice)):
        return False
    if not isinstance(choice.get("index", 0), int):
        return False
    return (
        "stop_reason" not in choice or isinstance(choice["stop_reason"], int | None)
    ) and _is_wordy(choice.get("content_filter_results"))


def _is_plainly_said(said: Any) -> bool:
    if not isinstance(said, dict) or not said.keys() <= MESSAGE_FIELDS:
        return False
    role = said.get("role")
    if role is not None and not _is_word(role):
        return False
    calls = said.get("tool_calls")
    return calls is None or (
        isinstance(calls, list)
        and all(isinstance(call, dict) and call.keys() <= CALL_FIELDS for call in calls)
    )


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_wordy(value: Any) -> bool:
    """Tell whether there are only words in something, however deep."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str) and not _is_word(each):
            return False
    return True


def _plain(choice: Any, stops: frozenset[str], *, end: str | None) -> dict[str, Any]:
    """Return what the protocol knows of a choice. Raises ``Unreadable``.

    ``end`` is said of one that has not told its own.
    """
    if not isinstance(choice, dict):
        raise Unreadable
    plain = {name: choice[name] for name in choice if name in _CHOICE}
    if not isinstance(plain.get("index", 0), int):
        plain["index"] = 0
    if plain.get("finish_reason") is not None:
        if not has_finished(plain):
            plain["finish_reason"] = end
        elif not _is_word(plain["finish_reason"]):
            plain["finish_reason"] = "stop"
    # The text that ended an answer is one that the caller sent.
    stopped_by = plain.get("stop_reason")
    if not isinstance(stopped_by, int | None) and not (
        isinstance(stopped_by, str) and stopped_by in stops
    ):
        del plain["stop_reason"]
    if not _is_wordy(plain.get("content_filter_results")):
        del plain["content_filter_results"]
    for name in ("delta", "message"):
        if isinstance(plain.get(name), dict):
            plain[name] = _plainly_said(plain[name])
        elif plain.get(name) is not None:
            plain[name] = {}
    return plain


def _plainly_said(said: dict[str, Any]) -> dict[str, Any]:
    plain = {name: said[name] for name in said if name in MESSAGE_FIELDS}
    if plain.get("role") is not None and not _is_word(plain["role"]):
        plain["role"] = "assistant"
    if plain.get("tool_calls") is not None:
        calls = plain["tool_calls"]
        plain["tool_calls"] = [
            {name: call[name] for name in call if name in CALL_FIELDS}
            for call in (calls if isinstance(calls, list) else ())
            if isinstance(call, dict)
        ]
    return plain


def hide(told: bytes, secrets: tuple[bytes, ...]) -> bytes:
    """Return what is told without the keys that opened the upstream."""
    for secret in secrets:
        if secret in told:
            told = told.replace(secret, "…".encode())
    return told


def _last_span(body: bytes, key: str, value: dict[str, Any]) -> bytes | None:
    """Return the bytes under ``key`` where it is the last, as it is in most events.

    Before it are only plain values, none of which can look like a key; after it at
    most a usage of null.
    """
    names = list(value)
    tail: tuple[bytes, ...] = _END
    if names[-1] == "usage" and value["usage"] is None:
        names.pop()
        tail = _NULL_END
    if not names or names[-1] != key:
        return None
    if any(isinstance(value[name], dict | list) for name in names[:-1]):
        return None
    start = _STARTS[key].search(body)
    # A second one may be a part of the answer, or what is hidden behind it.
    if start is None or _STARTS[key].search(body, start.end()):
        return None
    for sign in tail:
        body = body.rstrip()
        if not body.endswith(sign):
            return None
        body = body[: -len(sign)]
    return body[start.end() :].rstrip()


def _span_before_usage(body: bytes, key: str, value: dict[str, Any]) -> bytes | None:
    """Return the bytes under ``key`` where the usage follows, as in most whole answers.

    They are guessed to lie between both names; that they read the same proves it.
    """
    names = iter(value)
    start = _STARTS[key].search(body)
    if start is None or key not in names or next(names, None) != "usage":
        return None
    span = body[start.end() : max(0, body.rfind(b'"usage"'))].rstrip()
    if not span.endswith(b","):
        return None
    span = span[:-1].rstrip()
    try:
        return span if loads(span) == value[key] else None
    except Unreadable:
        return None


def span_of(body: bytes, key: bytes) -> bytes | None:
    """Return the bytes of the list or object under a key of the outermost object."""
    wanted = b'"' + key + b'"'
    depth = 0
    start = -1
    for sign in _SIGNS.finditer(body):
        token = sign.group()
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if start >= 0 and depth == 1:
                return body[start : sign.end()]
        elif depth == 1 and start < 0 and token == wanted:
            colon = _COLON.match(body, sign.end())
            if colon is not None and body[colon.end() : colon.end() + 1] in b"[{":
                start = colon.end()
    return None


def error_in(value: dict[str, Any]) -> Any:
    """Return the error that stands in the place of a choice, if one does."""
    choices = value.get("choices")
    return next(
        (
            choice["error"]
            for choice in (choices if isinstance(choices, list) else ())
            if isinstance(choice, dict) and choice.get("error")
        ),
        None,
    )

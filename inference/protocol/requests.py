"""Reading what a caller asks for, and refusing it by the field that is wrong."""

from dataclasses import dataclass
from typing import Any, Protocol

from core import documents
from inference.protocol.answers import Envelope
from inference.protocol.errors import bad_request
from inference.protocol.estimates import TextSize, size_of
from inference.protocol.metering import Tokens, UsageBounds
from inference.protocol.scanning import StreamScanner

CHAT = "chat/completions"
COMPLETIONS = "completions"
EMBEDDINGS = "embeddings"
RERANK = "rerank"
MODERATIONS = "moderations"
# Where each has what a model is to read.
PROMPTS = {
    CHAT: "messages",
    COMPLETIONS: "prompt",
    EMBEDDINGS: "input",
    RERANK: "documents",
    MODERATIONS: "input",
}
# Models that read and write nothing: what is read is all there is to pay for.
WRITE_NOTHING = frozenset({EMBEDDINGS, RERANK, MODERATIONS})
# As many as rerankers take at once; each is read with the query.
MOST_DOCUMENTS = 1000
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
MAX_CHOICES = 128  # as many as OpenAI allows
_TEXT_PARTS = {"text", "refusal"}
# What programs send for "as many as there are"; more is no number of tokens.
MOST_TOKENS = 2**31 - 1


class Wording(Protocol):
    """How one answer is told in words other than the gateway's own."""

    def whole(self, body: bytes) -> bytes:
        """Return a whole answer in these words."""
        ...

    def events(self, piece: bytes) -> bytes:
        """Return what stands for whole events of a stream."""
        ...

    @property
    def has_ended(self) -> bool:
        """Tell whether the caller has heard that nothing more comes."""
        ...

    def native_size(self, value: dict[str, Any]) -> TextSize:
        """Return the size of an answer in these words. Raises ``Unreadable``."""
        ...

    def native_whole(self, body: bytes, value: dict[str, Any], tokens: Tokens) -> bytes:
        """Return an answer that came in these words. Raises ``Unreadable``."""
        ...

    def scanner(
        self, envelope: Envelope, bounds: UsageBounds, *, is_native: bool
    ) -> StreamScanner:
        """Return what watches a stream.

        Where that comes in these words, ``events`` lets it through, but for errors.
        """
        ...


@dataclass(frozen=True, slots=True)
class Native:
    """What is sent to a server that speaks the caller's own protocol.

    ``speaks`` is its road there; ``most_field`` says the longest answer.
    """

    speaks: str
    payload: dict[str, Any]
    most_field: str


@dataclass(frozen=True, slots=True)
class Keep:
    """A wish to have an answer kept; ``items`` are what it answers."""

    items: list[dict[str, Any]]
    is_background: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a caller's kept answers when a request is read.

    ``items`` are what was said before, where the request goes on from it. ``off`` is
    why nothing is kept for this caller; empty where it is.
    """

    off: str = "Answers are not kept here."
    items: tuple[dict[str, Any], ...] | None = None


NOTHING_BEFORE = Before()


@dataclass(slots=True, kw_only=True)
class ModelRequest:
    """One valid request. ``payload`` is what was sent, unknown fields included.

    ``wording`` is there where it was sent in another protocol than OpenAI's chat.
    """

    endpoint: str
    payload: dict[str, Any]
    model: str
    is_stream: bool
    wants_usage: bool
    max_tokens: int | None
    # What may be thought beside that.
    max_thought: int
    # Answers to each prompt: as many as are written, not only those returned.
    choices: int
    size: TextSize
    wording: Wording | None = None
    keep: Keep | None = None
    native: Native | None = None


def parse(endpoint: str, body: bytes) -> ModelRequest:
    """Read a measured body. Raises ``APIError`` naming the field."""
    try:
        payload = documents.parse(body)
    except documents.BadDocument as error:
        raise bad_request(str(error)) from error
    if not isinstance(payload, dict):
        raise bad_request("The body has to be a JSON object.")
    return read(endpoint, payload)


def read(endpoint: str, payload: dict[str, Any]) -> ModelRequest:
    """Check a request that is parsed. Raises ``APIError`` naming the field."""
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
    count = _count(payload, "n")
    _check_stop(payload)
    for name in ("tools", "functions"):
        _check_objects(payload.get(name), name)
    return ModelRequest(
        endpoint=endpoint,
        payload=payload,
        model=model,
        is_stream=bool(is_stream) and endpoint not in WRITE_NOTHING,
        wants_usage=_wants_usage(payload, is_stream=bool(is_stream)),
        max_tokens=_max_tokens(payload),
        max_thought=_max_thought(payload),
        choices=max(count or 1, _count(payload, "best_of") or 1),
        size=size_of(payload),
    )


def _check_stop(payload: dict[str, Any]) -> None:
    stop = payload.get("stop")
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise bad_request("`stop` has to be text or a list of texts.", "stop")


def _count(payload: dict[str, Any], name: str) -> int | None:
    value = payload.get(name)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 1 <= value <= MAX_CHOICES
    ):
        raise bad_request(
            f"`{name}` has to be a whole number from 1 to {MAX_CHOICES}.", name
        )
    return value


def _check_prompt(endpoint: str, payload: dict[str, Any]) -> None:
    if endpoint == CHAT:
        _check_messages(payload.get("messages"))
    elif endpoint == RERANK:
        _check_documents(payload)
    else:
        name = PROMPTS[endpoint]
        _check_texts(payload.get(name), name)


def _check_documents(payload: dict[str, Any]) -> None:
    query = payload.get("query")
    if not isinstance(query, str) or not query:
        raise bad_request("You must provide `query`: text.", "query")
    documents = payload.get("documents")
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise bad_request(
            f"You must provide `documents`: a list of 1 to {MOST_DOCUMENTS}.",
            "documents",
        )
    for index, document in enumerate(documents):
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str):
            where = f"documents[{index}]"
            raise bad_request(
                f"`{where}` has to be text, or an object with `text`.", where
            )
    top = payload.get("top_n")
    if top is not None and (
        isinstance(top, bool) or not isinstance(top, int) or top < 1
    ):
        raise bad_request("`top_n` has to be a whole number from 1.", "top_n")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise bad_request(
            "You must provide messages: a list with at least one.", "messages"
        )
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise bad_request(f"`{where}` has to be an object.", where)
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise bad_request(
                f"`{where}.role` has to be one of {', '.join(sorted(ROLES))}.",
                f"{where}.role",
            )
        content = message.get("content")
        if isinstance(content, list):
            _check_parts(content, f"{where}.content")
        elif content is not None and not isinstance(content, str):
            raise bad_request(
                f"`{where}.content` has to be text or a list of parts.",
                f"{where}.content",
            )
        _check_objects(message.get("tool_calls"), f"{where}.tool_calls")


def _check_parts(parts: list[Any], where: str) -> None:
    for index, part in enumerate(parts):
        here = f"{where}[{index}]"
        if not isinstance(part, dict):
            raise bad_request(f"`{here}` has to be an object.", here)
        kind = part.get("type")
        if not isinstance(kind, str):
            raise bad_request(f"`{here}.type` has to be text.", f"{here}.type")
        if kind in _TEXT_PARTS and not isinstance(part.get(kind), str):
            raise bad_request(f"`{here}.{kind}` has to be text.", f"{here}.{kind}")


def _check_objects(values: Any, where: str) -> None:
    if values is None:
        return
    if not isinstance(values, list):
        raise bad_request(f"`{where}` has to be a list.", where)
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            here = f"{where}[{index}]"
            raise bad_request(f"`{here}` has to be an object.", here)


def _check_texts(value: Any, name: str) -> None:
    """Let text pass, lists of texts, and tokens: numbers, or lists of numbers."""
    if isinstance(value, str):
        return
    if isinstance(value, list):
        kinds = set(map(type, value))
        if kinds <= {str} or kinds <= {int}:
            return
        if kinds == {list} and all(set(map(type, row)) <= {int} for row in value):
            return
    raise bad_request(
        f"You must provide `{name}`: text, a list of texts, or tokens.", name
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
    """Return the longest answer asked for: the shorter of two, where both are sent."""
    asked = []
    for name in ("max_completion_tokens", "max_tokens"):
        value = payload.get(name)
        if value is None:
            continue
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not 1 <= value <= MOST_TOKENS
        ):
            raise bad_request(
                f"`{name}` has to be a whole number from 1 to {MOST_TOKENS}.", name
            )
        asked.append(value)
    return min(asked, default=None)


def _max_thought(payload: dict[str, Any]) -> int:
    """Return how many tokens may be thought before the answer and beyond its maximum.

    As Qwen's servers count them; elsewhere what is thought is a part of the maximum.
    """
    budget = payload.get("thinking_budget")
    if budget is None:
        return 0
    if (
        isinstance(budget, bool)
        or not isinstance(budget, int)
        or not 0 <= budget <= MOST_TOKENS
    ):
        raise bad_request(
            f"`thinking_budget` has to be a whole number from 0 to {MOST_TOKENS}.",
            "thinking_budget",
        )
    return budget


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

"""How many tokens texts may be, where nobody has counted them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

# Pictures and recordings cost tokens by what they show, not by their bytes.
ATTACHMENT_TOKENS = 1000
# What a message costs beside its text: its role and the marks around it.
MESSAGE_TOKENS = 4
# A model's template may say this much more: its own instructions, how tools are used.
TEMPLATE_TOKENS = 2000
# No tokeniser makes more than one token of a byte; a character has at most four.
CHARACTER_BYTES = 4
# What is put in the prompt beside the messages.
_BESIDE = ("tools", "functions", "response_format")
_TEXT_PARTS = {"text", "refusal", "input_text", "output_text"}
# Where parts of an answer have their letters, thoughts included.
_LETTERS = ("text", "thinking", "summary", "refusal")
_WIDE = re.compile(r"[^\x00-\x7f]+")


@dataclass(slots=True)
class TextSize:
    """ASCII bytes, other characters, and what is tokens already.

    ``texts`` is how many prompts, or pieces of an answer, were counted.
    """

    plain: int = 0
    wide: int = 0
    tokens: int = 0
    attachments: int = 0
    texts: int = 0

    def add(self, text: str) -> None:
        """Count a text."""
        wide = 0
        if not text.isascii():
            wide = sum(len(run) for run in _WIDE.findall(text))
        self.plain += len(text) - wide
        self.wide += wide

    def estimate(self, bytes_per_token: float) -> int:
        """Return about how many tokens this is, rather too many.

        A character outside ASCII is taken for a token: four bytes for each would
        be far too few for Chinese.
        """
        return (
            -int(-self.plain // bytes_per_token)
            + self.wide
            + self.tokens
            + self.attachments * ATTACHMENT_TOKENS
        )

    def most(self, context: int) -> int:
        """Return more tokens than this can be, in a model that holds ``context``."""
        return (
            self.plain
            + self.wide * CHARACTER_BYTES
            + self.tokens
            + self.attachments * context
            + TEMPLATE_TOKENS
        )


def size_of(payload: dict[str, Any]) -> TextSize:
    """Return the size of what a request asks, without the JSON around its texts."""
    size = TextSize()
    for message in payload.get("messages") or ():
        if isinstance(message, dict):
            _add_message(size, message)
    for document in payload.get("documents") or ():
        # Each is read together with the query.
        text = document.get("text") if isinstance(document, dict) else document
        for part in (payload.get("query"), text):
            if isinstance(part, str):
                size.add(part)
        size.texts += 1
    asked = payload.get("prompt", payload.get("input"))
    for text in _texts(asked):
        size.texts += 1
        if isinstance(text, str):
            size.add(text)
        else:
            size.tokens += len(text)
    for name in _BESIDE:
        if payload.get(name):
            size.add(orjson.dumps(payload[name]).decode())
    size.texts = max(1, size.texts)
    return size


def _add_message(size: TextSize, message: dict[str, Any]) -> None:
    size.tokens += MESSAGE_TOKENS
    for name, value in message.items():
        if name != "content" or not isinstance(value, list):
            for text in _strings(value):
                size.add(text)
            continue
        for part in value:
            if isinstance(part, dict) and part.get("type") not in _TEXT_PARTS:
                size.attachments += 1
                continue
            for text in _strings(part):
                size.add(text)


def _texts(asked: Any) -> Iterator[str | list[Any]]:
    """Yield the prompts of a request: texts, or lists of token ids."""
    if isinstance(asked, str):
        yield asked
    elif isinstance(asked, list):
        if asked and all(isinstance(item, int) for item in asked):
            yield asked
        else:
            yield from (item for item in asked if isinstance(item, str | list))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def add_choice(size: TextSize, choice: dict[str, Any]) -> bool:
    """Count what one choice of an answer says; tell whether it says anything.

    Sound, probabilities and the JSON around the text are no letters of it.
    """
    said = choice.get("delta") or choice.get("message")
    if isinstance(said, dict) and len(said) == 1:
        text = said.get("content")
        if isinstance(text, str):
            # The usual event of a stream.
            if text:
                size.add(text)
                size.texts += 1
            return bool(text)
    texts = [choice.get("text")]
    has_more = False
    if isinstance(said, dict):
        texts += _texts_of(said)
        has_more = bool(said.get("tool_calls") or said.get("audio"))
    written = [text for text in texts if isinstance(text, str) and text]
    for text in written:
        size.add(text)
    size.texts += bool(written or has_more)
    return bool(written) or has_more


def _texts_of(said: dict[str, Any]) -> Iterator[Any]:
    yield from _written_in(said.get("content"))
    # Some servers send the same thoughts under several names.
    thoughts = said.get("reasoning_content") or said.get("reasoning")
    yield from _written_in(
        thoughts or said.get("thinking") or said.get("reasoning_details")
    )
    yield said.get("refusal")
    calls = said.get("tool_calls")
    called = [
        call.get(name)
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict)
        for name in ("function", "custom")
    ]
    for each in [*called, said.get("function_call")]:
        if isinstance(each, dict):
            yield from (each.get(name) for name in ("name", "arguments", "input"))
    audio = said.get("audio")
    if isinstance(audio, dict):
        yield audio.get("transcript")


def _written_in(value: Any) -> Iterator[str]:
    """Yield the letters of a text, of a part, or of parts in parts; no signatures."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            left += [each.get(name) for name in _LETTERS]

"""What a request needs a model to be able to, before anybody is asked."""

from collections.abc import Iterator
from typing import Any

from inference.protocol.errors import APIError, bad_request

# Parts of a message that are no text, by the capability that reads them.
_PARTS = {
    "image_url": "vision",
    "input_image": "vision",
    "image": "vision",
    "input_audio": "audio",
    "audio_url": "audio",
    "file": "files",
    "input_file": "files",
    "video_url": "video",
    "video": "video",
}
_WISHES = ("reasoning_effort", "verbosity")
_TEXT = {"text", "refusal", "input_text", "output_text", None}
_WRITES = {"chat", "completions"}
_EMBEDS = "embeddings"
# What a model has to be able to for each of the roads that write nothing. One that
# says of itself no word of them is a model that writes.
_READS = {_EMBEDS: _EMBEDS, "rerank": "rerank", "moderations": "moderation"}
READS = frozenset(_READS.values())


def check_capabilities(
    endpoint: str, payload: dict[str, Any], *, model: str, able: frozenset[str]
) -> None:
    """Raise ``APIError`` for what a model with these capabilities cannot do.

    Text needs no capability; what is not text needs the one for it.
    """
    need = _READS.get(endpoint)
    # A model without any word of itself may embed: its server knows.
    if need is not None and need not in able and (able or need != _EMBEDS):
        raise _cannot(model, need, "model")
    if need is None and able & READS and not able & _WRITES:
        raise _cannot(model, "chat", "model")
    for need, where in _needs(payload):
        if need not in able:
            raise _cannot(model, need, where)


def drop_wishes(payload: dict[str, Any], able: frozenset[str]) -> None:
    """Leave out of a translated request what this model would refuse.

    In other protocols how hard to think is a wish; in a chat it is a demand that
    servers of models without thoughts answer with 400.
    """
    if "reasoning" not in able:
        for name in _WISHES:
            payload.pop(name, None)


def _needs(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(payload.get("messages") or ()):
        content = message.get("content") if isinstance(message, dict) else None
        for index, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type") if isinstance(part, dict) else None
            if kind in _TEXT:
                continue
            where = f"messages[{number}].content[{index}]"
            yield _PARTS.get(str(kind), str(kind)[:40]), where
    modalities = payload.get("modalities")
    if payload.get("audio") or (isinstance(modalities, list) and "audio" in modalities):
        yield "audio", "audio" if payload.get("audio") else "modalities"


def _cannot(model: str, need: str, where: str) -> APIError:
    return bad_request(
        f"The model `{model}` does not have the capability `{need}`.",
        where,
        "unsupported_capability",
    )

"""Whether a server can run a model for the gateway: tried, before it is offered.

It is asked the way the gateway asks it, by the same provider. What is missing is named,
with what that means; only what no call could work with keeps a model out.
"""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.catalog.models import Deployment
from inference.providers.base import Ask, StreamBroke, UpstreamFailed
from inference.providers.openai import OpenAIProvider

# Enough for a word, and for a model that thinks first to show that it does.
SHORT = 32
# Where servers that list their models tell how much one takes: vLLM and SGLang,
# OpenRouter, Groq.
_CONTEXTS = ("max_model_len", "context_length", "context_window")


class Incompatible(Exception):
    """The server cannot run the model; the message says what to do."""


@dataclass(slots=True)
class Report:
    """What a server can do with one model.

    ``context_tokens`` is 0 where the server does not tell. ``options`` is what the
    deployment needs beside its address; ``notes`` are sentences on what is missing.
    """

    upstream_model: str
    context_tokens: int = 0
    capabilities: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @property
    def can_chat(self) -> bool:
        return "chat" in self.capabilities


class Examination:
    """Asks one server. Close it when done."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.provider = OpenAIProvider()

    async def models(self) -> dict[str, dict[str, Any]]:
        """Return what the server lists, by name. Raises ``Incompatible``."""
        where = self.deployment.base_url
        try:
            listed = await self.provider.list_models(self.deployment)
        except UpstreamFailed as error:
            raise Incompatible(_why_not(error, where)) from error
        if not listed:
            raise Incompatible(f"{where} lists no model: load or pull one there first.")
        return {str(entry["id"]): entry for entry in listed}

    async def of(self, name: str, entry: Mapping[str, Any]) -> Report:
        """Try everything with one model. Raises ``Incompatible``."""
        self.deployment.upstream_model = name
        report = Report(name, context_told(entry))
        await self._try_chat(report)
        if report.can_chat:
            await self._try_stream(report)
            await self._try_completions(report)
        await self._try_embeddings(report)
        if not report.capabilities:
            raise Incompatible(
                f"{name} at {self.deployment.base_url} neither chats nor makes "
                f"embeddings: {' '.join(report.notes)}"
            )
        return report

    async def close(self) -> None:
        await self.provider.close()

    async def _try_chat(self, report: Report) -> None:
        payload = {"messages": [{"role": "user", "content": "Say yes."}]}
        try:
            value = await self._answer("chat/completions", payload)
        except UpstreamFailed as error:
            if not self._renames_the_limit(error, report):
                report.notes.append(f"It does not chat ({_words(error)}).")
                return
            try:
                value = await self._answer("chat/completions", payload)
            except UpstreamFailed as again:
                report.notes.append(f"It does not chat ({_words(again)}).")
                return
        choices = value.get("choices")
        if not (isinstance(choices, list) and choices and _says(choices[0])):
            report.notes.append("Its answer to a chat holds no text.")
            return
        report.capabilities.append("chat")
        report.passed.append("It answers a short chat.")
        if _is_usage(value.get("usage")):
            report.passed.append("It reports what a call used.")
        else:
            report.notes.append(
                "It does not report what a call used: calls are metered by an estimate "
                "of their text, and marked so."
            )

    def _renames_the_limit(self, error: UpstreamFailed, report: Report) -> bool:
        """Take the other name of the longest answer, where the server wants that."""
        if error.status != 400 or b"max_completion_tokens" not in error.body:
            return False
        report.options["max_tokens_field"] = "max_completion_tokens"
        self.deployment.options = report.options
        report.passed.append("It calls the longest answer max_completion_tokens.")
        return True

    async def _try_stream(self, report: Report) -> None:
        payload = {"messages": [{"role": "user", "content": "Say yes."}]}
        ask = self._ask("chat/completions", payload, is_stream=True)
        try:
            stream = await self.provider.stream(self.deployment, ask)
            events = [event async for event in _events(stream.pieces)]
        except (UpstreamFailed, StreamBroke) as error:
            report.notes.append(f"It does not stream ({_words(error)}).")
            return
        if not any(_says(choice) for event in events for choice in _choices(event)):
            report.notes.append("Its streams hold no text.")
            return
        report.capabilities.append("streaming")
        report.passed.append("It streams.")
        if not any(_is_usage(event.get("usage")) for event in events):
            report.notes.append(
                "Its streams do not report what was used, though it is asked to: they "
                "are metered by an estimate."
            )

    async def _try_completions(self, report: Report) -> None:
        try:
            value = await self._answer("completions", {"prompt": "Once upon a"})
        except UpstreamFailed:
            # The older form; many servers have left it behind.
            return
        if _choices(value) and isinstance(_choices(value)[0].get("text"), str):
            report.capabilities.append("completions")
            report.passed.append("It completes a text.")

    async def _try_embeddings(self, report: Report) -> None:
        try:
            value = await self._answer("embeddings", {"input": "yes"})
        except UpstreamFailed as error:
            if not report.can_chat:
                report.notes.append(f"It makes no embeddings ({_words(error)}).")
            return
        rows = value.get("data")
        if isinstance(rows, list) and rows and rows[0].get("embedding"):
            report.capabilities.append("embeddings")
            report.passed.append("It makes embeddings.")

    async def _answer(self, endpoint: str, payload: dict[str, Any]) -> dict[str, Any]:
        ask = self._ask(endpoint, payload, is_stream=False)
        return (await self.provider.complete(self.deployment, ask)).value

    def _ask(self, endpoint: str, payload: dict[str, Any], *, is_stream: bool) -> Ask:
        return Ask(
            request_id="compatibility",
            endpoint=endpoint,
            payload=payload,
            is_stream=is_stream,
            model=self.deployment.upstream_model,
            created=int(time.time()),
            max_tokens=0 if endpoint == "embeddings" else SHORT,
        )


def context_told(entry: Mapping[str, Any]) -> int:
    """Return how many tokens a listed model takes, or 0."""
    meta = entry.get("meta")
    told = [entry.get(name) for name in _CONTEXTS]
    if isinstance(meta, dict):
        # llama.cpp tells what it keeps, and what the model was trained with.
        told += [meta.get("n_ctx"), meta.get("n_ctx_train")]
    return next((n for n in told if isinstance(n, int) and n > 0), 0)


async def _events(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON objects of a stream of events."""
    text = b"".join([piece async for piece in pieces])
    for line in text.splitlines():
        if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
            try:
                value = json.loads(line[5:])
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value


def _choices(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    choices = value.get("choices")
    return [c for c in choices if isinstance(c, dict)] if choices else []


def _says(choice: Any) -> bool:
    said = choice.get("message") or choice.get("delta") or {}
    return any(
        bool(said.get(name)) for name in ("content", "reasoning_content", "reasoning")
    )


def _is_usage(usage: Any) -> bool:
    return isinstance(usage, dict) and all(
        isinstance(usage.get(name), int) for name in ("prompt_tokens", "total_tokens")
    )


def _why_not(error: UpstreamFailed, where: str) -> str:
    if error.is_unreachable or error.is_timeout:
        return f"Nothing answers at {where}: start the server, or correct the address."
    if error.status in {401, 403}:
        return f"{where} refused the key ({_words(error)})."
    if error.status == 404:
        return f"{where} has no list of models: an address usually ends in /v1."
    return f"{where} does not list its models ({_words(error)})."


def _words(error: UpstreamFailed | StreamBroke) -> str:
    """Return what a server said, as short as a line takes it."""
    if not isinstance(error, UpstreamFailed):
        return "it broke off"
    if error.is_timeout:
        return "it did not answer in time"
    if not error.status:
        return "it could not be reached"
    said = " ".join(error.body[:200].decode(errors="replace").split())
    return f"{error.status}: {said}" if said else str(error.status)

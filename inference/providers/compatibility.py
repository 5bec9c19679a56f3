"""Whether a server can run a model for the gateway: tried, before it is offered.

It is asked the way the gateway asks it, by the same provider. What is missing is named,
with what that means; only what no call could work with keeps a model out.
"""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from inference.catalog.models import Deployment
from inference.providers.base import Ask, StreamBroke, UpstreamFailed
from inference.providers.findings import Check, CheckResult, Outcome
from inference.providers.keyring import keys_of
from inference.providers.openai import OpenAIProvider

# Enough for a word, and for a model that thinks first to show that it does.
SHORT = 32
# A sentence that nobody writes in so few tokens, and in which this letter occurs.
FEW = 8
LONG_TASK = "Count from one to fifty in English words."
LETTER = "e"
# Eight tokens are a word each, or less; a longer text was not cut off.
MOST_LETTERS = 20 * FEW
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Return the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
# Roads whose answers have no length.
READ_ONLY = {"embeddings", "rerank", "moderations"}
RANKING = {"query": "Where is Paris?", "documents": ["Bread.", "Paris is in France."]}
JUDGING = {"input": "Paris is in France."}
# Where servers that list their models tell how much one takes: vLLM and SGLang,
# OpenRouter, Groq.
_CONTEXTS = ("max_model_len", "context_length", "context_window")


class Incompatible(Exception):
    """The server cannot run the model; the message says what to do."""


@dataclass(slots=True)
class Report:
    """What a server can do with one model.

    ``context_tokens`` is 0 where the server does not tell. ``options`` is what the
    deployment needs beside its address; ``notes`` are sentences on what is missing,
    ``passed`` on what works.
    """

    upstream_model: str
    context_tokens: int = 0
    capabilities: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    findings: list[CheckResult] = field(default_factory=list)

    @property
    def can_chat(self) -> bool:
        return "chat" in self.capabilities

    @property
    def passed(self) -> list[str]:
        return [str(each.sentence) for each in self.findings if each.is_passed]

    @property
    def notes(self) -> list[str]:
        return [str(each.sentence) for each in self.findings if not each.is_passed]

    def add(self, check: Check, outcome: Outcome, words: str = "") -> None:
        """Write down what a check found, with the server's own words."""
        self.findings.append(CheckResult(check, outcome, words))


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
            raise Incompatible(self._why_not(error)) from error
        if not listed:
            raise Incompatible(
                _("%(where)s lists no model: load or pull one there first.")
                % {"where": where}
            )
        return {str(entry["id"]): entry for entry in listed}

    async def of(self, name: str, entry: Mapping[str, Any]) -> Report:
        """Try everything with one model. Raises ``Incompatible``."""
        self.deployment.upstream_model = name
        report = Report(name, context_told(entry))
        await self._try_chat(report)
        if report.can_chat:
            await self._try_stream(report)
            await self._try_maximum(report)
            await self._try_stop(report)
            await self._try_tools(report)
            await self._try_completions(report)
        await self._try_embeddings(report)
        if not report.capabilities:
            await self._try_judging(report, Check.RERANK, "rerank", RANKING)
            await self._try_judging(report, Check.MODERATION, "moderations", JUDGING)
        if not report.capabilities:
            raise Incompatible(
                _(
                    "The model %(name)s at %(where)s does nothing we can offer: %(notes)s"
                )
                % {
                    "name": name,
                    "where": self.deployment.base_url,
                    "notes": " ".join(report.notes),
                }
            )
        return report

    async def close(self) -> None:
        await self.provider.close()

    async def _try_chat(self, report: Report) -> None:
        payload = _asking("Say yes.")
        try:
            value = await self._answer("chat/completions", payload)
        except UpstreamFailed as error:
            if not self._renames_the_limit(error, report):
                report.add(Check.CHAT, Outcome.MISSING, self._words(error))
                return
            try:
                value = await self._answer("chat/completions", payload)
            except UpstreamFailed as again:
                report.add(Check.CHAT, Outcome.MISSING, self._words(again))
                return
        if not any(_says(choice) for choice in _choices(value)[:1]):
            report.add(Check.CHAT, Outcome.EMPTY)
            return
        report.capabilities.append("chat")
        report.add(Check.CHAT, Outcome.PASSED)
        is_told = _is_usage(value.get("usage"))
        report.add(Check.USAGE, Outcome.PASSED if is_told else Outcome.MISSING)

    def _renames_the_limit(self, error: UpstreamFailed, report: Report) -> bool:
        """Take the other name of the longest answer, where the server wants that."""
        if error.status != 400 or b"max_completion_tokens" not in error.body:
            return False
        report.options["max_tokens_field"] = "max_completion_tokens"
        self.deployment.options = {**self.deployment.options, **report.options}
        report.add(Check.LIMIT_NAME, Outcome.PASSED)
        return True

    async def _try_stream(self, report: Report) -> None:
        ask = self._ask("chat/completions", _asking("Say yes."), is_stream=True)
        try:
            stream = await self.provider.stream(self.deployment, ask)
            events = [event async for event in _events(stream.pieces)]
        except (UpstreamFailed, StreamBroke) as error:
            report.add(Check.STREAM, Outcome.MISSING, self._words(error))
            return
        if not any(_says(choice) for event in events for choice in _choices(event)):
            report.add(Check.STREAM, Outcome.EMPTY)
            return
        report.capabilities.append("streaming")
        report.add(Check.STREAM, Outcome.PASSED)
        is_told = any(_is_usage(event.get("usage")) for event in events)
        report.add(Check.STREAM_USAGE, Outcome.PASSED if is_told else Outcome.MISSING)

    async def _try_maximum(self, report: Report) -> None:
        """Ask for much and allow little: what comes is what a call can cost."""
        value = await self._tried(
            report, Check.MAXIMUM, _asking(LONG_TASK), max_tokens=FEW
        )
        if value is None:
            return
        told = value.get("usage")
        written = told.get("completion_tokens") if isinstance(told, dict) else None
        is_honoured = (
            written <= FEW
            if isinstance(written, int)
            else len(_text_of(value)) <= MOST_LETTERS
        )
        report.add(Check.MAXIMUM, Outcome.PASSED if is_honoured else Outcome.MISSING)

    async def _try_stop(self, report: Report) -> None:
        """Have an answer end before a letter that it would hold."""
        value = await self._tried(
            report, Check.STOP, {**_asking(LONG_TASK), "stop": [LETTER]}
        )
        if value is None:
            return
        is_honoured = LETTER not in _text_of(value)
        report.add(Check.STOP, Outcome.PASSED if is_honoured else Outcome.MISSING)

    async def _try_tools(self, report: Report) -> None:
        """Offer a function that the question needs; small models call none."""
        question = _asking("What is the weather in Paris? Call the function.")
        value = await self._tried(
            report, Check.TOOLS, {**question, "tools": [WEATHER]}, max_tokens=4 * SHORT
        )
        if value is None:
            return
        if any(_calls(choice) for choice in _choices(value)):
            report.capabilities.append("tools")
            report.add(Check.TOOLS, Outcome.PASSED)
        else:
            report.add(Check.TOOLS, Outcome.EMPTY)

    async def _tried(
        self,
        report: Report,
        check: Check,
        payload: dict[str, Any],
        *,
        max_tokens: int = SHORT,
    ) -> dict[str, Any] | None:
        """Return an answer, or nothing and a finding that says why."""
        try:
            return await self._answer("chat/completions", payload, max_tokens)
        except UpstreamFailed as error:
            report.add(check, Outcome.REFUSED, self._words(error))
            return None

    async def _try_completions(self, report: Report) -> None:
        try:
            value = await self._answer("completions", {"prompt": "Once upon a"})
        except UpstreamFailed:
            # The older form; many servers have left it behind.
            return
        if _choices(value) and isinstance(_choices(value)[0].get("text"), str):
            report.capabilities.append("completions")
            report.add(Check.COMPLETIONS, Outcome.PASSED)

    async def _try_embeddings(self, report: Report) -> None:
        try:
            value = await self._answer("embeddings", {"input": "yes"})
        except UpstreamFailed as error:
            if not report.can_chat:
                report.add(Check.EMBEDDINGS, Outcome.MISSING, self._words(error))
            return
        rows = value.get("data")
        if isinstance(rows, list) and rows and rows[0].get("embedding"):
            report.capabilities.append("embeddings")
            report.add(Check.EMBEDDINGS, Outcome.PASSED)

    async def _try_judging(
        self, report: Report, check: Check, endpoint: str, payload: dict[str, Any]
    ) -> None:
        """Have texts ranked or judged, as models do that neither write nor embed."""
        try:
            value = await self._answer(endpoint, payload)
        except UpstreamFailed as error:
            report.add(check, Outcome.MISSING, self._words(error))
            return
        if isinstance(value.get("results"), list) and value["results"]:
            report.capabilities.append(check)
            report.add(check, Outcome.PASSED)
        else:
            report.add(check, Outcome.EMPTY)

    def _why_not(self, error: UpstreamFailed) -> str:
        values = {"where": self.deployment.base_url, "words": self._words(error)}
        if error.is_unreachable or error.is_timeout:
            told = _(
                "Nothing answers at %(where)s: start the server, or correct the address."
            )
        elif error.status in {401, 403}:
            told = _("%(where)s refused the key (%(words)s).")
        elif error.status == 404:
            told = _("%(where)s has no list of models: an address usually ends in /v1.")
        else:
            told = _("%(where)s does not list its models (%(words)s).")
        return told % values

    def _words(self, error: UpstreamFailed | StreamBroke) -> str:
        """Return what a server said, as short as a line takes it, without its key."""
        if not isinstance(error, UpstreamFailed):
            return _("it broke off")
        if error.is_timeout:
            return _("it did not answer in time")
        if not error.status:
            return _("it could not be reached")
        said = error.body[:2000].decode(errors="replace")
        for key in keys_of(self.deployment.credential):
            said = said.replace(key, "…")
        said = " ".join(said.split())[:200]
        return f"{error.status}: {said}" if said else str(error.status)

    async def _answer(
        self, endpoint: str, payload: dict[str, Any], max_tokens: int = SHORT
    ) -> dict[str, Any]:
        ask = self._ask(endpoint, payload, is_stream=False, max_tokens=max_tokens)
        return (await self.provider.complete(self.deployment, ask)).value

    def _ask(
        self,
        endpoint: str,
        payload: dict[str, Any],
        *,
        is_stream: bool,
        max_tokens: int = SHORT,
    ) -> Ask:
        return Ask(
            request_id="compatibility",
            endpoint=endpoint,
            payload=payload,
            is_stream=is_stream,
            model=self.deployment.upstream_model,
            created=int(time.time()),
            max_tokens=0 if endpoint in READ_ONLY else max_tokens,
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


def _asking(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def _text_of(value: Mapping[str, Any]) -> str:
    """Return what was written to be read: thoughts know no stop."""
    said = [choice.get("message") or {} for choice in _choices(value)]
    return "".join(str(each.get("content") or "") for each in said)


def _calls(choice: Mapping[str, Any]) -> bool:
    calls = (choice.get("message") or {}).get("tool_calls")
    return isinstance(calls, list) and any(
        isinstance(call, dict)
        and (call.get("function") or {}).get("name") == "get_weather"
        for call in calls
    )


def _says(choice: Any) -> bool:
    said = choice.get("message") or choice.get("delta") or {}
    return any(
        bool(said.get(name)) for name in ("content", "reasoning_content", "reasoning")
    )


def _is_usage(usage: Any) -> bool:
    return isinstance(usage, dict) and all(
        isinstance(usage.get(name), int) for name in ("prompt_tokens", "total_tokens")
    )

"""How many tokens a call used: what the upstream says, as far as it is possible.

One reader for every vocabulary. What cannot be read is estimated from the texts
and marked; what is impossible or contradicts itself is as unreadable as what is
missing. Explicit zeros are believed: they are free.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inference.protocol.estimates import TextSize

# OpenAI's names, those of Anthropic and of OpenAI's newer protocol, Ollama's own,
# Gemini's, Bedrock's, llama.cpp's.
_PROMPT = (
    *("prompt_tokens", "input_tokens", "prompt_eval_count", "promptTokenCount"),
    *("inputTokens", "inputTokenCount", "tokens_evaluated", "promptTokens"),
    *("input_token_count", "prompt_token_count"),
)
_COMPLETION = (
    *("completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount"),
    *("outputTokens", "outputTokenCount", "tokens_predicted", "completionTokens"),
    *("output_token_count", "generated_token_count", "candidates_token_count"),
    "generated_tokens",
)
_TOTAL = ("total_tokens", "totalTokenCount", "totalTokens", "total_token_count")
_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_CACHED = (
    *("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
    *("cachedContentTokenCount", "cacheReadInputTokens"),
)
_UNCACHED = "prompt_cache_miss_tokens"
_WRITTEN = ("cache_creation_input_tokens", "cacheWriteInputTokens")
# Anthropic's and Bedrock's counts of the input leave out what the cache had to do with.
_APART = ("cache_read_input_tokens", "cacheReadInputTokens", *_WRITTEN)
_THOUGHT = ("completion_tokens_details", "output_tokens_details")
_THOUGHTS = ("reasoning_tokens", "thinking_tokens")
_PLAIN = {"prompt_tokens", "completion_tokens", "total_tokens"}
# Where a document tells its usage otherwise than under ``usage``.
_ELSEWHERE = {
    *("x_groq", "usageMetadata", "usage_metadata", "meta", "timings"),
    *("prompt_eval_count", "eval_count", "tokens_predicted"),
    "amazon-bedrock-invocationMetrics",
}
_DIGITS = re.compile(r"\s*[+-]?\d{1,18}(?:\.0*)?\s*")
# What an upstream told, as staff read it.
_LONGEST_COMPLAINT = 200


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call is billed for; ``complaint`` tells staff why it is a guess."""

    prompt: int
    cached: int
    completion: int
    is_estimated: bool = False
    complaint: str = ""
    # The part of the completion that the model thought, where that is told.
    thought: int | None = None
    # Parts that may have a price of their own (see ``catalog.pricing.PARTS``).
    parts: dict[str, int] | None = None

    def told(self) -> dict[str, Any]:
        """Return the usage as the caller is told: just what is billed."""
        told: dict[str, Any] = {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }
        if self.thought is not None:
            told["completion_tokens_details"] = {"reasoning_tokens": self.thought}
        for name, count in (self.parts or {}).items():
            where, key = _TOLD.get(name, ("", ""))
            if where:
                told.setdefault(where, {})[key] = count
        return told


_TOLD = {
    "audio_in": ("prompt_tokens_details", "audio_tokens"),
    "image_in": ("prompt_tokens_details", "image_tokens"),
    "audio_out": ("completion_tokens_details", "audio_tokens"),
    "image_out": ("completion_tokens_details", "image_tokens"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBounds:
    """What one call can use. ``most_out`` is the effective maximum of all answers.

    It is 0 where nothing is written, as for embeddings. ``prompts`` is how many
    prompts were sent at once.
    """

    estimated_in: int
    most_in: int
    most_out: int
    answers: int
    prompts: int
    bytes_per_token: float
    # Parts of a prompt or an answer that this call can have.
    parts: tuple[str, ...] = ("cache_write_in", "reasoning_out")

    def estimated_out(self, written: TextSize) -> int:
        """Return about how many tokens a text is, within what is possible."""
        if not written.texts:
            return 0
        return min(max(1, written.estimate(self.bytes_per_token)), self.most_out)


@dataclass(slots=True)
class ReportedUsage:
    """Usage as an upstream told it; ``None`` is what it did not tell readably."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = 0
    total: int | None = None
    thought: int | None = None
    parts: dict[str, int | None] | None = None
    # What it said twice, and not the same.
    contradictions: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        return not (self.prompt is None and self.completion is None) or (
            self.total is not None
        )

    @property
    def tells_any(self) -> bool:
        """Whether a token was used at all."""
        return bool(self.prompt or self.completion or self.total)


def meter(
    usage: Any, written: TextSize, bounds: UsageBounds, *, since: TextSize | None = None
) -> Tokens:
    """Return what a call used, of what was told and what was written.

    ``since`` is what was written after ``usage`` was told: a running total that the
    end of the stream did not bring up to date.
    """
    said = read_usage(usage)
    complaints = list(said.contradictions)
    prompt = _prompt_of(said, bounds, complaints)
    completion = _completion_of(said, prompt, written, bounds, complaints, since)
    cached = said.cached
    if cached is None or cached < 0:
        complaints.append("unreadable cached")
        cached = 0
    elif cached > prompt:
        complaints.append(f"impossible cached {cached}")
        cached = prompt
    thought = said.thought
    if thought is not None and not 0 <= thought <= completion:
        complaints.append(f"impossible thought {thought}")
        thought = max(0, min(thought, completion))
    parts = _parts_of(said, prompt - cached, completion, bounds, complaints)
    return Tokens(
        prompt,
        cached,
        completion,
        bool(complaints),
        "; ".join(complaints)[:_LONGEST_COMPLAINT],
        thought,
        parts,
    )


def _prompt_of(said: ReportedUsage, bounds: UsageBounds, complaints: list[str]) -> int:
    """Return the prompt's tokens; what cannot be is the estimate."""
    prompt = said.prompt
    if prompt is None and said.total is not None:
        if bounds.most_out == 0:
            # Nothing is written, so a total is the prompt.
            prompt = said.total
        elif said.completion is None:
            prompt = min(said.total, bounds.estimated_in)
            complaints.append("only a total")
    if prompt is None:
        complaints.append("no prompt")
        return bounds.estimated_in
    if not 0 <= prompt <= bounds.most_in:
        complaints.append(f"impossible prompt {prompt}")
        return bounds.estimated_in
    if bounds.prompts > 1 and prompt * 2 <= bounds.estimated_in:
        complaints.append(f"prompt {prompt} of one in {bounds.prompts}")
        return bounds.estimated_in
    return prompt


def _completion_of(
    said: ReportedUsage,
    prompt: int,
    written: TextSize,
    bounds: UsageBounds,
    complaints: list[str],
    since: TextSize | None,
) -> int:
    """Return the answer's tokens; what cannot be is estimated from its texts."""
    if bounds.most_out == 0:
        return 0
    completion = said.completion
    if completion is None and said.prompt is None and said.total is not None:
        completion = said.total - prompt
    # One more for each answer: some servers count the sign of its end.
    most = bounds.most_out + bounds.answers
    if (
        completion is not None
        and said.completion is not None
        and said.prompt is not None
        and said.total is not None
        and said.total > said.prompt + said.completion
    ):
        # What the model thought, in no other count: Gemini's habit.
        rest = said.total - said.prompt - said.completion
        complaints.append(f"total {said.total} of {rest} more")
        if 0 <= completion + rest <= most:
            completion += rest
    if completion is not None and since is not None and since.texts:
        completion += bounds.estimated_out(since)
        complaints.append("more after the usage")
    guess = bounds.estimated_out(written)
    if completion is None:
        complaints.append("no completion")
        completion = guess
    elif not 0 <= completion <= most:
        complaints.append(f"impossible completion {completion}")
        completion = guess
    elif bounds.prompts > 1 and completion * 2 <= guess:
        complaints.append(f"completion {completion} of one in {bounds.prompts}")
        completion = guess
    return min(completion, bounds.most_out)


def _parts_of(
    said: ReportedUsage,
    uncached: int,
    completion: int,
    bounds: UsageBounds,
    complaints: list[str],
) -> dict[str, int] | None:
    """Return the parts that have a price of their own, no token in two of them."""
    if not said.parts and not said.thought:
        return None
    told: dict[str, int | None] = dict(said.parts or {})
    if said.thought:
        told["reasoning_out"] = said.thought
    room = {"in": uncached, "out": completion}
    parts: dict[str, int] = {}
    for name, count in told.items():
        side = name.rpartition("_")[2]
        if count is None or count < 0:
            complaints.append(f"unreadable {name}")
        elif count and name not in bounds.parts:
            complaints.append(f"{name} {count} nobody asked for")
        elif count:
            parts[name] = min(count, room[side])
            room[side] -= parts[name]
    return parts or None


def usage_in(value: dict[str, Any]) -> Any:
    """Return where a whole answer or an event tells its usage, ``None`` if nowhere.

    Under ``usage`` almost always; some servers have another place for it.
    """
    usage = value.get("usage")
    if usage is not None and usage != {}:
        return usage
    if not _ELSEWHERE.isdisjoint(value):
        return next(_elsewhere(value), None)
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    # Moonshot's.
    return first.get("usage") if isinstance(first, dict) else None


def joined(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return usage told twice: what was sent first, what was written last.

    A zero told later is a field that nobody filled: counts only grow.
    """
    return before | {
        name: value
        for name, value in after.items()
        if value or before.get(name) is None
    }


def _elsewhere(value: dict[str, Any]) -> Iterator[Any]:
    groq = value.get("x_groq")
    if isinstance(groq, dict) and groq.get("usage") is not None:
        yield groq["usage"]
    for name in ("usageMetadata", "usage_metadata", "meta"):
        if isinstance(value.get(name), dict):
            yield value[name]
    if isinstance(value.get("amazon-bedrock-invocationMetrics"), dict):
        yield value["amazon-bedrock-invocationMetrics"]
    if "eval_count" in value or "tokens_predicted" in value:
        yield value
    if isinstance(value.get("timings"), dict):
        yield value["timings"]


def read_usage(usage: Any) -> ReportedUsage:
    """Read usage in whatever words it is told."""
    if not isinstance(usage, dict):
        return ReportedUsage()
    if usage.keys() <= _PLAIN and all(type(count) is int for count in usage.values()):
        # As most servers tell it: nothing to search for.
        plain = ReportedUsage(
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            total=usage.get("total_tokens"),
        )
        return _completed(plain)
    for inner in ("billed_units", "tokens"):
        # Cohere's: what it bills before what its template makes of it.
        if isinstance(usage.get(inner), dict):
            usage = usage[inner]
            break
    if "predicted_n" in usage:
        return _timings(usage)
    contradictions: list[str] = []
    said = ReportedUsage(
        prompt=_count(usage, _PROMPT, contradictions),
        completion=_count(usage, _COMPLETION, contradictions),
        total=_count(usage, _TOTAL, contradictions),
    )
    said.contradictions = tuple(contradictions)
    said.cached = _cached(usage)
    if said.prompt is None and _UNCACHED in usage and said.cached is not None:
        # DeepSeek's two halves are all of it.
        missed = number(usage[_UNCACHED])
        said.prompt = None if missed is None else missed + said.cached
    _completed(said)
    names = usage.keys()
    is_anthropics = "prompt_tokens" not in names and (
        "input_tokens" in names or "inputTokens" in names
    )
    if is_anthropics and said.prompt is not None:
        said.prompt += sum(max(0, number(usage.get(name)) or 0) for name in _APART)
    _read_parts(usage, said)
    thought = said.thought
    if thought and said.prompt is not None and said.completion is not None:
        # Some servers leave out of the completion what the model thought.
        is_apart = said.total == said.prompt + said.completion + thought
        if is_apart or "thoughtsTokenCount" in usage:
            said.completion += thought
        elif thought > said.completion and thought > 0:
            said.completion += thought
            said.contradictions += (f"thought {thought} beside the completion",)
    return said


def _completed(said: ReportedUsage) -> ReportedUsage:
    """Fill in the part that a total and the other part tell."""
    if said.total is not None:
        if said.prompt is None and said.completion is not None:
            said.prompt = said.total - said.completion
        elif said.completion is None and said.prompt is not None:
            said.completion = said.total - said.prompt
    return said


def _timings(timings: dict[str, Any]) -> ReportedUsage:
    """Read llama.cpp's counts: what it evaluated, and what its cache spared it."""
    said = ReportedUsage(completion=number(timings.get("predicted_n")))
    evaluated, cached = number(timings.get("prompt_n")), number(timings.get("cache_n"))
    if evaluated is not None and cached is not None:
        # Without the second, what the cache had is in neither.
        said.prompt, said.cached = evaluated + cached, cached
    return said


def _read_parts(usage: dict[str, Any], said: ReportedUsage) -> None:
    """Read the parts that some models have a price of their own for."""
    said.thought = _inner(usage, _THOUGHT, _THOUGHTS)
    if said.thought is None:
        told = [usage[n] for n in (*_THOUGHTS, "thoughtsTokenCount") if n in usage]
        said.thought = next(filter(None, map(number, told)), None)
    parts: dict[str, int | None] = {}
    for name, places, keys in _PLACES:
        for where in places:
            details = usage.get(where)
            if isinstance(details, dict):
                for key in keys:
                    if details.get(key) is not None:
                        parts[name] = number(details[key])
    written = [usage[name] for name in _WRITTEN if usage.get(name) is not None]
    if written:
        parts["cache_write_in"] = number(written[0])
    said.parts = {name: count for name, count in parts.items() if count != 0}


_PLACES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("cache_write_in", _DETAILS, ("cache_write_tokens", "cache_creation_tokens")),
    ("audio_in", _DETAILS, ("audio_tokens",)),
    ("image_in", _DETAILS, ("image_tokens",)),
    ("audio_out", _THOUGHT, ("audio_tokens",)),
    ("image_out", _THOUGHT, ("image_tokens",)),
)


def number(value: Any) -> int | None:
    """Return a count written as 5, 5.0, "5" or "5.0"; ``None`` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value.partition(".")[0])
    return None


def _count(
    usage: dict[str, Any], names: tuple[str, ...], contradictions: list[str]
) -> int | None:
    """Return a count by the first of its names that tells one.

    A zero beside a count under another name is a field nobody filled.
    """
    told = [number(usage[name]) for name in names if name in usage]
    counts = [count for count in told if count is not None]
    if len(counts) < 2:
        return counts[0] if counts else None
    filled = [count for count in counts if count]
    if len(set(filled)) > 1:
        contradictions.append(f"{names[0]} told as {filled[0]} and {filled[1]}")
    return filled[0] if filled else 0


def _inner(
    usage: dict[str, Any], names: tuple[str, ...], keys: tuple[str, ...]
) -> int | None:
    for name in names:
        details = usage.get(name)
        if isinstance(details, dict):
            for key in keys:
                if details.get(key) is not None:
                    return number(details[key])
    return None


def _cached(usage: dict[str, Any]) -> int | None:
    """Return the cached part of the prompt; 0 where none is told."""
    told: list[Any] = [
        details.get("cached_tokens")
        for details in (usage.get(name) for name in _DETAILS)
        if isinstance(details, dict)
    ]
    told += [usage.get(name) for name in _CACHED]
    present = [value for value in told if value is not None]
    counts = [count for count in map(number, present) if count is not None]
    if not present:
        return 0
    return max(counts) if counts else None

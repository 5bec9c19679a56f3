"""How many tokens a call used: what the upstream says, as far as it is possible.

One reader for every vocabulary. What cannot be read is estimated from the texts
and marked; what is impossible is as unreadable as what is missing. Explicit zeros
are believed: they are free.
"""

import re
from dataclasses import dataclass
from typing import Any

from inference.protocol.estimates import TextSize

_PROMPT = ("prompt_tokens", "input_tokens", "prompt_eval_count")
_COMPLETION = ("completion_tokens", "output_tokens", "eval_count")
_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_CACHED = (
    "cached_tokens",
    "prompt_cache_hit_tokens",
    "cache_read_input_tokens",
)
_THOUGHT = ("completion_tokens_details", "output_tokens_details")
_DIGITS = re.compile(r"\s*[+-]?\d{1,18}(?:\.0*)?\s*")


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
        return told


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


def meter(
    usage: Any, written: TextSize, bounds: UsageBounds, *, since: TextSize | None = None
) -> Tokens:
    """Return what a call used, of what was told and what was written.

    ``since`` is what was written after ``usage`` was told: a running total that the
    end of the stream did not bring up to date.
    """
    said = read_usage(usage)
    guess_out = bounds.estimated_out(written)
    complaints = []
    prompt, completion = said.prompt, said.completion
    if bounds.most_out == 0:
        # Nothing is written, so a total is the prompt.
        prompt, completion = said.total if prompt is None else prompt, 0
    elif prompt is None and completion is None and said.total is not None:
        prompt = min(said.total, bounds.estimated_in)
        completion = said.total - prompt
        complaints.append("only a total")
    if prompt is None:
        prompt = bounds.estimated_in
        complaints.append("no prompt")
    elif not 0 <= prompt <= bounds.most_in:
        complaints.append(f"impossible prompt {prompt}")
        prompt = bounds.estimated_in
    elif bounds.prompts > 1 and prompt * 2 <= bounds.estimated_in:
        complaints.append(f"prompt {prompt} of one in {bounds.prompts}")
        prompt = bounds.estimated_in
    if completion is not None and since is not None and since.texts:
        completion += bounds.estimated_out(since)
        complaints.append("more after the usage")
    if completion is None:
        completion = guess_out
        complaints.append("no completion")
    elif not 0 <= completion <= bounds.most_out + bounds.answers:
        # One more for each answer: some servers count the sign of its end.
        complaints.append(f"impossible completion {completion}")
        completion = guess_out
    elif guess_out and bounds.prompts > 1 and completion * 2 <= guess_out:
        complaints.append(f"completion {completion} of one in {bounds.prompts}")
        completion = guess_out
    cached = said.cached
    if cached is None or cached < 0:
        complaints.append("unreadable cached")
        cached = 0
    completion = min(completion, bounds.most_out)
    return Tokens(
        prompt,
        min(cached, prompt),
        completion,
        bool(complaints),
        "; ".join(complaints),
        None if said.thought is None else max(0, min(said.thought, completion)),
    )


def read_usage(usage: Any) -> ReportedUsage:
    """Read usage in whatever words it is told."""
    if not isinstance(usage, dict):
        return ReportedUsage()
    said = ReportedUsage(
        prompt=_first(usage, _PROMPT),
        completion=_first(usage, _COMPLETION),
        total=number(usage.get("total_tokens")),
    )
    said.cached = _cached(usage)
    if said.total is not None:
        if said.prompt is None and said.completion is not None:
            said.prompt = said.total - said.completion
        elif said.completion is None and said.prompt is not None:
            said.completion = said.total - said.prompt
    if "prompt_tokens" not in usage and said.prompt is not None:
        # Where cached input has a count of its own, it is not part of the input.
        apart = ("cache_read_input_tokens", "cache_creation_input_tokens")
        said.prompt += sum(number(usage.get(name)) or 0 for name in apart)
    thought = said.thought = _inner(usage, _THOUGHT, "reasoning_tokens")
    if (
        thought
        and said.prompt is not None
        and said.completion is not None
        and said.total == said.prompt + said.completion + thought
    ):
        # Some servers leave out of the completion what the model thought.
        said.completion += thought
    return said


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


def _first(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    counts = (number(usage.get(name)) for name in names)
    return next((count for count in counts if count is not None), None)


def _inner(usage: dict[str, Any], names: tuple[str, ...], key: str) -> int | None:
    for name in names:
        details = usage.get(name)
        if isinstance(details, dict) and details.get(key) is not None:
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

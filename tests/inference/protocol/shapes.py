"""How servers tell usage: every vocabulary met so far, and what is to be billed.

A shape is what stands in the answer beside its choices. It is billed exactly as
``(prompt, cached, completion)`` says, or by what can be believed of it and marked.
"""

from dataclasses import dataclass
from typing import Any

# "Hello there!" at 3.5 bytes a token; the prompt as it is estimated (see the callers).
GUESS_IN, GUESS_OUT = 8, 4


@dataclass(frozen=True, slots=True)
class Shape:
    """``told`` is put beside the choices; ``in_choice`` into the one there is."""

    name: str
    told: dict[str, Any]
    billed: tuple[int, int, int]
    is_exact: bool = True
    parts: dict[str, int] | None = None
    in_choice: bool = False


def usage(**told: Any) -> dict[str, Any]:
    return {"usage": told}


def openai(prompt: Any = 11, completion: Any = 5, **more: Any) -> dict[str, Any]:
    return usage(prompt_tokens=prompt, completion_tokens=completion, **more)


RIGHT = (11, 0, 5)
CACHED = (11, 4, 5)
GUESSED = (GUESS_IN, 0, GUESS_OUT)
HUGE = 10**9
DETAILS = "prompt_tokens_details"
THOUGHT = "completion_tokens_details"

SHAPES: tuple[Shape, ...] = (
    # OpenAI's chat, and what servers make of its numbers.
    Shape("openai", openai(total_tokens=16), RIGHT),
    Shape("floats", openai(11.0, 5.0), RIGHT),
    Shape("digits", openai("11", "5"), RIGHT),
    Shape("digits with a fraction", openai("11.0", "5.00"), RIGHT),
    Shape("digits with blanks", openai(" 11 ", " 5 "), RIGHT),
    Shape("without a total", openai(), RIGHT),
    Shape("total as text", openai(total_tokens="16"), RIGHT),
    Shape("total of nothing", openai(total_tokens=0), RIGHT),
    Shape("details of null", openai(**{DETAILS: None, THOUGHT: None}), RIGHT),
    Shape("details of zeros", openai(**{DETAILS: {"cached_tokens": 0}}), RIGHT),
    Shape("unknown fields", openai(cost=0.01, queue_time=1.5, id="x"), RIGHT),
    Shape("only prompt and total", usage(prompt_tokens=11, total_tokens=16), RIGHT),
    Shape("only answer and total", usage(completion_tokens=5, total_tokens=16), RIGHT),
    Shape("answer of null", openai(11, None, total_tokens=16), RIGHT),
    Shape("explicit zeros", openai(0, 0, total_tokens=0), (0, 0, 0)),
    Shape("an answer of nothing", openai(11, 0), (11, 0, 0)),
    # Cached input, in each of its places.
    Shape("openai cached", openai(**{DETAILS: {"cached_tokens": 4}}), CACHED),
    Shape("cached as float", openai(**{DETAILS: {"cached_tokens": 4.0}}), CACHED),
    Shape(
        "deepseek",
        openai(prompt_cache_hit_tokens=4, prompt_cache_miss_tokens=7, total_tokens=16),
        CACHED,
    ),
    Shape(
        "deepseek by halves",
        usage(
            prompt_cache_hit_tokens=4, prompt_cache_miss_tokens=7, completion_tokens=5
        ),
        CACHED,
    ),
    Shape("cached beside", openai(cached_tokens=4), CACHED),
    Shape("litellm", openai(cache_read_input_tokens=4), CACHED),
    # What the model thought.
    Shape(
        "openai reasoning",
        openai(total_tokens=16, **{THOUGHT: {"reasoning_tokens": 3}}),
        RIGHT,
        parts={"reasoning_out": 3},
    ),
    Shape(
        "xai",
        openai(11, 2, total_tokens=16, **{THOUGHT: {"reasoning_tokens": 3}}),
        RIGHT,
        parts={"reasoning_out": 3},
    ),
    Shape(
        "reasoning beside",
        openai(reasoning_tokens=3),
        RIGHT,
        parts={"reasoning_out": 3},
    ),
    Shape(
        "thoughts of nothing",
        openai(**{THOUGHT: {"reasoning_tokens": 0, "audio_tokens": 0}}),
        RIGHT,
    ),
    # OpenAI's newer protocol and Anthropic's.
    Shape(
        "responses",
        usage(
            input_tokens=11,
            output_tokens=5,
            total_tokens=16,
            input_tokens_details={"cached_tokens": 4},
            output_tokens_details={"reasoning_tokens": 3},
        ),
        CACHED,
        parts={"reasoning_out": 3},
    ),
    Shape("anthropic", usage(input_tokens=11, output_tokens=5), RIGHT),
    Shape(
        "anthropic cached",
        usage(input_tokens=7, output_tokens=5, cache_read_input_tokens=4),
        CACHED,
    ),
    Shape(
        "anthropic cache written",
        usage(
            input_tokens=5,
            output_tokens=5,
            cache_read_input_tokens=4,
            cache_creation_input_tokens=2,
            service_tier="standard",
        ),
        CACHED,
        parts={"cache_write_in": 2},
    ),
    Shape("both vocabularies", openai(input_tokens=11, output_tokens=5), RIGHT),
    Shape("one of two filled", openai(0, 0, input_tokens=11, output_tokens=5), RIGHT),
    Shape("the other filled", openai(input_tokens=0, output_tokens=0), RIGHT),
    # Other servers.
    Shape("vllm", openai(total_tokens=16, **{DETAILS: None}), RIGHT),
    Shape("vllm first event", openai(11, None, total_tokens=16), RIGHT),
    Shape("sglang", openai(total_tokens=16, reasoning_tokens=0), RIGHT),
    Shape(
        "mistral",
        openai(total_tokens=16, prompt_audio_seconds=None, num_cached_tokens=None),
        RIGHT,
    ),
    Shape("ollama", {"prompt_eval_count": 11, "eval_count": 5, "done": True}, RIGHT),
    Shape("ollama in usage", usage(prompt_eval_count=11, eval_count=5), RIGHT),
    Shape(
        "llama.cpp timings",
        {"timings": {"prompt_n": 7, "cache_n": 4, "predicted_n": 5, "prompt_ms": 3.2}},
        CACHED,
    ),
    Shape(
        "llama.cpp usage and timings",
        {**openai(), "timings": {"prompt_n": 1, "predicted_n": 99}},
        RIGHT,
    ),
    Shape("groq", {"x_groq": {"id": "r", **openai()}}, RIGHT),
    Shape("moonshot", openai(cached_tokens=4), CACHED, in_choice=True),
    Shape(
        "gemini compatible",
        openai(11, 2, total_tokens=16),
        RIGHT,
        is_exact=False,
    ),
    Shape(
        "gemini",
        {
            "usageMetadata": {
                "promptTokenCount": 11,
                "candidatesTokenCount": 2,
                "thoughtsTokenCount": 3,
                "cachedContentTokenCount": 4,
                "totalTokenCount": 16,
            }
        },
        CACHED,
        parts={"reasoning_out": 3},
    ),
    Shape(
        "cohere",
        usage(
            billed_units={"input_tokens": 11, "output_tokens": 5},
            tokens={"input_tokens": 70, "output_tokens": 8},
        ),
        RIGHT,
    ),
    Shape(
        "cohere's first",
        {"meta": {"billed_units": {"input_tokens": 11.0, "output_tokens": 5.0}}},
        RIGHT,
    ),
    Shape(
        "bedrock",
        usage(inputTokens=7, outputTokens=5, cacheReadInputTokens=4, totalTokens=16),
        CACHED,
    ),
    Shape(
        "bedrock metrics",
        {
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 11,
                "outputTokenCount": 5,
            }
        },
        RIGHT,
    ),
    Shape("ai sdk", usage(promptTokens=11, completionTokens=5, totalTokens=16), RIGHT),
    Shape("watsonx", usage(input_token_count=11, generated_token_count=5), RIGHT),
    Shape("tgi", usage(prompt_tokens=11, generated_tokens=5), RIGHT),
    Shape(
        "empty beside another",
        {"usage": {}, "usageMetadata": {"promptTokenCount": 11, "totalTokenCount": 16}},
        RIGHT,
    ),
    # What cannot be read, or cannot be.
    Shape("no usage", {}, GUESSED, is_exact=False),
    Shape("null", {"usage": None}, GUESSED, is_exact=False),
    Shape("empty", usage(), GUESSED, is_exact=False),
    Shape("a list", {"usage": [11, 5]}, GUESSED, is_exact=False),
    Shape("a number", {"usage": 16}, GUESSED, is_exact=False),
    Shape("text", {"usage": "16 tokens"}, GUESSED, is_exact=False),
    Shape("truth", openai(True, True), GUESSED, is_exact=False),
    Shape("words", openai("eleven", "five"), GUESSED, is_exact=False),
    Shape("halves", openai(11.5, 5.5), GUESSED, is_exact=False),
    Shape("nested", openai({"total": 11}, {"total": 5}), GUESSED, is_exact=False),
    Shape("negative", openai(-11, -5), GUESSED, is_exact=False),
    Shape("absurd", openai(HUGE, HUGE), GUESSED, is_exact=False),
    Shape("beyond any integer", openai(10**30, 10**30), GUESSED, is_exact=False),
    Shape("exponents", openai("1e3", "1e3"), GUESSED, is_exact=False),
    Shape("thousands", openai("1,100", "5,000"), GUESSED, is_exact=False),
    Shape(
        "llama.cpp without its cache",
        {"timings": {"prompt_n": 1, "predicted_n": 5}},
        (GUESS_IN, 0, 5),
        is_exact=False,
    ),
    Shape("absurd answer", openai(11, HUGE), (11, 0, GUESS_OUT), is_exact=False),
    Shape("absurd prompt", openai(HUGE, 5), (GUESS_IN, 0, 5), is_exact=False),
    Shape("absurd total", openai(total_tokens=HUGE), RIGHT, is_exact=False),
    Shape("only a total", usage(total_tokens=16), (8, 0, 8), is_exact=False),
    Shape("only a prompt", usage(prompt_tokens=11), (11, 0, GUESS_OUT), is_exact=False),
    Shape(
        "only an answer", usage(completion_tokens=5), (GUESS_IN, 0, 5), is_exact=False
    ),
    Shape(
        "two stories", openai(input_tokens=12, output_tokens=5), RIGHT, is_exact=False
    ),
    Shape(
        "cached beyond the prompt",
        openai(**{DETAILS: {"cached_tokens": 99}}),
        (11, 11, 5),
        is_exact=False,
    ),
    Shape(
        "cached below nothing",
        openai(**{DETAILS: {"cached_tokens": -4}}),
        RIGHT,
        is_exact=False,
    ),
    Shape(
        "cached below nothing beside the input",
        usage(input_tokens=11, output_tokens=5, cache_read_input_tokens=-9),
        RIGHT,
        is_exact=False,
    ),
    Shape(
        "thought beside the answer",
        openai(11, 2, **{THOUGHT: {"reasoning_tokens": 3}}),
        RIGHT,
        is_exact=False,
        parts={"reasoning_out": 3},
    ),
    Shape(
        "sound nobody asked for",
        openai(**{THOUGHT: {"audio_tokens": 3}}),
        RIGHT,
        is_exact=False,
    ),
    Shape(
        "cache written below nothing",
        openai(cache_creation_input_tokens=-2),
        RIGHT,
        is_exact=False,
    ),
)

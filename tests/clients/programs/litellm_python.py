"""LiteLLM by all three protocols, and the classes its fallbacks look for."""

from typing import Any

import litellm
from checks import (
    BASE_URL,
    GREETING,
    IS_REAL,
    KEY,
    LIMITED_KEY,
    LONG,
    MODEL,
    PREMIUM,
    QUESTION,
    ROOT_URL,
    SCHEMA,
    UNKNOWN,
    WRONG_KEY,
    check,
    refused,
    same,
)

litellm.suppress_debug_info = True
CONTEXT = litellm.ContextWindowExceededError
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
]


def completion(
    provider: str, key: str = KEY, model: str = MODEL, said: str = QUESTION, **more: Any
) -> Any:
    base = ROOT_URL if provider == "anthropic" else BASE_URL
    return litellm.completion(
        model=f"{provider}/{model}",
        messages=[{"role": "user", "content": said}],
        api_base=base,
        api_key=key,
        max_tokens=24,
        num_retries=0,
        max_retries=0,
        **more,
    )


def respond(
    key: str = KEY, model: str = MODEL, said: str = QUESTION, **more: Any
) -> Any:
    return litellm.responses(
        model=f"openai/{model}",
        input=said,
        api_base=BASE_URL,
        api_key=key,
        max_output_tokens=24,
        num_retries=0,
        max_retries=0,
        **more,
    )


def streamed(provider: str) -> str:
    return "".join(
        event.choices[0].delta.content or ""
        for event in completion(provider, stream=True)
        if event.choices
    )


def response_streamed() -> str:
    return "".join(
        event.delta
        for event in respond(stream=True)
        if event.type == "response.output_text.delta"
    )


def errors(protocol: str, ask: Any) -> None:
    for name, status, asked in (
        ("401", 401, {"key": WRONG_KEY}),
        ("403", 403, {"model": PREMIUM}),
        ("404", 404, {"model": UNKNOWN}),
        ("429", 429, {"key": LIMITED_KEY}),
    ):
        check(
            protocol,
            name,
            lambda asked=asked, status=status: refused(
                lambda: ask(**asked), status=status
            ),
        )
    check(
        protocol,
        "context",
        lambda: refused(lambda: ask(said=LONG), status=400, kind=CONTEXT),
    )


for protocol, provider in (("chat", "openai"), ("messages", "anthropic")):

    def ask(provider: str = provider, **asked: Any) -> Any:
        return completion(provider, **asked)

    check(
        protocol,
        "plain",
        lambda ask=ask: same(ask().choices[0].message.content, GREETING),
    )
    check(
        protocol, "stream", lambda provider=provider: same(streamed(provider), GREETING)
    )
    if not IS_REAL:
        check(
            protocol,
            "tools",
            lambda ask=ask: same(
                ask(tools=TOOLS).choices[0].message.tool_calls[0].function.name,
                "weather",
            ),
        )
        errors(protocol, ask)
check(
    "responses",
    "plain",
    lambda: same(respond().output[-1].content[0].text, GREETING),
)
check("responses", "stream", lambda: same(response_streamed(), GREETING))
if not IS_REAL:
    check(
        "responses",
        "tools",
        lambda: same(
            respond(
                tools=[{"type": "function", "name": "weather", "parameters": SCHEMA}]
            )
            .output[-1]
            .name,
            "weather",
        ),
    )
    errors("responses", respond)

"""pydantic-ai by all three protocols."""

from typing import Any

from anthropic import AsyncAnthropic
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
    UNKNOWN,
    WEATHER,
    WRONG_KEY,
    check,
    refused,
    same,
)
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class Reading(BaseModel):
    city: str
    degrees: int


def openai_of(key: str) -> OpenAIProvider:
    return OpenAIProvider(
        openai_client=AsyncOpenAI(base_url=BASE_URL, api_key=key, max_retries=0)
    )


def chat(key: str = KEY, model: str = MODEL) -> Any:
    return OpenAIChatModel(model, provider=openai_of(key))


def responses(key: str = KEY, model: str = MODEL) -> Any:
    return OpenAIResponsesModel(model, provider=openai_of(key))


def messages(key: str = KEY, model: str = MODEL) -> Any:
    client = AsyncAnthropic(base_url=ROOT_URL, api_key=key, max_retries=0)
    return AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))


def agent(model: Any, **more: Any) -> Any:
    return Agent(model, model_settings={"max_tokens": 24}, **more)


def streamed(model: Any) -> str:
    result = agent(model).run_stream_sync(QUESTION)
    return "".join(result.stream_text(delta=True, debounce_by=None))


def with_tool(model: Any) -> str:
    helped = agent(model)

    @helped.tool_plain
    def weather(city: str, degrees: int) -> str:
        """Tell the weather."""
        return "21"

    return str(helped.run_sync(QUESTION).output)


def checks_of(protocol: str, make: Any) -> None:
    check(
        protocol,
        "plain",
        lambda: same(agent(make()).run_sync(QUESTION).output, GREETING),
    )
    check(protocol, "stream", lambda: same(streamed(make()), GREETING))
    if IS_REAL:
        return
    check(protocol, "tools", lambda: same(with_tool(make()), WEATHER))
    check(
        protocol,
        "structured",
        lambda: same(
            agent(make(), output_type=Reading).run_sync(QUESTION).output,
            Reading(city="Paris", degrees=21),
        ),
    )
    for name, status, asked, said in (
        ("401", 401, {"key": WRONG_KEY}, QUESTION),
        ("403", 403, {"model": PREMIUM}, QUESTION),
        ("404", 404, {"model": UNKNOWN}, QUESTION),
        ("429", 429, {"key": LIMITED_KEY}, QUESTION),
        ("context", 400, {}, LONG),
    ):
        check(
            protocol,
            name,
            lambda asked=asked, status=status, said=said: refused(
                lambda: agent(make(**asked)).run_sync(said), status=status
            ),
        )


checks_of("chat", chat)
checks_of("responses", responses)
checks_of("messages", messages)

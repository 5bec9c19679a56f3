"""LangChain by all three protocols, and the class its fallbacks look for."""

from typing import Any

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
    WRONG_KEY,
    check,
    refused,
    same,
)
from langchain_anthropic import ChatAnthropic
from langchain_core.exceptions import ContextOverflowError
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Reading(BaseModel):
    """What a thermometer says."""

    city: str
    degrees: int


@tool
def weather(city: str, degrees: int) -> str:
    """Tell the weather."""
    return "21"


def openai_chat(key: str = KEY, model: str = MODEL) -> Any:
    return ChatOpenAI(
        model=model, base_url=BASE_URL, api_key=key, max_retries=0, max_tokens=24
    )


def openai_responses(key: str = KEY, model: str = MODEL) -> Any:
    return ChatOpenAI(
        model=model,
        base_url=BASE_URL,
        api_key=key,
        max_retries=0,
        max_tokens=24,
        use_responses_api=True,
    )


def messages(key: str = KEY, model: str = MODEL) -> Any:
    return ChatAnthropic(
        model=model, base_url=ROOT_URL, api_key=key, max_retries=0, max_tokens=24
    )


def text_of(message: Any) -> str:
    return str(message.text if isinstance(message.text, str) else message.text())


def checks_of(protocol: str, make: Any) -> None:
    check(protocol, "plain", lambda: same(text_of(make().invoke(QUESTION)), GREETING))
    check(
        protocol,
        "stream",
        lambda: same("".join(map(text_of, make().stream(QUESTION))), GREETING),
    )
    if IS_REAL:
        return
    check(
        protocol,
        "tools",
        lambda: same(
            make().bind_tools([weather]).invoke(QUESTION).tool_calls[0]["name"],
            "weather",
        ),
    )
    check(
        protocol,
        "structured",
        lambda: same(
            make().with_structured_output(Reading).invoke(QUESTION),
            Reading(city="Paris", degrees=21),
        ),
    )
    for name, status, wait, asked in (
        ("401", 401, False, {"key": WRONG_KEY}),
        ("403", 403, False, {"model": PREMIUM}),
        ("404", 404, False, {"model": UNKNOWN}),
        ("429", 429, True, {"key": LIMITED_KEY}),
    ):
        check(
            protocol,
            name,
            lambda asked=asked, status=status, wait=wait: refused(
                lambda: make(**asked).invoke(QUESTION), status=status, wait=wait
            ),
        )
    check(
        protocol,
        "context",
        lambda: refused(
            lambda: make().invoke(LONG), status=400, kind=ContextOverflowError
        ),
    )


checks_of("chat", openai_chat)
checks_of("responses", openai_responses)
checks_of("messages", messages)

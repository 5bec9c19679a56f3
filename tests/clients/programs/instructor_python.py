"""instructor: structured answers, by tools and by a schema."""

from typing import Any

import instructor
import openai
from anthropic import Anthropic
from checks import (
    BASE_URL,
    IS_REAL,
    KEY,
    LONG,
    MODEL,
    QUESTION,
    ROOT_URL,
    UNKNOWN,
    WRONG_KEY,
    check,
    refused,
    same,
)
from pydantic import BaseModel


class Reading(BaseModel):
    city: str
    degrees: int


PARIS = {"city": "Paris", "degrees": 21}


def by_openai(mode: Any, key: str = KEY) -> Any:
    client = openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=0)
    return instructor.from_openai(client, mode=mode)


def by_anthropic(mode: Any, key: str = KEY) -> Any:
    client = Anthropic(base_url=ROOT_URL, api_key=key, max_retries=0)
    return instructor.from_anthropic(client, mode=mode)


def ask(client: Any, model: str = MODEL, said: str = QUESTION) -> Any:
    answer = client.create(
        model=model,
        messages=[{"role": "user", "content": said}],
        response_model=Reading,
        max_tokens=60,
        max_retries=0,
    )
    return answer.model_dump()


def partly(client: Any) -> Any:
    pieces = client.create_partial(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        response_model=Reading,
        max_tokens=60,
        max_retries=0,
    )
    return list(pieces)[-1].model_dump()


if not IS_REAL:
    for protocol, make, tools, schema in (
        ("chat", by_openai, instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA),
        (
            "messages",
            by_anthropic,
            instructor.Mode.ANTHROPIC_TOOLS,
            instructor.Mode.ANTHROPIC_JSON,
        ),
    ):
        check(
            protocol,
            "tools",
            lambda make=make, tools=tools: same(ask(make(tools)), PARIS),
        )
        check(
            protocol,
            "structured",
            lambda make=make, schema=schema: same(ask(make(schema)), PARIS),
        )
        for name, status, key, model, said in (
            ("401", 401, WRONG_KEY, MODEL, QUESTION),
            ("404", 404, KEY, UNKNOWN, QUESTION),
            ("context", 400, KEY, MODEL, LONG),
        ):
            check(
                protocol,
                name,
                lambda make=make, tools=tools, status=status, key=key, model=model, said=said: (
                    refused(lambda: ask(make(tools, key), model, said), status=status)
                ),
            )
    check(
        "responses",
        "tools",
        lambda: same(ask(by_openai(instructor.Mode.RESPONSES_TOOLS)), PARIS),
    )
    check(
        "chat",
        "stream",
        lambda: same(partly(by_openai(instructor.Mode.TOOLS)), PARIS),
    )

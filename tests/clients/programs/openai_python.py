"""OpenAI's own client for Python: chat and Responses."""

from typing import Any

import openai
from checks import (
    BASE_URL,
    GREETING,
    HUGE,
    IS_REAL,
    KEY,
    LIMITED_KEY,
    LONG,
    MODEL,
    PREMIUM,
    QUESTION,
    SCHEMA,
    UNKNOWN,
    WEATHER,
    WRONG_KEY,
    check,
    refused,
    same,
)
from pydantic import BaseModel


class Reading(BaseModel):
    city: str
    degrees: int


def client(key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=0)


def chat(key: str = KEY, model: str = MODEL, said: str = QUESTION, **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": said}]
    more = {"max_tokens": 24, **more}
    return client(key).chat.completions.create(model=model, messages=messages, **more)


def chat_streams() -> None:
    text = "".join(
        event.choices[0].delta.content or ""
        for event in chat(stream=True)
        if event.choices
    )
    same(text, GREETING)


def chat_calls_tools() -> None:
    function = {"name": "weather", "parameters": SCHEMA}
    tools: Any = [{"type": "function", "function": function}]
    first = chat(tools=tools).choices[0].message
    call = first.tool_calls[0]
    same(call.function.name, "weather")
    messages: Any = [
        {"role": "user", "content": QUESTION},
        first,
        {"role": "tool", "tool_call_id": call.id, "content": "21"},
    ]
    last = client().chat.completions.create(model=MODEL, messages=messages, tools=tools)
    same(last.choices[0].message.content, WEATHER)


def chat_parses() -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    answer = client().chat.completions.parse(
        model=MODEL, messages=messages, response_format=Reading, max_tokens=60
    )
    parsed = answer.choices[0].message.parsed
    if not IS_REAL:
        same(parsed, Reading(city="Paris", degrees=21))


def respond(
    key: str = KEY, model: str = MODEL, said: Any = QUESTION, **more: Any
) -> Any:
    more = {"max_output_tokens": 24, **more}
    return client(key).responses.create(model=model, input=said, **more)


def response_streams() -> None:
    with client().responses.stream(
        model=MODEL, input=QUESTION, max_output_tokens=24
    ) as stream:
        kinds = [event.type for event in stream]
        same(stream.get_final_response().output_text, GREETING)
    if kinds[0] != "response.created":
        raise AssertionError(kinds)


def response_calls_tools() -> None:
    tools: Any = [
        {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
    ]
    first = respond(tools=tools)
    call = first.output[-1]
    same(call.name, "weather")
    items: Any = [
        {"role": "user", "content": QUESTION},
        *first.output,
        {"type": "function_call_output", "call_id": call.call_id, "output": "21"},
    ]
    same(respond(said=items, tools=tools).output_text, WEATHER)


def response_parses() -> None:
    answer = client().responses.parse(
        model=MODEL, input=QUESTION, text_format=Reading, max_output_tokens=60
    )
    if not IS_REAL:
        same(answer.output_parsed, Reading(city="Paris", degrees=21))


def errors(protocol: str, ask: Any) -> None:
    for name, status, wait, asked in (
        ("401", 401, False, {"key": WRONG_KEY}),
        ("403", 403, False, {"model": PREMIUM}),
        ("404", 404, False, {"model": UNKNOWN}),
        ("413", 413, False, {"said": HUGE}),
        ("429", 429, True, {"key": LIMITED_KEY}),
    ):
        check(
            protocol,
            name,
            lambda asked=asked, status=status, wait=wait: refused(
                lambda: ask(**asked), status=status, wait=wait
            ),
        )

    def context() -> None:
        try:
            ask(said=LONG)
        except openai.BadRequestError as error:
            same(error.code, "context_length_exceeded")
        else:
            raise AssertionError("was not refused")

    check(protocol, "context", context)


check("chat", "plain", lambda: same(chat().choices[0].message.content, GREETING))
check("chat", "stream", chat_streams)
if not IS_REAL:
    check("chat", "tools", chat_calls_tools)
    check("chat", "structured", chat_parses)
    errors("chat", chat)
check("responses", "plain", lambda: same(respond().output_text, GREETING))
check("responses", "stream", response_streams)
if not IS_REAL:
    check("responses", "tools", response_calls_tools)
    check("responses", "structured", response_parses)
    errors("responses", respond)

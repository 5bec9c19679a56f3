"""Anthropic's own client for Python."""

from typing import Any

import anthropic
from checks import (
    GREETING,
    HUGE,
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
    WEATHER,
    WRONG_KEY,
    check,
    refused,
    same,
)

TOOL: Any = {"name": "weather", "input_schema": SCHEMA}


def client(key: str = KEY) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=ROOT_URL, api_key=key, max_retries=0)


def ask(key: str = KEY, model: str = MODEL, said: Any = QUESTION, **more: Any) -> Any:
    messages: Any = (
        said if isinstance(said, list) else [{"role": "user", "content": said}]
    )
    return client(key).messages.create(
        model=model, max_tokens=24, messages=messages, **more
    )


def streams() -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    with client().messages.stream(
        model=MODEL, max_tokens=24, messages=messages
    ) as stream:
        same("".join(stream.text_stream), GREETING)


def calls_tools() -> None:
    first = ask(tools=[TOOL])
    call = first.content[-1]
    same((call.name, call.input), ("weather", {"city": "Paris", "degrees": 21}))
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21"}
    said = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    same(ask(said=said, tools=[TOOL]).content[0].text, WEATHER)


def is_structured() -> None:
    shape = {"format": {"type": "json_schema", "schema": SCHEMA}}
    text = ask(extra_body={"output_config": shape}).content[0].text
    same(text.replace(" ", ""), '{"city":"Paris","degrees":21}')


def counts() -> None:
    messages: Any = [{"role": "user", "content": QUESTION}]
    counted = client().messages.count_tokens(model=MODEL, messages=messages)
    if counted.input_tokens < 1:
        raise AssertionError(counted)


def context() -> None:
    try:
        ask(said=LONG)
    except anthropic.BadRequestError as error:
        if "prompt is too long" not in str(error):
            raise
    else:
        raise AssertionError("was not refused")


check("messages", "plain", lambda: same(ask().content[0].text, GREETING))
check("messages", "stream", streams)
check("messages", "count", counts)
if not IS_REAL:
    check("messages", "tools", calls_tools)
    check("messages", "structured", is_structured)
    for name, status, wait, asked in (
        ("401", 401, False, {"key": WRONG_KEY}),
        ("403", 403, False, {"model": PREMIUM}),
        ("404", 404, False, {"model": UNKNOWN}),
        ("413", 413, False, {"said": HUGE}),
        ("429", 429, True, {"key": LIMITED_KEY}),
    ):
        check(
            "messages",
            name,
            lambda asked=asked, status=status, wait=wait: refused(
                lambda: ask(**asked), status=status, wait=wait
            ),
        )
    check("messages", "context", context)

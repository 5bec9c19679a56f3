"""A chat as a model is sent it, and as a person quotes it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from inference.playground.models import Message

# What becomes a field of the request as it is.
_NUMBERS = ("temperature", "top_p", "max_tokens", "seed")


def request_of(
    model: str, parameters: dict[str, Any], messages: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the body of a chat request, as a program would send it."""
    if system := parameters.get("system"):
        messages = [{"role": "system", "content": system}, *messages]
    body: dict[str, Any] = {"model": model, "messages": messages}
    body |= {name: parameters[name] for name in _NUMBERS if name in parameters}
    if stop := parameters.get("stop"):
        body["stop"] = stop
    if tools := parameters.get("tools"):
        body["tools"] = tools
    if schema := parameters.get("schema"):
        # The name is the protocol's, which wants one; nobody reads it.
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    return {**body, "stream": True}


def request_for(answer: Message, messages: Sequence[Message]) -> dict[str, Any]:
    """Return exactly what ``answer`` was, or is to be, asked with.

    ``messages`` are those of its chat, in their order.
    """
    before = [each for each in messages if each.number < answer.number]
    asked = [each for each in before if each.role == Message.Role.USER]
    parameters = asked[-1].parameters if asked else {}
    return request_of(
        answer.model, parameters, list(heard_by(answer.column or 0, before))
    )


def heard_by(column: int, messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Yield what the model of a column has heard and said, in the protocol's words.

    A question that brought it no answer is left out with the answer: two questions in
    a row are what some models refuse. The last one is the one being asked.
    """
    own = [each for each in messages if each.column in (None, column)]
    rounds = _rounds(own)
    for index, said in enumerate(rounds):
        answers = [each for each in said if each.role == Message.Role.ASSISTANT]
        is_last = index == len(rounds) - 1
        if all(each.is_empty for each in answers) and not is_last:
            continue
        for each in said:
            if not (each.role == Message.Role.ASSISTANT and each.is_empty):
                yield from _sent(each)


def quoted(messages: Sequence[Message], titles: Mapping[str, str], you: str) -> str:
    """Return a chat as Markdown, each message a quotation under who said it."""
    parts = []
    for each in messages:
        if each.is_empty:
            continue
        is_answer = each.role == Message.Role.ASSISTANT
        who = titles.get(each.model, each.model) if is_answer else you
        text = each.content
        for call in each.calls:
            function = call.get("function", {})
            text += f"\n\n`{function.get('name')}({function.get('arguments')})`"
        for result in each.results:
            text += f"\n\n`{result['name']}` → {result['content']}"
        lines = f"**{who}**\n\n{text.strip()}".splitlines()
        parts.append("\n".join(f"> {line}".rstrip() for line in lines))
    return "\n\n".join(parts)


def _rounds(messages: Sequence[Message]) -> list[list[Message]]:
    """Return the messages by the question they belong to."""
    count = 0

    def number_of(message: Message) -> int:
        nonlocal count
        count += message.role == Message.Role.USER
        return count

    return [list(said) for _number, said in groupby(messages, key=number_of)]


def _sent(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == Message.Role.TOOL:
        for result in message.results:
            yield {
                "role": "tool",
                "tool_call_id": result["id"],
                "content": result["content"],
            }
        return
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        said["tool_calls"] = message.calls
        said["content"] = message.content or None
    yield said

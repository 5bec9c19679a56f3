"""Whole sessions in the shape of Codex and of Claude Code, turn by turn.

Each file is what the agent sends, and what the model says to it. What the agent sends
back of an answer is what it was told of it, as the real one does.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.stored import services as storing
from inference.usage.models import UsageEvent
from tests.fakes.upstream import DONE, Script, Upstream, delta, events, usage_event
from tests.inference.gateway.conftest import PRO, Customer, recorded

SESSIONS = Path(__file__).parent / "sessions"
Item = dict[str, Any]


def script_of(says: Item) -> Script:
    """Return a chat's stream that says it, in small pieces."""
    pieces = []
    for name, key in (("thought", "reasoning_content"), ("text", "content")):
        words = says.get(name, "").split(" ")
        pieces += [delta(**{key: f"{word} "}) for word in words if word]
    for index, call in enumerate(says.get("calls", ())):
        arguments = json.dumps(call["arguments"], ensure_ascii=False)
        for start in range(0, len(arguments), 9):
            function: Item = {"arguments": arguments[start : start + 9]}
            told: Item = {"index": index, "function": function}
            if not start:
                function["name"] = call["name"]
                told |= {"id": f"call_{call['name']}{index}", "type": "function"}
            pieces.append(delta(tool_calls=[told]))
    finish = "tool_calls" if says.get("calls") else "stop"
    return events(*pieces, delta(finish), usage_event(), DONE)


def heard(answer: httpx.Response) -> list[Item]:
    """Return the events of a stream; each says its kind twice, the same."""
    told = []
    for event in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
        if "data" in lines:
            value = json.loads(lines["data"])
            assert value["type"] == lines["event"]
            told.append(value)
    return told


def output_of(told: list[Item]) -> list[Item]:
    """Return a response's items as Codex collects them: one by one, when done."""
    items = [e["item"] for e in told if e["type"] == "response.output_item.done"]
    assert told[-1]["type"] == "response.completed"
    assert told[-1]["response"]["output"] == items
    return items


def content_of(told: list[Item]) -> list[Item]:
    """Return a message's blocks as Anthropic's clients put them together."""
    blocks: list[Item] = []
    for event in told:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "_json": ""})
        elif event["type"] == "content_block_delta":
            said, block = event["delta"], blocks[event["index"]]
            for kind, name in (
                ("text_delta", "text"),
                ("thinking_delta", "thinking"),
                ("input_json_delta", "_json"),
            ):
                if said["type"] == kind:
                    block[name] += said.get("partial_json", said.get(name))
    assert told[-1]["type"] == "message_stop"
    for block in blocks:
        arguments = block.pop("_json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(arguments)
        block.pop("citations", None)
    return blocks


def calls_of(items: list[Item]) -> list[str]:
    """Return the ids by which results are sent back."""
    return [
        item.get("call_id") or item["id"]
        for item in items
        if item["type"] in {"function_call", "custom_tool_call", "tool_use"}
    ]


def put_in(results: list[Item], calls: list[str]) -> list[Item]:
    text = json.dumps(results)
    for number, call in enumerate(calls):
        text = text.replace(f"$call_{number}", call)
    filled: list[Item] = json.loads(text)
    return filled


@pytest.mark.parametrize(
    ("name", "keeps"),
    [("codex", False), ("codex", True), ("claude_code", False)],
    ids=["codex", "codex stored", "claude code"],
)
def test_a_session_is_understood_from_its_first_turn_to_its_last(
    customer: Callable[..., Customer],
    offer: Any,
    upstream: Upstream,
    name: str,
    keeps: bool,
) -> None:
    session = json.loads((SESSIONS / f"{name}.json").read_text(encoding="utf-8"))
    if keeps:
        session["request"]["store"] = keeps
    ada = customer(features=PRO)
    if keeps:
        storing.set_choice(ada.organisation, days=1, by=ada.user)
    offer(upstream, "agent-model", capabilities=["chat", "reasoning", "tools"])
    is_responses = session["road"] == "/responses"
    said: list[Item] = []
    previous: Item = {}
    for turn in session["turns"]:
        upstream.scripts["agent-model"] = script_of(turn["says"])
        said += turn.get("input") or turn.get("messages") or []
        asked = {"input" if is_responses else "messages": said}
        body = {"model": "agent-model", **session["request"], **asked, **previous}
        if turn.get("counts"):
            count(ada, body, session["headers"])
        answer = ada.post(session["road"], json=body, headers=session["headers"])
        assert answer.status_code == 200, answer.text

        told = heard(answer)
        items = output_of(told) if is_responses else content_of(told)
        wanted = [call["arguments"] for call in turn["says"].get("calls", ())]
        assert [arguments_of(item) for item in items if has_call(item)] == wanted
        results = put_in(following(session, turn), calls_of(items))
        if keeps:
            previous = {"previous_response_id": told[-1]["response"]["id"]}
            said = results
        elif is_responses:
            said = [*said, *items, *results]
        else:
            said = [*said, {"role": "assistant", "content": items}]
            said += [{"role": "user", "content": results}] if results else []

    rows = recorded(len(session["turns"]))
    assert {row.status for row in rows} == {UsageEvent.Status.OK}
    assert {row.is_estimated for row in rows} == {False}
    last = upstream.requests[-1]["payload"]["messages"]
    assert [message["role"] for message in last].count("tool") == len(
        [c for turn in session["turns"] for c in turn["says"].get("calls", ())]
    )
    # An answer's calls stay one message, with the thought that led to them.
    thinking = [m["reasoning_content"] for m in last if m.get("reasoning_content")]
    assert thinking == ["I look at the file first. "]


def count(ada: Customer, body: Item, headers: Item) -> None:
    names = ("model", "messages", "system", "tools", "thinking")
    counted = ada.post(
        "/messages/count_tokens",
        json={name: body[name] for name in names},
        headers=headers,
    )
    assert counted.json()["input_tokens"] > 100


def following(session: Item, turn: Item) -> list[Item]:
    """Return what the agent sends after a turn."""
    turns = session["turns"]
    number = turns.index(turn) + 1
    results: list[Item] = (
        turns[number].get("goes_on", []) if number < len(turns) else []
    )
    return results


def has_call(item: Item) -> bool:
    return item["type"] in {"function_call", "custom_tool_call", "tool_use"}


def arguments_of(item: Item) -> Any:
    if item["type"] == "function_call":
        return json.loads(item["arguments"])
    if item["type"] == "custom_tool_call":
        return {"input": item["input"]}
    return item["input"]

"""Every line of ``docs/upstream-errors.md``, played through a gateway on every road."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Script, Upstream
from tests.inference.gateway.conftest import HELLO, PRO, Customer

TABLE = Path(__file__).parents[3] / "docs" / "upstream-errors.md"
TOO_LONG = (
    "Your input exceeds the context window of this model. "
    "Please adjust your input and try again. "
)
ROADS: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": HELLO, "max_tokens": 50, "temperature": 1},
    "/responses": {"input": HELLO, "max_output_tokens": 50, "temperature": 1},
    "/messages": {"messages": HELLO, "max_tokens": 50, "temperature": 1},
}


@dataclass(frozen=True)
class Line:
    """One line of the table, by its columns."""

    server: str
    status: str
    retry_after: str
    body: str
    told: str
    kind: str
    code: str
    param: str
    wait: str
    message: str
    anthropic: str
    anthropic_kind: str
    anthropic_message: str

    @property
    def script(self) -> Script:
        is_json = self.body[:1] in {"{", "["}
        headers = {"content-type": "application/json" if is_json else "text/html"}
        if self.retry_after:
            headers["retry-after"] = self.retry_after
        return Script([self.body.encode()], int(self.status), headers)

    def expected(self, road: str) -> dict[str, Any]:
        """Return the error this line promises on a road."""
        if road == "/messages":
            message = self.anthropic_message
            return {
                "type": self.anthropic_kind,
                "message": self.message if message == "same" else message,
            }
        told = {
            "message": self.message,
            "type": self.kind,
            "param": self.param or None,
            "code": self.code or None,
        }
        if road == "/responses" and self.param == "messages":
            told |= {"message": TOO_LONG + self.message, "param": "input"}
        return told

    def status_on(self, road: str) -> int:
        return int(self.anthropic if road == "/messages" else self.told)


def lines() -> Iterator[Line]:
    text = TABLE.read_text(encoding="utf-8").rpartition("|---|\n")[2]
    for row in text.splitlines():
        cells = [_plain(cell.strip()) for cell in row.strip("| ").split(" | ")]
        yield Line(*cells)


def roads_of(line: Line) -> list[str]:
    """Return the roads that need a model of their own.

    Three refused keys in a row close a deployment; anything else is one for all.
    """
    return list(ROADS) if line.status == "401" else [""]


def _plain(cell: str) -> str:
    """Return what stands between the marks of code."""
    if cell.startswith("`` "):
        return cell.removeprefix("`` ").removesuffix(" ``")
    return cell.strip("`")


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer(features=PRO)


def test_every_line_is_what_each_protocol_tells(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    table = list(lines())
    for number, line in enumerate(table):
        for road in roads_of(line):
            slug = f"{number}{road}"
            upstream.scripts[slug] = line.script
            offer(upstream, slug)

    asked = [(n, r, s) for n in range(len(table)) for r in ROADS for s in (True, False)]
    key = {"authorization": f"Bearer {ada.secret}"}
    with httpx.Client(headers=key, timeout=30) as http, ThreadPoolExecutor(4) as pool:

        def ask(number: int, road: str, is_stream: bool) -> httpx.Response:
            own = road if road in roads_of(table[number]) else ""
            body = {"model": f"{number}{own}", "stream": is_stream, **ROADS[road]}
            return http.post(f"{ada.url}{road}", json=body)

        answers = list(pool.map(lambda each: ask(*each), asked))

    assert len(table) > 60
    for (number, road, is_stream), answer in zip(asked, answers, strict=True):
        line = table[number]
        where = (line.server, road, is_stream, answer.text)
        assert answer.status_code == line.status_on(road), where
        assert answer.json()["error"] == line.expected(road), where
        assert answer.headers.get("retry-after", "") == line.wait, where
        assert "secret-internal" not in answer.text, where


def test_no_line_is_there_twice() -> None:
    names = [line.server for line in lines()]

    assert len(names) == len(set(names))
    for line in lines():
        if line.body[:1] in {"{", "["}:
            json.loads(line.body)

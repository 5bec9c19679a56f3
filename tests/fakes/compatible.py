"""Servers of the shapes there are: vLLM's, Ollama's, one that lacks something."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.servers import free_port
from tests.fakes.upstream import serving

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}
USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


@dataclass
class Compatible:
    """What a server does. ``context`` is what Ollama's own API tells of a model."""

    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "tiny"}])
    key: str = ""
    # What other keys are refused with.
    refusals: dict[str, int] = field(default_factory=dict)
    # Each key that was sent, in order.
    keys: list[str] = field(default_factory=list)
    chats: bool = True
    streams: bool = True
    tells_usage: bool = True
    embeds: bool = False
    # What it answers on the roads that only judge texts, by their last word.
    judges: dict[str, Any] = field(default_factory=dict)
    # Where it looks for its key.
    key_header: str = "authorization"
    tools: bool = False
    stops: bool = True
    keeps_maximum: bool = True
    limit: str = "max_tokens"
    context: int = 0
    port: int = field(default_factory=free_port)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def list(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        return web.json_response({"object": "list", "data": self.models})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if refused := self._refused(request):
            return refused
        if not self.chats:
            return web.json_response({"detail": "Not Found"}, status=404)
        if self.limit not in body:
            said = f"Unsupported parameter: use '{self.limit}' instead."
            return web.json_response({"error": {"message": said}}, status=400)
        if body.get("stream"):
            return await self._stream(request)
        message: dict[str, Any] = {"role": "assistant", "content": "yes"}
        if self.stops and body.get("stop"):
            message["content"] = "y"
        if self.tools and body.get("tools"):
            message["tool_calls"] = [CALL]
        usage = {"usage": self._usage(body)} if self.tells_usage else {}
        choice = {"index": 0, "message": message}
        return web.json_response({"choices": [choice], **usage})

    async def embeddings(self, request: web.Request) -> web.Response:
        if not self.embeds:
            said = "this model does not support embeddings"
            return web.json_response({"error": {"message": said}}, status=400)
        row = {"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}
        return web.json_response({"data": [row], "usage": USAGE})

    async def judge(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        answer = self.judges.get(request.path.rpartition("/")[2])
        if answer is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response(answer)

    async def show(self, request: web.Request) -> web.Response:
        info = {"llama.context_length": self.context}
        return web.json_response({"model_info": info})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.streams:
            return web.json_response({"error": "no streams"}, status=501)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": "yes"}}]}
        ]
        if self.tells_usage:
            events.append({"choices": [], "usage": USAGE})
        for event in events:
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    def _usage(self, body: dict[str, Any]) -> dict[str, int]:
        most = body[self.limit]
        written = 1 if self.keeps_maximum else most + 1
        return {**USAGE, "completion_tokens": written}

    def _refused(self, request: web.Request) -> web.Response | None:
        given = request.headers.get(self.key_header, "")
        self.keys.append(given.removeprefix("Bearer "))
        if status := self.refusals.get(self.keys[-1]):
            said = {"error": {"message": "No."}}
            return web.json_response(said, status=status, headers={"retry-after": "9"})
        wanted = "Bearer " * (self.key_header == "authorization") + self.key
        if not self.key or given == wanted:
            return None
        return web.json_response({"error": {"message": "Invalid key"}}, status=401)


@contextmanager
def running_compatible(server: Compatible) -> Iterator[Compatible]:
    """Serve it until the block ends."""
    application = web.Application()
    application.router.add_get("/v1/models", server.list)
    application.router.add_post("/v1/chat/completions", server.chat)
    application.router.add_post("/v1/embeddings", server.embeddings)
    application.router.add_post("/v1/rerank", server.judge)
    application.router.add_post("/v1/moderations", server.judge)
    application.router.add_post("/api/show", server.show)
    with serving(application, server.port):
        yield server

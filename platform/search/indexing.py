"""Embedding what waits for it, in the background, and the vectors that ship as data."""

import asyncio
import json
import logging
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from search.embedder import Embedder, EmbedderAway, TextRefused, is_configured
from search.meaning import Texts, digest_of, texts_of
from search.models import Embedding, IndexEntry

logger = logging.getLogger(__name__)

# Texts of one request: some seconds of one core, so that questions wait for little.
BATCH = 16
# Parts that are looked at together.
PARTS = 50
_LOCK = 0x6D65616E  # "mean": a number of our own among advisory locks
# What nothing holds any more may come back with the next import.
KEPT_DAYS = 30
# A vector of a shipped file as floats of 16 bits: half the room, and a thousandth of
# the difference between two texts.
_SHIPPED = "<{}e"


@dataclass(frozen=True, slots=True)
class Progress:
    """How many parts are found by meaning, of how many there are."""

    done: int
    total: int
    is_configured: bool

    @property
    def waiting(self) -> int:
        return self.total - self.done

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


def progress() -> Progress:
    """Return how far embedding has come."""
    parts = _meant()
    total = parts.count()
    return Progress(total - _waiting().count(), total, is_configured())


def embed_waiting(
    *, seconds: float, on_part: Callable[[int], None] = lambda count: None
) -> int:
    """Embed what waits, for about ``seconds``; return how many parts are done.

    One process at a time does it. While the model is away nothing happens: what waits
    is found by words. Runs again safely; what is done stays done.
    """
    if not is_configured() or not _claim():
        return 0
    try:
        return _embed_until(time.monotonic() + seconds, on_part)
    except EmbedderAway as error:
        logger.warning("search.not_embedded", extra={"error": str(error)})
        return 0
    finally:
        _release()


def _embed_until(deadline: float, on_part: Callable[[int], None]) -> int:
    embedder = Embedder()
    done = 0
    with asyncio.Runner() as runner:
        try:
            while time.monotonic() < deadline and (texts := _next_texts()):
                for batch in _batches(texts):
                    vectors = runner.run(_vectors_of(embedder, batch))
                    keep(vectors)
                    finished = sum(each.whole in vectors for each in texts)
                    done += finished
                    on_part(finished)
                    if time.monotonic() > deadline:
                        break
        finally:
            runner.run(embedder.close())
    return done


async def _vectors_of(
    embedder: Embedder, texts: Sequence[str]
) -> dict[str, list[float]]:
    try:
        vectors = await embedder.passages(texts)
    except TextRefused:
        return {text: await _vector_of(embedder, text) for text in texts}
    return dict(zip(texts, vectors, strict=True))


async def _vector_of(embedder: Embedder, text: str) -> list[float]:
    """Return the vector of as much of a text as the model takes."""
    while True:
        try:
            return (await embedder.passages([text]))[0]
        except TextRefused as error:
            if len(text) < 2:
                raise EmbedderAway(str(error)) from error
            text = text[: len(text) // 2]


def keep(vectors: Mapping[str, Sequence[float]]) -> None:
    """Store the vectors of texts; those that are there stay."""
    Embedding.objects.bulk_create(
        (
            Embedding(
                model=settings.EMBEDDINGS_MODEL, digest=digest_of(text), vector=vector
            )
            for text, vector in vectors.items()
        ),
        ignore_conflicts=True,
    )


def forget_unused() -> int:
    """Delete vectors of texts that nothing has held for a month, and other models'."""
    used: set[str] = set()
    parts = _meant().values_list("title", "heading", "text", "asked").iterator()
    for part in parts:
        used.update(digest_of(text) for text in texts_of(*part))
    old = Embedding.objects.filter(
        made_at__lt=timezone.now() - timedelta(days=KEPT_DAYS)
    )
    unused = [
        pk
        for pk, model, digest in old.values_list("pk", "model", "digest").iterator()
        if model != settings.EMBEDDINGS_MODEL or digest not in used
    ]
    return Embedding.objects.filter(pk__in=unused).delete()[0]


def ship(
    texts: Sequence[Texts], file: Path, *, on_part: Callable[[], None] = lambda: None
) -> int:
    """Write the vectors of ``texts`` to a file; return how many.

    A line of JSON (model, dimensions, digests), then the vectors, 16 bits a number.
    What the file has already is not embedded again. Raises ``EmbedderAway``.
    """
    known = _vectors_in(file) if file.exists() else {}
    embedder = Embedder()
    with asyncio.Runner() as runner:
        for part in texts:
            missing = [each for each in part if digest_of(each) not in known]
            if missing:
                found = runner.run(_vectors_of(embedder, missing))
                known |= {digest_of(text): found[text] for text in found}
            on_part()
        runner.run(embedder.close())
    digests = sorted({digest_of(text) for part in texts for text in part})
    dimensions = len(known[digests[0]])
    head = {
        "model": settings.EMBEDDINGS_MODEL,
        "dimensions": dimensions,
        "digests": digests,
    }
    pack = struct.Struct(_SHIPPED.format(dimensions)).pack
    packed = b"".join(pack(*known[digest]) for digest in digests)
    file.write_bytes(json.dumps(head).encode() + b"\n" + packed)
    return len(digests)


def load_shipped(file: Path) -> int:
    """Store a file's vectors that are missing; return how many texts it knows.

    Those of another model than the configured one are of no use and stay out.
    """
    head, packed = _read(file)
    if head["model"] != settings.EMBEDDINGS_MODEL:
        return 0
    kept = Embedding.objects.filter(model=head["model"])
    known = set(kept.values_list("digest", flat=True))
    Embedding.objects.bulk_create(
        (
            Embedding(model=head["model"], digest=digest, vector=vector)
            for digest, vector in _vectors(head, packed).items()
            if digest not in known
        ),
        batch_size=500,  # a statement of 1 MB
        ignore_conflicts=True,
    )
    return len(head["digests"])


def _vectors_in(file: Path) -> dict[str, Sequence[float]]:
    head, packed = _read(file)
    is_mine = head["model"] == settings.EMBEDDINGS_MODEL
    return _vectors(head, packed) if is_mine else {}


def _vectors(head: dict[str, Any], packed: bytes) -> dict[str, Sequence[float]]:
    rows = struct.Struct(_SHIPPED.format(head["dimensions"])).iter_unpack(packed)
    return dict(zip(head["digests"], rows, strict=True))


def _read(file: Path) -> tuple[dict[str, Any], bytes]:
    line, _, packed = file.read_bytes().partition(b"\n")
    return json.loads(line), packed


def _meant() -> QuerySet[IndexEntry]:
    return IndexEntry.objects.exclude(digest="")


def _waiting() -> QuerySet[IndexEntry]:
    kept = Embedding.objects.filter(
        model=settings.EMBEDDINGS_MODEL, digest=OuterRef("digest")
    )
    return _meant().filter(~Exists(kept))


def _next_texts() -> list[Texts]:
    """Return the texts of the next parts; the current documentation is first."""
    parts = _waiting().order_by("-boost", "pk")[:PARTS]
    rows = parts.values_list("title", "heading", "text", "asked")
    return [texts_of(*part) for part in rows]


def _batches(texts: Sequence[Texts]) -> Iterator[list[str]]:
    """Yield texts to embed, each part's whole after all others of it."""
    wanted = list(dict.fromkeys(text for every in texts for text in every))
    kept = set(
        Embedding.objects.filter(
            model=settings.EMBEDDINGS_MODEL,
            digest__in=[digest_of(text) for text in wanted],
        ).values_list("digest", flat=True)
    )
    missing = [text for text in wanted if digest_of(text) not in kept]
    for at in range(0, len(missing), BATCH):
        yield missing[at : at + BATCH]


def _claim() -> bool:
    """Keep other workers out, for as long as this connection lives."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _release() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])

"""What a part means: the texts of it that are embedded, and how near they are.

A part has a vector of the whole, one of its title with its heading, one of each
paragraph, item and row, and one of each question that its writers say it answers: a
long part says one thing in one line, the whole of it is about all its lines, and who
asks has other words than who writes.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import FloatField, Func

from search.models import Embedding
from search.text import HAN

Vector = Sequence[float]

# Where the middles of models are kept.
MIDDLES = Path(__file__).parent / "middles"
# How much of the middle is taken off a question. All questions in a language lie close
# together, and some passages near every one of them; without what they share, what is
# left tells more, most of all between languages. Chosen on the judged questions that
# are tuned on (tests/inference/providers/judged.py); 0.6 to 1.0 differ little.
WITHOUT_MIDDLE = 0.8
# The model reads 512 tokens. A sign or a Chinese character is up to one, and so are
# three letters of a word: rather too many than too few.
MOST_TOKENS = 480
_PIECE = re.compile(rf"[^\W_{HAN}]{{1,3}}|\S")
# Of each part, so that a table of a thousand rows does not keep a worker for minutes.
MOST_LINES = 24
# Shorter lines say nothing by themselves.
LEAST_LINE = 4

_CODE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Texts:
    """What of a part is embedded."""

    whole: str
    head: str
    lines: tuple[str, ...]
    asked: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return the digest of the whole, under which a part is known."""
        return digest_of(self.whole)

    def __iter__(self) -> Iterator[str]:
        """Yield each text once; the whole is last: who has it has all."""
        yield from dict.fromkeys(
            each for each in (self.head, *self.lines, *self.asked) if each != self.whole
        )
        yield self.whole


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a part is to a question, by dot products with what is embedded of it.

    ``line`` is of the nearest line, ``said`` is what that says. ``asked`` is of the
    nearest question it is said to answer; None where its writers say none.
    """

    whole: float
    head: float
    line: float
    said: str
    asked: float | None = None


class Dot(Func):
    """The dot product of a column of vectors with one vector.

    pgvector does it where it is installed; else the server multiplies arrays, which
    takes about 40 µs for 384 numbers.
    """

    output_field = FloatField()

    def __init__(self, column: str, vector: Vector) -> None:
        super().__init__(column)
        self.against = list(vector)

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **_extra: Any
    ) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        if has_pgvector():
            sql = f"(-({column}::vector <#> %s::vector))"
            return sql, [*parameters, f"[{','.join(map(repr, self.against))}]"]
        sql = f"(SELECT sum(a * b) FROM unnest({column}, %s::real[]) AS pairs(a, b))"  # noqa: S608 - a column
        return sql, [*parameters, self.against]


@lru_cache(maxsize=1)
def has_pgvector() -> bool:
    """Tell whether the database multiplies vectors itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
        return cursor.fetchone() is not None


def texts_of(title: str, heading: str, text: str, asked: Sequence[str] = ()) -> Texts:
    """Return what is embedded of a part: the same for the same words anywhere.

    The site's own address in an example is none of its words. The questions it answers
    are part of the whole, so that what is asked in other words is among what is found,
    and so that who has the whole has them, too.
    """
    text = text.replace(settings.SITE_URL, "")
    head = title if heading in {"", title} else f"{title}: {heading}"
    stripped = (line.strip() for line in _CODE.sub("\n", text).split("\n"))
    lines = [line for line in stripped if len(line) >= LEAST_LINE][:MOST_LINES]
    return Texts(
        _cut("\n".join([head, *asked, text]).strip()),
        _cut(head),
        tuple(_cut(f"{head}\n{line}") for line in lines),
        tuple(map(_cut, asked)),
    )


def digest_of(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def off_middle(vector: Vector, language: str) -> list[float]:
    """Return a question's vector without what it shares with all in its language."""
    middle = _middles(settings.EMBEDDINGS_MODEL).get(language, ())
    if len(middle) != len(vector):
        return list(vector)
    return [
        own - WITHOUT_MIDDLE * shared
        for own, shared in zip(vector, middle, strict=True)
    ]


def nearness_of(
    vector: Vector, parts: Iterable[tuple[str, str, str, Sequence[str]]]
) -> list[Nearness | None]:
    """Return how near each (title, heading, text, asked) is to a ``vector`` off-middle.

    None where it is not embedded yet. One query, however many there are.
    """
    texts = [texts_of(*part) for part in parts]
    wanted = {digest_of(each) for every in texts for each in every}
    products = dict(
        Embedding.objects.filter(
            model=settings.EMBEDDINGS_MODEL, digest__in=wanted
        ).values_list("digest", Dot("vector", vector))
    )
    return [_nearness(every, products) for every in texts]


def _nearness(texts: Texts, products: dict[str, float]) -> Nearness | None:
    whole = products.get(texts.digest)
    if whole is None:
        return None
    lines = [
        (products[digest], text)
        for text in texts.lines
        if (digest := digest_of(text)) in products
    ]
    line, said = max(lines, default=(whole, texts.head))
    asked = (products.get(digest_of(text)) for text in texts.asked)
    return Nearness(
        whole,
        products.get(digest_of(texts.head), whole),
        line,
        said.removeprefix(texts.head),
        max((each for each in asked if each is not None), default=None),
    )


@cache
def _middles(model: str) -> dict[str, Vector]:
    """Return the mean vectors of a model's questions, by language; else nothing.

    They are figures of the model: those of e5 are the means of the judged questions
    that are tuned on.
    """
    file = MIDDLES / f"{model}.json"
    is_name = file.parent == MIDDLES
    return json.loads(file.read_bytes()) if is_name and file.is_file() else {}


def _cut(text: str) -> str:
    """Return as much of the beginning as the model reads."""
    for count, piece in enumerate(_PIECE.finditer(text), start=1):
        if count > MOST_TOKENS:
            return text[: piece.start()].rstrip()
    return text

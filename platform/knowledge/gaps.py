"""What people meet or look for, and nothing answers."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from knowledge.models import Gap
from knowledge.reading import Graph
from search.finding import search_page
from search.misses import misses

# The kind of node whose demand is how many organisations met the code.
ERROR = "error"


@dataclass(frozen=True, slots=True)
class FoundGap:
    """A gap before it has a row."""

    kind: Gap.Kind
    words: str
    demand: int


def find_gaps(graph: Graph) -> Iterator[FoundGap]:
    """Yield error codes nothing explains, and searches that still find nothing."""
    explained = graph.explained()
    for at, (kind, known) in enumerate(zip(graph.kinds, graph.nodes, strict=True)):
        if kind == ERROR and known.demand and at not in explained:
            yield FoundGap(Gap.Kind.CODE, known.key, known.demand)
    for miss in misses():
        if miss.is_empty and not finds(miss.words):
            yield FoundGap(Gap.Kind.SEARCH, miss.words[:300], len(miss.people))


def finds(words: str) -> bool:
    """Tell whether a search that found nothing finds something by now."""
    return bool(search_page(AnonymousUser(), words, page_size=1).items)

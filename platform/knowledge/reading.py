"""What the registered sources know, and how it hangs together by what is written."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from django.conf import settings

from knowledge.models import GraphEdge
from knowledge.registry import Known, needs, sources

_ADDRESS = re.compile(r'href="([^"]+)"')
# Names of models, codes and plans: a word with the signs that they are made of.
_WORD = re.compile(r"[A-Za-z0-9][\w.:/@-]*")
NEED = "need"
# The width of its column; a longer title is cut.
MOST_TITLE = 300
# The width of its column; what has a longer key is left out.
MOST_KEY = 200

Pair = tuple[int, int]


@dataclass(slots=True)
class Graph:
    """Nodes in their order, and edges between places in it; ``kind → pair → times``."""

    kinds: list[str] = field(default_factory=list)
    nodes: list[Known] = field(default_factory=list)
    place: dict[tuple[str, str], int] = field(default_factory=dict)
    written: dict[GraphEdge.Kind, Counter[Pair]] = field(default_factory=dict)

    def add(self, kind: str, known: Known) -> None:
        """Add a node; of two of the same key the first stays."""
        if (kind, known.key) not in self.place and len(known.key) <= MOST_KEY:
            self.place[kind, known.key] = len(self.nodes)
            self.kinds.append(kind)
            self.nodes.append(known)

    @property
    def subjects(self) -> dict[str, int]:
        """What the activity log calls the pages of nodes."""
        return {
            subject: at
            for at, known in enumerate(self.nodes)
            for subject in known.subjects
        }

    def links(self) -> dict[int, set[int]]:
        """Return what each node links to."""
        found: dict[int, set[int]] = {}
        for source, target in self.written.get(GraphEdge.Kind.LINKS, ()):
            found.setdefault(source, set()).add(target)
        return found

    def explained(self) -> set[int]:
        """Return the nodes that something which explains mentions or links to."""
        able = {kind for kind, source in sources().items() if source.explains}
        return {
            target
            for kind in (GraphEdge.Kind.LINKS, GraphEdge.Kind.MENTIONS)
            for source, target in self.written.get(kind, ())
            if self.kinds[source] in able
        }


def read_graph() -> Graph:
    """Read every source, and find links and mentions between what they know."""
    graph = Graph()
    for source in sources().values():
        for known in source.read():
            graph.add(source.kind, known)
    for need in needs().values():
        graph.add(NEED, Known(key=need.key, title_en=str(need.label)))
    by_address = {
        known.url.rstrip("/"): at for at, known in enumerate(graph.nodes) if known.url
    }
    by_name = {name: at for at, known in enumerate(graph.nodes) for name in known.names}
    found: dict[GraphEdge.Kind, Counter[Pair]] = {
        GraphEdge.Kind.LINKS: Counter(),
        GraphEdge.Kind.MENTIONS: Counter(),
        GraphEdge.Kind.ANSWERS: Counter(),
    }
    for at, known in enumerate(graph.nodes):
        links = (by_address.get(each) for each in addresses_in(known.html))
        found[GraphEdge.Kind.LINKS].update(_pairs(at, links))
        related = (graph.place.get(each) for each in known.related)
        found[GraphEdge.Kind.LINKS].update(_pairs(at, related))
        words = (by_name.get(each) for each in words_in(known.text))
        found[GraphEdge.Kind.MENTIONS].update(_pairs(at, words))
        if known.part_of is not None:
            found[GraphEdge.Kind.ANSWERS].update(
                _pairs(at, [graph.place.get(known.part_of)])
            )
    graph.written = found
    return graph


def addresses_in(html: str) -> Iterator[str]:
    """Yield the addresses on this site that HTML links to, without their ends."""
    for address in _ADDRESS.findall(html):
        own = address.removeprefix(settings.SITE_URL)
        if own.startswith("/"):
            yield unquote(urlsplit(own).path).rstrip("/")


def words_in(text: str) -> Iterator[str]:
    """Yield the words of a text as names are written, with no stop at their end."""
    for word in _WORD.findall(text):
        yield word.rstrip(".:-/")


def _pairs(at: int, targets: Iterable[int | None]) -> Iterator[Pair]:
    for target in targets:
        if target is not None and target != at:
            yield at, target

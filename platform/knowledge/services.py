"""Making the graph anew, beside the one that readers see."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from knowledge.following import Following, next_nodes, popular
from knowledge.gaps import find_gaps
from knowledge.models import Build, Gap, GraphEdge, GraphNode
from knowledge.needing import first_needs
from knowledge.preceding import Preceding
from knowledge.reading import MOST_TITLE, NEED, Graph, read_graph
from knowledge.registry import needs
from knowledge.sittings import read_readers

logger = logging.getLogger(__name__)

# A build that has not ended after so long died: the longest one takes minutes.
GIVEN_UP = timedelta(hours=2)
# Rows of one statement, about a megabyte.
_AT_ONCE = 2_000
# Of each node the strongest are kept; nobody reads more of a list.
MOST_OF_KIND = 20
# What is shown below a page: more would be a menu.
SUGGESTED = 5
# Pairs and steps seen less often are chance.
FEWEST = 3
# Nodes anybody may be offered, the most read ones.
KNOWN = 20
# What can be shown next, and what has one shown.
SHOWN = {"doc", "topic"}


def rebuild_graph(at: datetime | None = None) -> Build | None:
    """Make the graph from what is known at ``at``; return it, or ``None``.

    ``None`` says that it is being made elsewhere. Readers see the old graph until the
    new one is whole; then the old one is deleted. Twice gives the same graph twice.
    """
    at = at or timezone.now()
    Build.objects.filter(
        finished_at=None, started_at__lt=timezone.now() - GIVEN_UP
    ).delete()
    try:
        with transaction.atomic():
            build = Build.objects.create()
    except IntegrityError:
        return None
    try:
        _fill(build, at)
        _show(build)
    except BaseException:
        # What is half made must not keep the next one away.
        Build.objects.filter(pk=build.pk).delete()
        raise
    Build.objects.filter(is_current=False, finished_at__isnull=False).delete()
    return build


@transaction.atomic
def _show(build: Build) -> None:
    """Let readers see ``build`` in the place of the one before, in one step."""
    Build.objects.current().update(is_current=False)
    build.is_current, build.finished_at = True, timezone.now()
    build.save(update_fields=["is_current", "finished_at", "sittings"])


def _fill(build: Build, at: datetime) -> None:
    # Titles of needs are kept in English; pages say them in the reader's language.
    with translation.override("en"):
        graph = read_graph()
    following, readers = Following(), Counter[int]()
    first = {need.key: first_needs(need, at) for need in needs().values()}
    preceding = {need: Preceding() for need in first}
    for reader in read_readers(graph.subjects, at):
        readers.update({reading.node for reading in reader.readings})
        for sitting in reader.sittings():
            following.add(sitting)
        if reader.person is not None:
            for need, moments in first.items():
                preceding[need].add(reader, moments.get(reader.person), at)
    build.sittings = following.sittings
    nodes = _save_nodes(build, graph, readers)
    edges = (
        *_written(graph, nodes),
        *_walked(following, nodes),
        *_suggested(graph, following, nodes),
        *_preceding(graph, preceding, nodes),
    )
    for batch in _batches(edges):
        GraphEdge.objects.bulk_create(batch)
    # Two searches may be the same words to us.
    Gap.objects.bulk_create(_gaps(build, graph), ignore_conflicts=True)
    logger.info(
        "knowledge.built", extra={"nodes": len(nodes), "sittings": build.sittings}
    )


def _save_nodes(build: Build, graph: Graph, readers: Counter[int]) -> list[GraphNode]:
    nodes = [
        GraphNode(
            build=build,
            kind=kind,
            key=known.key,
            title_en=known.title_en[:MOST_TITLE],
            title_zh=known.title_zh[:MOST_TITLE],
            url=known.url,
            readers=readers[at],
            demand=known.demand,
        )
        for at, (kind, known) in enumerate(zip(graph.kinds, graph.nodes, strict=True))
    ]
    return GraphNode.objects.bulk_create(nodes, batch_size=_AT_ONCE)


def _written(graph: Graph, nodes: list[GraphNode]) -> Iterator[GraphEdge]:
    for kind, pairs in graph.written.items():
        for (one, other), times in pairs.items():
            yield _edge(nodes, one, other, kind, float(times), times)


def _walked(following: Following, nodes: list[GraphNode]) -> Iterator[GraphEdge]:
    """Yield what is read after and together with each node, the strongest of each."""
    for one, steps in following.steps.items():
        total = sum(steps.values())
        for other, times in steps.most_common(MOST_OF_KIND):
            if times >= FEWEST:
                kind = GraphEdge.Kind.NEXT
                yield _edge(nodes, one, other, kind, times / total, times)
    together: dict[int, list[tuple[float, int, int]]] = {}
    for pair, times in following.pairs.items():
        if times >= FEWEST:
            lift = following.lift_of(pair)
            together.setdefault(pair[0], []).append((lift, pair[1], times))
    for one, found in together.items():
        for lift, other, times in sorted(found, reverse=True)[:MOST_OF_KIND]:
            yield _edge(nodes, one, other, GraphEdge.Kind.TOGETHER, lift, times)


def _suggested(
    graph: Graph, following: Following, nodes: list[GraphNode]
) -> Iterator[GraphEdge]:
    links = {
        one: {other for other in found if graph.kinds[other] in SHOWN}
        for one, found in graph.links().items()
    }
    known = popular(following, limit=KNOWN)
    for at, kind in enumerate(graph.kinds):
        if kind not in SHOWN:
            continue
        found = next_nodes(following, at, links=links, known=known, limit=SUGGESTED)
        for other, score in found:
            times = following.steps.get(at, Counter())[other]
            yield _edge(nodes, at, other, GraphEdge.Kind.SUGGESTS, score, times)


def _preceding(
    graph: Graph, preceding: dict[str, Preceding], nodes: list[GraphNode]
) -> Iterator[GraphEdge]:
    for need, counts in preceding.items():
        target = graph.place[NEED, need]
        for at in counts.readers:
            lift = counts.lift_of(at)
            if lift is not None:
                yield GraphEdge(
                    source=nodes[at],
                    target=nodes[target],
                    kind=GraphEdge.Kind.PRECEDES,
                    weight=lift.value,
                    low=lift.low,
                    high=lift.high,
                    support=lift.support,
                )


def _gaps(build: Build, graph: Graph) -> list[Gap]:
    return [
        Gap(build=build, kind=found.kind, words=found.words, demand=found.demand)
        for found in find_gaps(graph)
    ]


def _edge(
    nodes: list[GraphNode],
    one: int,
    other: int,
    kind: GraphEdge.Kind,
    weight: float,
    times: int,
) -> GraphEdge:
    return GraphEdge(
        source=nodes[one], target=nodes[other], kind=kind, weight=weight, support=times
    )


def _batches(edges: Iterable[GraphEdge]) -> Iterator[list[GraphEdge]]:
    """Yield edges some thousand at a time; each batch is committed by itself."""
    rest = iter(edges)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch

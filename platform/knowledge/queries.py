"""What the current graph says: what to show next, what comes before a need."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from knowledge.models import Build, Gap, GraphEdge, GraphNode
from knowledge.registry import Actor, sources
from search.misses import UnexplainedCode

# What is shown below a page: more would be a menu.
SHOWN = 3


def what_next(kind: str, key: str, *, actor: Actor) -> list[GraphNode]:
    """Return what readers of a node read next, as far as ``actor`` may see it.

    One query, and one more for each kind of which something may have been hidden.
    """
    edges = (
        GraphEdge.objects.filter(
            source__build__is_current=True,
            source__kind=kind,
            source__key=key,
            kind=GraphEdge.Kind.SUGGESTS,
        )
        .select_related("target")
        .order_by("-weight", "target__key")
    )
    return _visible([edge.target for edge in edges], actor)[:SHOWN]


def _visible(nodes: Sequence[GraphNode], actor: Actor) -> list[GraphNode]:
    known = sources()
    hidden: set[int] = set()
    for kind in {node.kind for node in nodes}:
        visible = known[kind].visible if kind in known else None
        if visible is not None:
            keys = visible(actor, [node.key for node in nodes if node.kind == kind])
            hidden |= {
                node.pk for node in nodes if node.kind == kind and node.key not in keys
            }
    return [node for node in nodes if node.pk not in hidden]


def before_needs() -> QuerySet[GraphEdge]:
    """Return which nodes come before which need, the surest first."""
    return (
        GraphEdge.objects.filter(
            source__build__is_current=True, kind=GraphEdge.Kind.PRECEDES
        )
        .select_related("source", "target")
        .order_by("-low", "-pk")
    )


def current_gaps() -> QuerySet[Gap]:
    """Return what nothing answers, what most met first."""
    return Gap.objects.filter(build__is_current=True).order_by("-demand", "kind", "pk")


@dataclass(frozen=True, slots=True)
class Size:
    """How many nodes there are of one kind."""

    kind: str
    nodes: int


def sizes() -> list[Size]:
    """Return how many nodes of each kind the current graph has."""
    rows = GraphNode.objects.current().values("kind").annotate(nodes=Count("pk"))
    return [Size(row["kind"], row["nodes"]) for row in rows.order_by("kind")]


def current_build() -> Build | None:
    return Build.objects.current().first()


def unexplained_errors() -> list[UnexplainedCode]:
    """Return the error codes that nothing explains, for the list of misses."""
    gaps = current_gaps().filter(kind=Gap.Kind.CODE)
    return [UnexplainedCode(gap.words, gap.demand) for gap in gaps]

"""What staff see of the graph: what precedes needs, what is missing, each node."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from core.reading import Values, cursor_of
from edge.pagination import paginate
from edge.tables import csv_response
from knowledge import queries
from knowledge.models import GraphEdge, GraphNode
from knowledge.presentation import kind_label, kind_labels, need_label
from knowledge.registry import needs

# What fits beside one another on the first page.
FIRST = 10
# The strongest of each kind of edge; the rest is in no way different.
MOST_OF_KIND = 20


@require_safe
@staff_required
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The graph at a glance: its size, what comes before needs, what is missing."""
    context = {
        "build": queries.current_build(),
        "sizes": [
            (each.kind, kind_label(each.kind), each.nodes) for each in queries.sizes()
        ],
        "edges": _named(queries.before_needs()[:FIRST]),
        "gaps": queries.current_gaps()[:FIRST],
    }
    return render(request, "knowledge/home.html", context)


@require_safe
@staff_required
def need_list(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """What is read before which need, with its interval; also as CSV."""
    need = Values(request.GET).choice("need", needs())
    found = queries.before_needs()
    if need:
        found = found.filter(target__key=need)
    if _is_csv(request):
        names = ("source__kind", "source__key", "source__title_en", "target__key")
        rows = found.values_list(*names, "weight", "low", "high", "support")
        columns = ["kind", "key", "title", "need", "lift", "low", "high", "readers"]
        return csv_response("before-needs.csv", columns, rows.iterator())
    page = paginate(found, order_by=("-low", "-pk"), cursor=cursor_of(request))
    context = {
        "page": page,
        "edges": _named(page.items),
        "need": need,
        "need_query": urlencode({"need": need}) if need else "",
        "needs": [(key, each.label) for key, each in needs().items()],
    }
    return render(request, "knowledge/need_list.html", context)


@require_safe
@staff_required
def gap_list(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """What people meet or look for and nothing answers; also as CSV."""
    found = queries.current_gaps()
    if _is_csv(request):
        rows = found.values_list("kind", "words", "demand")
        return csv_response("gaps.csv", ["kind", "words", "met_by"], rows.iterator())
    page = paginate(found, order_by=("-demand", "-pk"), cursor=cursor_of(request))
    return render(request, "knowledge/gap_list.html", {"page": page})


@require_safe
@staff_required
def node_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The nodes of one kind or of all, the most read first."""
    labels = kind_labels()
    kind = Values(request.GET).choice("kind", labels)
    found = GraphNode.objects.current()
    if kind:
        found = found.filter(kind=kind)
    page = paginate(found, order_by=("-readers", "-pk"), cursor=cursor_of(request))
    context = {
        "page": page,
        "rows": [(node, kind_label(node.kind)) for node in page],
        "kind": kind,
        "kind_query": urlencode({"kind": kind}) if kind else "",
        "kinds": labels.items(),
    }
    return render(request, "knowledge/node_list.html", context)


@require_safe
@staff_required
def node(request: AuthenticatedHttpRequest, kind: str, key: str) -> HttpResponse:
    """One node: what it leads to, and what leads to it."""
    found = get_object_or_404(GraphNode.objects.current(), kind=kind, key=key)
    leads = found.edges_out.select_related("target").order_by("kind", "-weight", "pk")
    led = found.edges_in.select_related("source").order_by("kind", "-weight", "pk")
    context = {
        "node": found,
        "kind": kind_label(kind),
        "leads": list(_grouped(leads, "target")),
        "led": list(_grouped(led, "source")),
    }
    return render(request, "knowledge/node.html", context)


def _grouped(
    edges: Any, end: str
) -> Iterator[tuple[str, list[tuple[GraphEdge, GraphNode]]]]:
    """Yield the strongest edges of each kind with the node at their other end."""
    for kind, found in groupby(edges, key=lambda edge: edge.kind):
        listed = [(edge, getattr(edge, end)) for edge in found][:MOST_OF_KIND]
        yield str(GraphEdge.Kind(kind).label), listed


def _named(edges: Any) -> list[tuple[GraphEdge, str]]:
    return [(edge, need_label(edge.target)) for edge in edges]


def _is_csv(request: HttpRequest) -> bool:
    return Values(request.GET).choice("format", ("csv",)) == "csv"

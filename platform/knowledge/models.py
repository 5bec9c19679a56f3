from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.clock import now


class BuildQuerySet(models.QuerySet["Build"]):
    def current(self) -> Self:
        """The build that readers see; at most one."""
        return self.filter(is_current=True)


class Build(models.Model):
    """One making of the graph. Readers see the old one until the new one is whole."""

    started_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True)
    is_current = models.BooleanField(default=False)
    sittings = models.PositiveIntegerField(default=0)

    objects = BuildQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=Q(is_current=True),
                name="knowledge_build_one_current",
            ),
            # A process that comes while one is made leaves it to the one that makes it.
            models.UniqueConstraint(
                fields=["is_current"],
                condition=Q(finished_at=None),
                name="knowledge_build_one_in_making",
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(finished_at__isnull=False),
                name="knowledge_build_current_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"graph of {self.started_at:%Y-%m-%d %H:%M}"


class GraphNodeQuerySet(models.QuerySet["GraphNode"]):
    def current(self) -> Self:
        """Nodes of the build that readers see."""
        return self.filter(build__is_current=True)


class GraphNode(models.Model):
    """One thing that is known, or needed. ``kind`` is that of its source or ``need``.

    ``readers`` are the people and browsers that looked at it in the days the graph
    looks back on, ``demand`` the organisations that met it in the last 30 days.
    """

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="nodes")
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    title_en = models.CharField(max_length=300)
    title_zh = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=500, blank=True)
    readers = models.PositiveIntegerField(default=0)
    demand = models.PositiveIntegerField(default=0)

    objects = GraphNodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["build", "kind", "key"], name="knowledge_node_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["build", "kind", "-readers", "id"], name="knowledge_node_read"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"

    @property
    def title(self) -> str:
        """The title in the reader's language, else in English."""
        is_chinese = (get_language() or "").startswith("zh")
        return (self.title_zh if is_chinese else "") or self.title_en


class GraphEdge(models.Model):
    """What one node has to do with another; ``weight`` grows with how much.

    ``support`` is how often it was seen. Only ``precedes`` has an interval: its weight
    is a lift, with the limits of 95 %.
    """

    class Kind(models.TextChoices):
        LINKS = "links", pgettext_lazy("edge", "links to")
        MENTIONS = "mentions", pgettext_lazy("edge", "mentions")
        ANSWERS = "answers", pgettext_lazy("edge", "answers")
        NEXT = "next", pgettext_lazy("edge", "is followed by")
        TOGETHER = "together", pgettext_lazy("edge", "is read together with")
        SUGGESTS = "suggests", pgettext_lazy("edge", "suggests")
        PRECEDES = "precedes", pgettext_lazy("edge", "comes before the need")

    source = models.ForeignKey(
        GraphNode, on_delete=models.CASCADE, related_name="edges_out"
    )
    target = models.ForeignKey(
        GraphNode, on_delete=models.CASCADE, related_name="edges_in"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    weight = models.FloatField()
    support = models.PositiveIntegerField(default=1)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "target"], name="knowledge_edge_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="precedes",
                    low__isnull=False,
                    high__isnull=False,
                    low__lte=F("weight"),
                    high__gte=F("weight"),
                )
                | (~Q(kind="precedes") & Q(low=None, high=None)),
                name="knowledge_edge_interval",
            ),
            models.CheckConstraint(
                condition=~Q(source=F("target")), name="knowledge_edge_two_nodes"
            ),
        ]
        indexes = [
            models.Index(
                fields=["source", "kind", "-weight"], name="knowledge_edge_out"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.kind} {self.target_id}"


class Gap(models.Model):
    """Something people meet or look for, and no node answers."""

    class Kind(models.TextChoices):
        CODE = "code", _("Error code that nothing explains")
        SEARCH = "search", _("Search that finds nothing")

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="gaps")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    words = models.CharField(max_length=300)
    # Who met it: organisations of an error, people of a search.
    demand = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["build", "kind", "words"], name="knowledge_gap_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"

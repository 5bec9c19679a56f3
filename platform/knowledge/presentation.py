"""What kinds and needs are called, in the reader's language."""

from django.utils.translation import gettext as _

from knowledge.models import GraphNode
from knowledge.reading import NEED
from knowledge.registry import needs, sources


def kind_labels() -> dict[str, str]:
    """Return what each kind of node is called."""
    found = {kind: str(source.label) for kind, source in sources().items()}
    return {**found, NEED: _("Need")}


def kind_label(kind: str) -> str:
    """Return what one kind is called; of one nobody brings any more, its name."""
    return kind_labels().get(kind, kind)


def need_label(node: GraphNode) -> str:
    """Return what a need is called; of one nobody registers any more, its title."""
    need = needs().get(node.key)
    return str(need.label) if need else node.title

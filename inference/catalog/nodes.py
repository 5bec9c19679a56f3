"""Models on offer, for the knowledge graph."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from inference.catalog.models import Model
from knowledge.registry import Known, NodeSource, register


def register_nodes() -> None:
    """Bring the models into the graph."""
    register(NodeSource(kind="model", label=_("Models"), read=_models))


def _models() -> Iterator[Known]:
    for model in Model.objects.offered().order_by("slug"):
        # Every plan has the open ones.
        needs = (("feature", "premium_models"),) if model.is_premium else ()
        yield Known(
            key=model.slug,
            title_en=model.title,
            url=model.get_absolute_url(),
            text=model.description,
            names=(model.slug,),
            related=needs,
        )

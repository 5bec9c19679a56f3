"""Plans on offer and what they include, for the knowledge graph."""

from collections.abc import Iterator

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from billing.plans.comparison import SOLD
from billing.plans.queries import offers
from entitlements.features import FREE
from knowledge.registry import Known, Need, NodeSource, register, register_need


def register_nodes() -> None:
    """Bring plans and their features into the graph, and a look at the prices."""
    register(NodeSource(kind="feature", label=_("Features"), read=_features))
    register(NodeSource(kind="plan", label=_("Plans"), read=_plans))
    register_need(
        Need(
            key="prices",
            label=_("They looked at the prices"),
            event="page_viewed",
            path="/pricing/",
        )
    )
    register_need(
        Need(key="checkout", label=_("They began a checkout"), event="checkout_started")
    )


def _features() -> Iterator[Known]:
    for sold in SOLD:
        with translation.override("zh-hans"):
            chinese = str(sold.label)
        yield Known(key=sold.feature, title_en=str(sold.label), title_zh=chinese)


def _plans() -> Iterator[Known]:
    for offer in offers():
        more = [
            ("feature", sold.feature)
            for sold in SOLD
            if getattr(offer.features, sold.feature) > getattr(FREE, sold.feature)
        ]
        yield Known(
            key=offer.plan.key,
            title_en=offer.plan.name,
            url="/pricing/",
            related=tuple(more),
        )

from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from inference.catalog.models import Deployment, Model, PriceVersion


def current_prices(at: datetime | None = None) -> QuerySet[PriceVersion]:
    """Return the prices in force at one moment."""
    moment = at or timezone.now()
    return PriceVersion.objects.filter(valid_from__lte=moment).filter(
        Q(valid_to=None) | Q(valid_to__gt=moment)
    )


def with_current_prices(models: QuerySet[Model]) -> QuerySet[Model]:
    """Give each model ``current``: the prices in force, one or none."""
    return models.prefetch_related(
        Prefetch("prices", queryset=current_prices(), to_attr="current")
    )


def offered_models() -> QuerySet[Model]:
    """Return what is on offer, open ones first, each with ``current`` prices."""
    return with_current_prices(Model.objects.offered()).order_by("edition", "slug")


def speaks(deployment: Deployment) -> frozenset[str]:
    """Return the roads beside a chat's that a place was declared to have itself.

    ``messages`` and ``responses``, in ``options["speaks"]``; what is not there is
    translated.
    """
    names = deployment.options.get("speaks")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def capabilities_on_offer() -> list[str]:
    """Return what the models on offer can do, each once."""
    lists = Model.objects.offered().values_list("capabilities", flat=True)
    return sorted({word for words in lists for word in words})

"""Offering models and setting their prices."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from redis.exceptions import RedisError

from core.money import NANO
from inference.catalog import publishing
from inference.catalog.exceptions import PriceInThePast
from inference.catalog.models import Deployment, Model, PriceVersion
from search import services as search
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
CHANNEL = "catalogue"
# A licence lives in the database; this is what one that is no name reads in other
# languages.
TRANSLATED: dict[str, Promise] = {"Commercial": pgettext_lazy("licence", "Commercial")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Billionths of a dollar per million tokens."""

    price_in: int
    price_cached_in: int
    price_out: int
    cost_in: int
    cost_cached_in: int
    cost_out: int
    # Parts with a rate of their own; ``None`` is that of the rest.
    price_cache_write_in: int | None = None
    price_audio_in: int | None = None
    price_image_in: int | None = None
    price_reasoning_out: int | None = None
    price_audio_out: int | None = None
    price_image_out: int | None = None
    cost_cache_write_in: int | None = None
    cost_audio_in: int | None = None
    cost_image_in: int | None = None
    cost_reasoning_out: int | None = None
    cost_audio_out: int | None = None
    cost_image_out: int | None = None

    @classmethod
    def from_dollars(
        cls, price_in: str, price_out: str, cost_in: str, cost_out: str
    ) -> "Rates":
        """Read dollars per million tokens; cached input is half of input."""
        values = [
            int((Decimal(text) * NANO).to_integral_value())
            for text in (price_in, price_out, cost_in, cost_out)
        ]
        return cls(
            price_in=values[0],
            price_cached_in=values[0] // 2,
            price_out=values[1],
            cost_in=values[2],
            cost_cached_in=values[2] // 2,
            cost_out=values[3],
        )


@transaction.atomic
def set_price(
    model: Model, rates: Rates, *, valid_from: datetime | None = None
) -> PriceVersion:
    """Begin a new price; the one before ends at that moment.

    The model is locked so that two people cannot set two prices at once.
    Raises ``PriceInThePast`` when a later price exists already.
    """
    Model.objects.select_for_update().get(pk=model.pk)
    start = valid_from or timezone.now()
    current = model.prices.order_by("-valid_from").first()
    if current is not None:
        if current.valid_from >= start:
            raise PriceInThePast
        model.prices.filter(pk=current.pk).update(valid_to=start)
    transaction.on_commit(announce)
    return PriceVersion.objects.create(
        model=model,
        valid_from=start,
        **{name: getattr(rates, name) for name in Rates.__dataclass_fields__},
    )


def publish_model(
    slug: str, *, deployments: list[dict[str, Any]], rates: Rates, **fields: Any
) -> Model:
    """Offer a model, or bring an offered one up to date.

    Everything is checked before anything is written. Deployments are replaced; a
    price is begun only where the rates changed. Raises ``InvalidModel``.
    """
    places = [Deployment(**described) for described in deployments]
    publishing.check_model(slug, fields)
    publishing.check_rates(rates)
    for place in places:
        publishing.check_deployment(place)
    return _publish(slug, places, rates, fields)


@transaction.atomic
def _publish(
    slug: str, places: list[Deployment], rates: Rates, fields: dict[str, Any]
) -> Model:
    model, _ = Model.objects.update_or_create(
        slug=slug, defaults={"status": Model.Status.ACTIVE, **fields}
    )
    _replace_deployments(model, places)
    current = model.prices.filter(valid_to=None).first()
    if current is None or any(
        getattr(current, name) != getattr(rates, name)
        for name in Rates.__dataclass_fields__
    ):
        set_price(model, rates)
    index_model(model)
    transaction.on_commit(announce)
    return model


@transaction.atomic
def take_offline(places: QuerySet[Deployment]) -> int:
    """Send no more calls to deployments; return how many there were."""
    count = places.update(is_enabled=False)
    if count:
        transaction.on_commit(announce)
    return count


@transaction.atomic
def move(places: QuerySet[Deployment], *, base_url: str, credential: str) -> None:
    """Send the calls of deployments to another address from now on."""
    places.update(base_url=base_url, credential=credential, is_enabled=True)
    transaction.on_commit(announce)


@transaction.atomic
def retire(model: Model) -> None:
    """Take a model off the list for good; its prices and what was used stay.

    Its deployments go, and their credentials with them. The model is locked, as it
    is by one who publishes it at the same moment.
    """
    locked = Model.objects.select_for_update().get(pk=model.pk)
    locked.status = Model.Status.RETIRED
    locked.save(update_fields=["status"])
    locked.deployments.all().delete()
    index_model(locked)
    transaction.on_commit(announce)


@transaction.atomic
def release(model: Model) -> None:
    """Put a draft on the list."""
    locked = Model.objects.select_for_update().get(pk=model.pk)
    locked.status = Model.Status.ACTIVE
    locked.save(update_fields=["status"])
    index_model(locked)
    transaction.on_commit(announce)


def announce() -> None:
    """Have every gateway read the catalogue again."""
    try:
        client().publish(prefixed(CHANNEL), "changed")
    except RedisError as error:
        # Their copies end within seconds by themselves.
        logger.warning("catalog.not_announced", extra={"error": str(error)})


def index_model(model: Model) -> None:
    """Make a model findable in both languages, unless it is not on the list."""
    if model.status != Model.Status.ACTIVE:
        search.remove("model", model.pk)
        return
    search.replace(
        "model",
        model.pk,
        [
            search.Findable(
                kind="model",
                object_id=model.pk,
                url=model.get_absolute_url(),
                title=f"{model.title} ({model.slug})",
                text="\n".join(
                    filter(
                        None,
                        [
                            model.summary,
                            model.summary_zh,
                            model.description,
                            model.description_zh,
                        ],
                    )
                ),
                labels=(model.edition,),
            )
        ],
    )


def ensure_default_models() -> list[Model]:
    """Offer the two documentation assistants, which need nothing outside."""
    assistant = Deployment.Provider.DOCS_ASSISTANT
    open_model = publish_model(
        "doorstone-docs",
        title="Doorstone Docs",
        edition=Model.Edition.OPEN,
        summary="Answers questions from this site's current documentation, with its sources.",
        summary_zh="依据本站当前文档回答问题，并注明出处。",
        description=(
            "Finds the passages of the current documentation that answer a question and "
            "composes the answer from them. It invents nothing: every sentence is from a "
            "page it cites, and it says so when it finds none."
        ),
        description_zh=(
            "从当前文档中找到能回答问题的段落，并据此组成答案。"
            "它不会编造内容：每句话都出自所引用的页面；找不到时会如实说明。"
        ),
        licence="Apache-2.0",
        capabilities=["chat", "completions", "streaming", "citations"],
        context_tokens=16_000,
        max_output_tokens=2_048,
        default_output_tokens=600,
        deployments=[{"provider": assistant, "options": {"scope": "current"}}],
        rates=Rates.from_dollars("0.10", "0.40", "0.04", "0.15"),
    )
    premium_model = publish_model(
        "doorstone-docs-pro",
        title="Doorstone Docs Pro",
        edition=Model.Edition.PREMIUM,
        summary="Also searches solved topics of the forum and older versions of the documentation.",
        summary_zh="还会检索论坛中已解决的话题以及旧版本文档。",
        description=(
            "What Doorstone Docs does, over more: the forum's solved topics, as far as the "
            "caller may see them, and the documentation of older versions."
        ),
        description_zh=(
            "在 Doorstone Docs 的基础上检索更多内容：调用者可见的已解决论坛话题，"
            "以及旧版本的文档。"
        ),
        licence="Commercial",
        capabilities=["chat", "completions", "streaming", "citations"],
        context_tokens=32_000,
        max_output_tokens=4_096,
        default_output_tokens=900,
        deployments=[{"provider": assistant, "options": {"scope": "everything"}}],
        rates=Rates.from_dollars("1.00", "4.00", "0.30", "1.20"),
    )
    return [open_model, premium_model]


def _replace_deployments(model: Model, places: list[Deployment]) -> None:
    """Give a model these deployments; unchanged ones keep their rows."""
    if sorted(map(_described, places)) == sorted(
        map(_described, model.deployments.all())
    ):
        return
    model.deployments.all().delete()
    for place in places:
        place.model = model
    Deployment.objects.bulk_create(places)


def _described(place: Deployment) -> tuple[str, ...]:
    """Return all that a deployment is, whatever fields it comes to have."""
    return tuple(
        json.dumps(getattr(place, field.attname), sort_keys=True, default=str)
        for field in Deployment._meta.concrete_fields  # noqa: SLF001 - documented
        if field.name not in {"id", "model"}
    )

"""Offering models and setting their prices."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from redis.exceptions import RedisError

from core.crypto import decrypt
from core.money import NANO
from inference.catalog import publishing
from inference.catalog.exceptions import NotReady, PriceHasBegun, PriceInThePast
from inference.catalog.models import (
    CompatibilityCard,
    Deployment,
    Model,
    ModelChange,
    PriceVersion,
)
from inference.catalog.queries import current_prices
from search import services as search
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)
CHANNEL = "catalogue"
# Clocks of gateways may differ by so much, and each knows the prices for seconds.
CERTAINLY_AHEAD = timedelta(minutes=1)
NOTICED = (
    *("edition", "licence", "capabilities"),
    *("context_tokens", "max_output_tokens"),
)
# What of a deployment says nothing about what it can do.
UNTRIED = frozenset(
    {"weight", "priority", "is_enabled", "on_disconnect", "idle_timeout"}
    | {"connect_timeout", "first_byte_timeout", "total_timeout"}
)
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


@transaction.atomic
def remove_price(price: PriceVersion) -> None:
    """Take back a price that has not begun; the one before goes on.

    Raises ``PriceHasBegun``.
    """
    Model.objects.select_for_update().get(pk=price.model_id)
    if price.valid_from <= timezone.now() + CERTAINLY_AHEAD:
        raise PriceHasBegun
    prices = PriceVersion.objects.filter(model_id=price.model_id)
    prices.filter(pk=price.pk).delete()
    prices.filter(valid_to=price.valid_from).update(valid_to=price.valid_to)
    transaction.on_commit(announce)


@transaction.atomic
def update_model(model: Model, **fields: Any) -> Model:
    """Change what is said of a model. Raises ``InvalidModel``."""
    publishing.check_model(model.slug, fields)
    locked = Model.objects.select_for_update().get(pk=model.pk)
    _record_changes(locked, fields)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.save(update_fields=[*fields])
    index_model(locked)
    transaction.on_commit(announce)
    return locked


@transaction.atomic
def add_deployment(model: Model, **fields: Any) -> Deployment:
    """Give a model one more place that runs it. Raises ``InvalidModel``."""
    place = Deployment(model=model, **fields)
    publishing.check_deployment(place)
    place.save()
    transaction.on_commit(announce)
    return place


@transaction.atomic
def update_deployment(place: Deployment, **fields: Any) -> Deployment:
    """Change a deployment, its key included; what was found out about it goes.

    Raises ``InvalidModel``.
    """
    locked = Deployment.objects.select_for_update().get(pk=place.pk)
    for name, value in fields.items():
        setattr(locked, name, value)
    publishing.check_deployment(locked)
    locked.save()
    if set(fields) - UNTRIED:
        CompatibilityCard.objects.filter(pk=locked.pk).delete()
    transaction.on_commit(announce)
    return locked


@transaction.atomic
def remove_deployment(place: Deployment) -> None:
    """Take a deployment away, and its key with it."""
    Deployment.objects.filter(pk=place.pk).delete()
    transaction.on_commit(announce)


def record_card(place: Deployment, **found: Any) -> CompatibilityCard:
    """Keep what was found out about a deployment, in place of what was known."""
    card, _ = CompatibilityCard.objects.update_or_create(
        deployment=place,
        defaults={
            "capabilities": [],
            "context_tokens": 0,
            "findings": [],
            "error": "",
            **found,
            "examined_at": timezone.now(),
        },
    )
    return card


def publish_model(
    slug: str, *, deployments: list[dict[str, Any]], rates: Rates, **fields: Any
) -> Model:
    """Offer a model, or bring an offered one up to date.

    Everything is checked before anything is written. Deployments are replaced, those
    that say the same stay; a price is begun only where the rates changed. Raises
    ``InvalidModel``.
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
    values = {"status": Model.Status.ACTIVE, **fields}
    if known := Model.objects.select_for_update().filter(slug=slug).first():
        _record_changes(known, values)
    model, is_new = Model.objects.update_or_create(slug=slug, defaults=values)
    if is_new and model.status == Model.Status.ACTIVE:
        model.changes.create(what=ModelChange.What.PUBLISHED, at=model.released_at)
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
    _record_changes(locked, {"status": Model.Status.RETIRED})
    locked.status = Model.Status.RETIRED
    locked.save(update_fields=["status"])
    locked.deployments.all().delete()
    index_model(locked)
    transaction.on_commit(announce)


@transaction.atomic
def release(model: Model) -> None:
    """Put a draft, or what was retired, on the list. Raises ``NotReady``."""
    locked = Model.objects.select_for_update().get(pk=model.pk)
    is_run = locked.deployments.filter(is_enabled=True).exists()
    if not (is_run and current_prices().filter(model=locked).exists()):
        raise NotReady
    _record_changes(locked, {"status": Model.Status.ACTIVE})
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


def _record_changes(model: Model, fields: Mapping[str, Any]) -> None:
    """Write down what callers notice of a change that is about to be made."""
    changes = []
    status = fields.get("status", model.status)
    if status != model.status and status != Model.Status.DRAFT:
        is_offered = status == Model.Status.ACTIVE
        what = ModelChange.What.PUBLISHED if is_offered else ModelChange.What.RETIRED
        changes.append(ModelChange(model=model, what=what))
    # Nobody can call a draft: how it came about is no news.
    for name in NOTICED if model.status == Model.Status.ACTIVE else ():
        before, after = getattr(model, name), fields.get(name, getattr(model, name))
        if before != after:
            told = {"before": _told(before), "after": _told(after)}
            changes.append(ModelChange(model=model, what=name, **told))
    ModelChange.objects.bulk_create(changes)


def _told(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text[:300]


def _replace_deployments(model: Model, places: list[Deployment]) -> None:
    """Give a model these deployments; each that is there already keeps its row.

    With its row it keeps what hangs on it: its card, and why staff have it paused.
    """
    there: dict[tuple[str, ...], list[Deployment]] = defaultdict(list)
    for place in model.deployments.order_by("pk"):
        there[_described(place)].append(place)
    new = []
    for place in places:
        if same := there[_described(place)]:
            same.pop(0)
        else:
            place.model = model
            new.append(place)
    gone = [place.pk for left in there.values() for place in left]
    model.deployments.filter(pk__in=gone).delete()
    Deployment.objects.bulk_create(new)


def _described(place: Deployment) -> tuple[str, ...]:
    """Return all that a deployment is, whatever fields it comes to have.

    By what is said, not by how it is kept: a key is the same however it was encrypted.
    """
    said = {
        field.attname: getattr(place, field.attname)
        for field in Deployment._meta.concrete_fields  # noqa: SLF001 - documented
        if field.name not in {"id", "model"}
    }
    with suppress(InvalidToken):
        # In a list: what cannot be opened any more is never taken for the key itself.
        said["credential"] = said["credential"] and [decrypt(said["credential"])]
    return tuple(
        json.dumps(value, sort_keys=True, default=str) for value in said.values()
    )
